import Basics
import Wire

enum EnvelopeProperties {
  /// The input is a relay packet.
  static func envelope(_ input: UnsafeRawBufferPointer) -> String? {
    let kind = PacketClass.classify(input)
    guard let sealed = try? SealedEnvelope.parse(input) else { return nil }
    if input.first == UInt8(ascii: "{"), kind != .envelope { return "an envelope passes as \(kind)" }
    if case .claim(let claim) = sealed.envelope {
      _ = (claim.bearerMACInput, Candidate.parseClaim(claim.candidates))
    }
    let canonical = sealed.canonicalBytes
    // Escapes and filled arrays make an envelope longer than it came.
    guard canonical.count <= Envelope.maximumLength else { return nil }
    guard let again = try? SealedEnvelope.parse(canonical) else { return "canonical bytes do not parse" }
    return mismatch("envelope", sealed, again) ?? mismatch("bytes", canonical, again.canonicalBytes)
  }

  /// The input is a relay packet, and the raw fields of a claim and a decision.
  static func nativeMessages(_ input: UnsafeRawBufferPointer) -> String? {
    if let sealed = try? SealedEnvelope.parse(input), sealed.envelope.kind.isNative,
      let violation = mismatch("native bytes", Array(input), sealed.canonicalBytes)
    {
      return violation
    }
    var fields = Fields(rest: input[...])
    var claim = NativeClaim()
    claim.version = Int(fields.byte())
    claim.sessionID = Bytes16(fields.bytes(16)) ?? .zero
    claim.derpPublic = Bytes32(fields.bytes(32)) ?? .zero
    claim.ephemeralPublic = Bytes32(fields.bytes(32)) ?? .zero
    claim.capabilities = UInt32(fields.byte()) << 8
    claim.isRelayOnly = fields.byte() & 1 == 1
    claim.nonce = Bytes16(fields.bytes(16)) ?? .zero
    var decision = NativeDecision()
    decision.claimDigest = claim.derpPublic
    decision.isAccepted = !claim.isRelayOnly
    decision.ephemeralPublic = claim.ephemeralPublic
    let text = fields.text()
    decision.reject = Reject(code: text, reason: text)
    claim.features = text.utf8.split(separator: UInt8(ascii: ",")).map { String(decoding: $0, as: UTF8.self) }
    decision.features = claim.features
    let areValid = NativeFeatures.areValid(claim.features)
    return survives(.nativeClaim(claim), areValid) ?? survives(.nativeDecision(decision), areValid)
  }

  private static func survives(_ envelope: Envelope, _ areFeaturesValid: Bool) -> String? {
    let bytes = envelope.canonicalBytes(mac: "mac")
    guard bytes.count <= Envelope.maximumLength else { return nil }
    let again = try? SealedEnvelope.parse(bytes)
    guard areFeaturesValid else { return again == nil ? nil : "feature names beyond the bounds pass" }
    return mismatch("native", SealedEnvelope(envelope: envelope, mac: "mac"), again)
  }

  /// Cuts an input into fields; what is missing is zero.
  private struct Fields {
    var rest: Slice<UnsafeRawBufferPointer>

    mutating func bytes(_ count: Int) -> [UInt8] {
      let field = Array(rest.prefix(count))
      rest = rest.dropFirst(count)
      return field + Array(repeating: 0, count: count - field.count)
    }

    mutating func byte() -> UInt8 { bytes(1)[0] }

    /// A text of at most 1,000 bytes: a claim has room for no more.
    mutating func text() -> String { String(decoding: bytes(min(rest.count, 1_000)), as: UTF8.self) }
  }
}
