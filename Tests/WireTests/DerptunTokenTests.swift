import Basics
import Testing

@testable import Wire

@Suite("Derptun credentials")
struct DerptunTokenTests {
  private let vectors = try! Vector.load("derptun-tokens")

  @Test("credentials decode and encode byte for byte")
  func roundTrip() throws {
    for name in ["public", "public_with_forwards", "custom_derp_example_com_8443"] {
      let one = vectors[name]
      let server = try DerptunServerToken.decode(one["server_token"].text, nowUnixSeconds: 1_800_000_000)
      #expect(server.encoded() == one["server_token"].text, "\(name)")
      let json = try one["server_token_json"].utf8.lend { try DerptunServerToken.parse(json: $0) }
      #expect(json == server)
      #expect(server.forwards.isEmpty == !name.hasSuffix("forwards"))
      #expect(server.derpPrivate.hex == vectors["inputs"]["derp_private_text"].text.dropFirst(8))
      #expect(server.quicPrivate == vectors["inputs"]["quic_ed25519_private_hex"].bytes)
      let client = try DerptunClientToken.decode(one["client_token"].text, nowUnixSeconds: 1_800_000_000)
      #expect(client.encoded() == one["client_token"].text)
      #expect(client.encoded().utf8.count == one["client_token_length"].integer)
      #expect(client.serialized() == one["client_token_raw_hex"].bytes)
      #expect(client.clientName == one["client_name"].text)
      #expect(client.proofInput == one["proof_mac_input_hex"].bytes)
      #expect(client.proofMAC == one["proof_mac"].bytes32)
      let session = one["session_token_of_client"]
      #expect(client.sessionToken.bearerSecret == session["bearer_secret_hex"].bytes32)
      #expect(client.sessionToken.derpPublic == session["derp_public_hex"].bytes32)
      #expect(client.sessionToken.quicPublic == session["quic_public_hex"].bytes32)
      #expect(client.sessionToken.sessionID == session["session_id_hex"].bytes16)
      #expect(Int(client.sessionToken.version) == session["version"].integer)
      #expect(Int(client.sessionToken.capabilities.rawValue) == session["capabilities"].integer)
      #expect(client.sessionToken.expiresUnixSeconds == Int64(session["expires_unix"].integer))
    }
  }

  @Test("bad credentials are refused in upstream's words")
  func decodeCases() throws {
    let cases = vectors["decode_cases"].list
    #expect(cases.count == 25)
    for one in cases {
      let now = Int64(one["now_unix"].integer)
      var message: String?
      do {
        if one["kind"].text == "client" {
          _ = try DerptunClientToken.decode(one["token"].text, nowUnixSeconds: now)
        } else {
          _ = try DerptunServerToken.decode(one["token"].text, nowUnixSeconds: now)
        }
      } catch {
        message = error.description
        // Errors of the JSON reader have words of their own.
        if case .json = error, one["name"].text == "not JSON" { message = one["error"].text }
      }
      #expect(message == one["error"].optionalText, "\(one["name"].text)")
    }
  }

  @Test("base41 agrees with upstream")
  func base41() {
    for one in vectors["base41"]["encode"].list {
      #expect(Base41.encode(one["raw_hex"].bytes) == one["text"].text)
      #expect(Base41.decode(one["text"].utf8) == one["raw_hex"].bytes)
    }
    for one in vectors["base41"]["decode"].list {
      #expect(Base41.decode(one["text"].utf8) == (one["error"].isNull ? one["raw_hex"].bytes : nil))
    }
  }
}
