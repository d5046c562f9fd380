import Basics
import Testing

@testable import Wire

@Suite("Envelopes against upstream's vectors")
struct EnvelopeVectorTests {
  @Test("every envelope decodes and encodes byte for byte, with and without its MAC")
  func roundTrip() throws {
    let cases = try Vector.load("envelopes")["envelopes"].list
    #expect(cases.count == 31)
    for one in cases {
      let sealed = try SealedEnvelope.parse(one["wire"].utf8)
      guard one["receiver_error"].isNull else {
        #expect(sealed.envelope.canonicalBytes() != one["mac_input_after_prefix"].utf8)
        continue
      }
      #expect(sealed.mac == one["mac"].text, "\(one["name"].text)")
      #expect(sealed.canonicalBytes == one["wire_hex"].bytes, "\(one["name"].text)")
      #expect(
        sealed.envelope.canonicalBytes() == one["mac_input_after_prefix"].utf8, "\(one["name"].text)")
      #expect(one["wire_hex"].bytes.lend(PacketClass.classify) == .envelope)
    }
  }

  @Test("a variant verifies exactly when Go would write the same bytes")
  func canonicalForms() throws {
    let cases = try Vector.load("envelopes")["canonical_form_cases"].list
    #expect(cases.count == 27)
    for one in cases {
      let sealed = try SealedEnvelope.parse(one["wire"].utf8)
      let isSame = sealed.envelope.canonicalBytes() == one["macced_bytes"].utf8
      #expect(isSame == one["accepted"].bool, "\(one["name"].text)")
    }
  }

  @Test("what Go decodes we decode, what it refuses we refuse")
  func decoding() throws {
    for one in try Vector.load("envelopes")["verify_cases"].list {
      var wire = one["wire"].utf8
      while wire.count < one["wire_padded_with_spaces_to"].integer { wire.append(0x20) }
      let name = one["name"].text
      switch one["error"].optionalText {
      case nil, "unauthenticated envelope":
        #expect(throws: Never.self, "\(name)") { try SealedEnvelope.parse(wire) }
      case "invalid envelope size":
        #expect(throws: EnvelopeError.invalidSize, "\(name)") { try SealedEnvelope.parse(wire) }
      default: #expect(throws: EnvelopeError.self, "\(name)") { try SealedEnvelope.parse(wire) }
      }
    }
  }

  @Test("packets are told apart as upstream does, but for what it forgets to exclude")
  func classification() throws {
    for one in try Vector.load("envelopes")["payload_classification"].list {
      let payload = one["payload_hex"].bytes
      // Upstream hands these two types, and `control` and `claim` without body, to QUIC, which drops them.
      let isForgotten =
        one["ready"].bool || one["bulk"].bool
        || [#"{"type":"control"}"#, #"{"type":"claim"}"#].contains(String(decoding: payload, as: UTF8.self))
      let expected: PacketClass =
        one["treated_as_relayed_datagram"].bool && !isForgotten ? .datagram : .envelope
      #expect(payload.lend(PacketClass.classify) == expected, "\(String(decoding: payload, as: UTF8.self))")
    }
    #expect([0xB1, 0, 0].lend(PacketClass.classify) == .sessionFrame)
    #expect([].lend(PacketClass.classify) == .datagram)
  }

  @Test("every envelope of the captured sessions decodes and encodes byte for byte")
  func flows() throws {
    var count = 0
    for flow in try Vector.load("flows")["flows"].list {
      for message in flow["messages"].list where message["payload"].optionalText != nil {
        let sealed = try SealedEnvelope.parse(message["payload"].utf8)
        #expect(
          sealed.canonicalBytes == message["payload"].utf8, "\(flow["name"].text) \(message["i"].integer)")
        #expect(sealed.envelope.kind.rawValue == message["type"].text)
        #expect(sealed.mac?.utf8.count == 43)
        count += 1
      }
    }
    #expect(count > 100)
  }

  @Test("claims carry upstream's bearer MAC input")
  func claims() throws {
    let vectors = try Vector.load("claims")
    for one in vectors["claims"].list {
      let sealed = try SealedEnvelope.parse(one["envelope"]["wire"].utf8)
      guard case .claim(let claim) = sealed.envelope else {
        Issue.record("not a claim")
        continue
      }
      #expect(claim.bearerMACInput == one["bearer_mac_input"].utf8)
      #expect(claim.bearerMAC == one["bearer_mac"].text)
      #expect(claim.canonicalJSON == one["claim_json"].utf8)
      #expect(sealed.canonicalBytes == one["envelope"]["wire"].utf8)
    }
    for one in vectors["gate_cases"].list.flatMap({ $0["steps"].list }) {
      let claim = try one["claim_json"].utf8.lend { try Claim(json: $0, limits: Envelope.limits) }
      #expect(claim.canonicalJSON == one["claim_json"].utf8)
      let decision = try one["decision_json"].utf8.lend { try Decision(json: $0, limits: Envelope.limits) }
      #expect(decision.canonicalJSON == one["decision_json"].utf8)
      let isMalformed = decision.reject?.code == "claim_malformed"
      let isZeroKey = claim.derpPublic == .zero
      if isMalformed { #expect(isZeroKey || Candidate.parseClaim(claim.candidates) == nil) }
      if decision.isAccepted { #expect(Candidate.parseClaim(claim.candidates) != nil) }
    }
  }
}
