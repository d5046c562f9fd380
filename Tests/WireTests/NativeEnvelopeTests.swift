import Basics
import Testing

@testable import Wire

@Suite("Native claims and decisions")
struct NativeEnvelopeTests {
  private var claim: NativeClaim {
    var claim = NativeClaim()
    claim.sessionID = Bytes16(Array(0..<16))!
    claim.derpPublic = Bytes32(Array(0..<32))!
    claim.ephemeralPublic = Bytes32(Array(32..<64))!
    claim.capabilities = 0x101
    claim.nonce = Bytes16(Array(16..<32))!
    return claim
  }

  private let numbers = { (range: Range<Int>) in range.map(String.init).joined(separator: ",") }

  @Test("a claim is written member by member as laid down")
  func claimBytes() throws {
    var claim = claim
    let plain = """
      {"type":"native_claim","mac":"m","native_claim":{"version":1,"session_id":[\(numbers(0..<16))],\
      "derp_public":[\(numbers(0..<32))],"ephemeral_public":[\(numbers(32..<64))],"capabilities":257,\
      "nonce":[\(numbers(16..<32))]}}
      """
    #expect(String(decoding: Envelope.nativeClaim(claim).canonicalBytes(mac: "m"), as: UTF8.self) == plain)
    claim.features = ["resume", "v-2"]
    claim.isRelayOnly = true
    let full = plain.replacing("257,", with: #"257,"features":["resume","v-2"],"relay_only":true,"#)
    #expect(String(decoding: Envelope.nativeClaim(claim).canonicalBytes(mac: "m"), as: UTF8.self) == full)
    #expect(try SealedEnvelope.parse(Array(full.utf8)).envelope == .nativeClaim(claim))
  }

  @Test("a decision is written member by member as laid down")
  func decisionBytes() throws {
    var decision = NativeDecision()
    decision.claimDigest = Bytes32(Array(0..<32))!
    decision.reject = Reject(code: "claimed", reason: "session already claimed")
    let refused = """
      {"type":"native_decision","native_decision":{"version":1,"claim_digest":[\(numbers(0..<32))],\
      "accepted":false,"reject":{"code":"claimed","reason":"session already claimed"}}}
      """
    #expect(String(decoding: Envelope.nativeDecision(decision).canonicalBytes(), as: UTF8.self) == refused)
    #expect(try SealedEnvelope.parse(Array(refused.utf8)).envelope == .nativeDecision(decision))
    decision.reject = nil
    decision.isAccepted = true
    decision.ephemeralPublic = Bytes32(Array(32..<64))!
    decision.features = ["resume"]
    decision.isRelayOnly = true
    let accepted = """
      {"type":"native_decision","native_decision":{"version":1,"claim_digest":[\(numbers(0..<32))],\
      "accepted":true,"ephemeral_public":[\(numbers(32..<64))],"features":["resume"],"relay_only":true}}
      """
    #expect(String(decoding: Envelope.nativeDecision(decision).canonicalBytes(), as: UTF8.self) == accepted)
  }

  @Test("a native message may be spelled in one way only")
  func canonicalOnly() throws {
    let text = String(decoding: Envelope.nativeClaim(claim).canonicalBytes(mac: "m"), as: UTF8.self)
    #expect(throws: Never.self) { try SealedEnvelope.parse(Array(text.utf8)) }
    let variants = [
      text + " ", text.replacing(#","mac""#, with: #", "mac""#),
      text.replacing(#","nonce""#, with: #","relay_only":false,"nonce""#),
      text.replacing(#","nonce""#, with: #","extra":1,"nonce""#),
      text.replacing("nonce", with: "Nonce"),
      text.replacing(#","native_claim""#, with: #","abort":{},"native_claim""#),
    ]
    for variant in variants {
      #expect(throws: EnvelopeError.notCanonical, "\(variant)") {
        try SealedEnvelope.parse(Array(variant.utf8))
      }
    }
  }

  @Test("feature names keep their bounds")
  func features() {
    #expect(NativeFeatures.areValid([]))
    #expect(NativeFeatures.areValid(Array(repeating: String(repeating: "a", count: 32), count: 16)))
    #expect(!NativeFeatures.areValid(Array(repeating: "a", count: 17)))
    for name in ["", String(repeating: "a", count: 33), "A", "a b", "é", "a_b"] {
      #expect(!NativeFeatures.areValid([name]))
      var claim = claim
      claim.features = [name]
      let bytes = Envelope.nativeClaim(claim).canonicalBytes()
      #expect(throws: EnvelopeError.json(.wrongShape)) { try SealedEnvelope.parse(bytes) }
    }
  }
}
