import Basics
import Crypto
import Testing

@testable import Wire

@Suite("MACs of envelopes and derptun credentials")
struct EnvelopeMACTests {
  private func key(_ token: Vector) -> ControlEnvelopeKey {
    ControlEnvelopeKey(
      bearerSecret: token["bearer_secret_hex"].bytes32, sessionID: token["session_id_hex"].bytes16)
  }

  @Test("an envelope verifies exactly when upstream's receiver says so")
  func envelopes() throws {
    let vectors = try Vector.load("envelopes")
    let key = key(vectors["token"])
    func verifies(_ wire: [UInt8]) throws -> Bool {
      let sealed = try SealedEnvelope.parse(wire)
      guard let mac = sealed.mac else { return false }
      return key.verify(mac, of: sealed.envelope.canonicalBytes())
    }
    for one in vectors["envelopes"].list {
      #expect(try verifies(one["wire_hex"].bytes) == one["receiver_error"].isNull, "\(one["name"].text)")
      guard one["receiver_error"].isNull else { continue }
      #expect(key.mac(of: one["mac_input_after_prefix"].utf8) == one["mac"].text)
    }
    for one in vectors["canonical_form_cases"].list {
      #expect(try verifies(one["wire"].utf8) == one["accepted"].bool, "\(one["name"].text)")
    }
    for one in vectors["verify_cases"].list where one["wire_padded_with_spaces_to"].isNull {
      let result = (try? verifies(one["wire"].utf8)) ?? false
      #expect(result == one["error"].isNull, "\(one["name"].text)")
    }
  }

  @Test("every envelope of the captured sessions authenticates under its token")
  func flows() throws {
    var count = 0
    for flow in try Vector.load("flows")["flows"].list {
      let text = flow["token"].text
      let token =
        text.hasPrefix("DT")
        ? try DerptunClientToken.decode(text, nowUnixSeconds: 0).sessionToken
        : try SessionToken.decode(text, nowUnixSeconds: 0)
      let key = ControlEnvelopeKey(bearerSecret: token.bearerSecret, sessionID: token.sessionID)
      for message in flow["messages"].list where message["payload"].optionalText != nil {
        let sealed = try SealedEnvelope.parse(message["payload"].utf8)
        #expect(key.verify(sealed.mac ?? "", of: sealed.envelope.canonicalBytes()), "\(flow["name"].text)")
        if case .claim(let claim) = sealed.envelope {
          #expect(bearerMAC(secret: token.bearerSecret, input: claim.bearerMACInput) == claim.bearerMAC)
        }
        count += 1
      }
    }
    #expect(count > 100)
  }

  @Test("claims carry the bearer MAC of their token")
  func claims() throws {
    let vectors = try Vector.load("claims")
    let secret = vectors["token"]["bearer_secret_hex"].bytes32
    for one in vectors["claims"].list {
      let claim = try one["claim_json"].utf8.lend { try Claim(json: $0, limits: Envelope.limits) }
      #expect(bearerMAC(secret: secret, input: claim.bearerMACInput) == one["bearer_mac"].text)
    }
  }

  @Test("client credentials follow from their server's secret")
  func derptun() throws {
    let vectors = try Vector.load("derptun-tokens")
    for name in ["public", "custom_derp_example_com_8443"] {
      let one = vectors[name]
      let server = try DerptunServerToken.decode(one["server_token"].text, nowUnixSeconds: 0)
      let client = try DerptunClientToken.decode(one["client_token"].text, nowUnixSeconds: 0)
      let secret = server.signingSecret.array
      let bearer = HMACSHA256.authenticate(
        key: secret, parts: [DerptunClientToken.bearerInput(clientID: client.clientID)])
      #expect(Bytes32(bearer) == client.bearerSecret)
      #expect(Bytes32(HMACSHA256.authenticate(key: secret, parts: [client.proofInput])) == client.proofMAC)
      #expect(client.proofMAC == one["proof_mac"].bytes32)
    }
  }
}
