/// A message that travels as JSON in a relay packet: upstream's ten types and our two.
public enum Envelope: Hashable, Sendable {
  case claim(Claim)
  case decision(Decision)
  case control(TransportControl)
  case progress(TransferProgress)
  case abort(Abort)
  case transferClaim(TransferClaim)
  case transferAccept(TransferAccept)
  case transferComplete(TransferComplete)
  case dataPlaneReady(DataPlaneReady)
  case bulkControl(BulkControl)
  case nativeClaim(NativeClaim)
  case nativeDecision(NativeDecision)

  /// The largest envelope, in bytes; larger packets are none.
  public static let maximumLength = 16_384

  static let limits = JSONLimits(maximumBytes: maximumLength, maximumValues: 8_192)

  /// The envelope's type, which is also the name of its body's member.
  public enum Kind: String, CaseIterable, Sendable {
    case claim
    case decision
    case control
    case progress
    case abort
    case transferClaim = "v2_claim"
    case transferAccept = "v2_accept"
    case transferComplete = "v2_complete"
    case dataPlaneReady = "v2_data_plane_ready"
    case bulkControl = "v2_bulk_control"
    case nativeClaim = "native_claim"
    case nativeDecision = "native_decision"

    /// Whether this is a type of ours, unknown to upstream.
    public var isNative: Bool { self == .nativeClaim || self == .nativeDecision }
  }

  /// The envelope's type.
  public var kind: Kind {
    switch self {
    case .claim: .claim
    case .decision: .decision
    case .control: .control
    case .progress: .progress
    case .abort: .abort
    case .transferClaim: .transferClaim
    case .transferAccept: .transferAccept
    case .transferComplete: .transferComplete
    case .dataPlaneReady: .dataPlaneReady
    case .bulkControl: .bulkControl
    case .nativeClaim: .nativeClaim
    case .nativeDecision: .nativeDecision
    }
  }

  /// The canonical bytes: with `mac` what is sent, without it what the MAC is computed over.
  public func canonicalBytes(mac: String? = nil) -> [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("type", kind.rawValue)
      if let mac { writer.member("mac", omittingEmpty: mac) }
      switch self {
      case .claim(let body): writer.member("claim", body)
      case .decision(let body): writer.member("decision", body)
      case .control(let body): writer.member("control", body)
      case .progress(let body): writer.member("progress", body)
      case .abort(let body): writer.member("abort", body)
      case .transferClaim(let body): writer.member("v2_claim", body)
      case .transferAccept(let body): writer.member("v2_accept", body)
      case .transferComplete(let body): writer.member("v2_complete", body)
      case .dataPlaneReady(let body): writer.member("v2_data_plane_ready", body)
      case .bulkControl(let body): writer.member("v2_bulk_control", body)
      case .nativeClaim(let body): writer.member("native_claim", body)
      case .nativeDecision(let body): writer.member("native_decision", body)
      }
    }
    return writer.bytes
  }
}

/// Why a packet is no envelope.
public enum EnvelopeError: Error, Hashable, Sendable {
  /// Empty, or longer than 16,384 bytes.
  case invalidSize
  /// Not JSON, or not of the shape that its members demand.
  case json(JSONError)
  /// A type that nobody knows.
  case unknownType
  /// A known type without its body.
  case missingBody
  /// A native message that is not written canonically. Its bytes are hashed, so they may not vary.
  case notCanonical
}

extension EnvelopeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalidSize: "invalid envelope size"
    case .json(let error): error.description
    case .unknownType: "envelope of unknown type"
    case .missingBody: "envelope without body"
    case .notCanonical: "envelope not in canonical form"
    }
  }
}
