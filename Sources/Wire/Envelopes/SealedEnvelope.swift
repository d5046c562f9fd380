/// An envelope with the MAC that came with it, which nobody has checked yet.
///
/// To check it, compute the MAC over `envelope.canonicalBytes()` and compare in constant time.
public struct SealedEnvelope: Hashable, Sendable {
  /// The message.
  public var envelope: Envelope
  /// The MAC's text; nil when absent or empty.
  public var mac: String?

  public init(envelope: Envelope, mac: String?) {
    self.envelope = envelope
    self.mac = mac
  }

  /// The canonical bytes, MAC included.
  public var canonicalBytes: [UInt8] { envelope.canonicalBytes(mac: mac) }

  /// Reads a packet by Go's rules: unknown members are ignored, names match whatever their case, the last of
  /// duplicates wins. Native messages must be canonical, besides.
  public static func parse(_ packet: UnsafeRawBufferPointer) throws(EnvelopeError) -> SealedEnvelope {
    let document = try EnvelopeDocument.parse(packet)
    guard let kind = document.kind else { throw .unknownType }
    guard let envelope = document.envelope(of: kind) else { throw .missingBody }
    let sealed = SealedEnvelope(envelope: envelope, mac: document.mac.isEmpty ? nil : document.mac)
    guard !kind.isNative || sealed.canonicalBytes.elementsEqual(packet) else { throw .notCanonical }
    return sealed
  }

  /// Reads a packet; see `parse(_:)`.
  public static func parse(_ packet: [UInt8]) throws(EnvelopeError) -> SealedEnvelope {
    try packet.lend { (bytes) throws(EnvelopeError) in try parse(bytes) }
  }
}

/// The members of an envelope as Go declares them: every body optional.
struct EnvelopeDocument: JSONObject {
  static var blank: EnvelopeDocument { EnvelopeDocument() }

  var type = ""
  var mac = ""
  var claim: Claim?
  var decision: Decision?
  var control: TransportControl?
  var progress: TransferProgress?
  var abort: Abort?
  var transferClaim: TransferClaim?
  var transferAccept: TransferAccept?
  var transferComplete: TransferComplete?
  var dataPlaneReady: DataPlaneReady?
  var bulkControl: BulkControl?
  var nativeClaim: NativeClaim?
  var nativeDecision: NativeDecision?

  var kind: Envelope.Kind? { Envelope.Kind(rawValue: type) }

  static func parse(_ packet: UnsafeRawBufferPointer) throws(EnvelopeError) -> EnvelopeDocument {
    guard (1...Envelope.maximumLength).contains(packet.count) else { throw .invalidSize }
    do {
      return try EnvelopeDocument(json: packet, limits: Envelope.limits)
    } catch {
      throw .json(error)
    }
  }

  func envelope(of kind: Envelope.Kind) -> Envelope? {
    switch kind {
    case .claim: claim.map(Envelope.claim)
    case .decision: decision.map(Envelope.decision)
    case .control: control.map(Envelope.control)
    case .progress: progress.map(Envelope.progress)
    case .abort: abort.map(Envelope.abort)
    case .transferClaim: transferClaim.map(Envelope.transferClaim)
    case .transferAccept: transferAccept.map(Envelope.transferAccept)
    case .transferComplete: transferComplete.map(Envelope.transferComplete)
    case .dataPlaneReady: dataPlaneReady.map(Envelope.dataPlaneReady)
    case .bulkControl: bulkControl.map(Envelope.bulkControl)
    case .nativeClaim: nativeClaim.map(Envelope.nativeClaim)
    case .nativeDecision: nativeDecision.map(Envelope.nativeDecision)
    }
  }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "type": try value.store(into: &type)
    case "mac": try value.store(into: &mac)
    case "claim": try value.store(into: &claim)
    case "decision": try value.store(into: &decision)
    case "control": try value.store(into: &control)
    case "progress": try value.store(into: &progress)
    case "abort": try value.store(into: &abort)
    case "v2_claim": try value.store(into: &transferClaim)
    case "v2_accept": try value.store(into: &transferAccept)
    case "v2_complete": try value.store(into: &transferComplete)
    case "v2_data_plane_ready": try value.store(into: &dataPlaneReady)
    case "v2_bulk_control": try value.store(into: &bulkControl)
    case "native_claim": try value.store(into: &nativeClaim)
    case "native_decision": try value.store(into: &nativeDecision)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("type", type)
    writer.member("mac", omittingEmpty: mac)
    writer.member("claim", omittingEmpty: claim)
    writer.member("decision", omittingEmpty: decision)
    writer.member("control", omittingEmpty: control)
    writer.member("progress", omittingEmpty: progress)
    writer.member("abort", omittingEmpty: abort)
    writer.member("v2_claim", omittingEmpty: transferClaim)
    writer.member("v2_accept", omittingEmpty: transferAccept)
    writer.member("v2_complete", omittingEmpty: transferComplete)
    writer.member("v2_data_plane_ready", omittingEmpty: dataPlaneReady)
    writer.member("v2_bulk_control", omittingEmpty: bulkControl)
    writer.member("native_claim", omittingEmpty: nativeClaim)
    writer.member("native_decision", omittingEmpty: nativeDecision)
  }
}
