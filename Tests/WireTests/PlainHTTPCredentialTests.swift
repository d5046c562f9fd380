import Basics
import Testing

@testable import Wire

/// Version 3 is ours, so no vector of upstream's has it: these are made from version 2.
@Suite("Derptun credentials with a relay without TLS")
struct PlainHTTPCredentialTests {
  private let vector = try! Vector.load("derptun-tokens")["custom_derp_example_com_8443"]

  @Test("a client's has one byte more than version 2, which the proof covers, too")
  func client() throws {
    var token = try DerptunClientToken.decode(vector["client_token"].text, nowUnixSeconds: 0)
    let bytes = token.serialized()
    let input = token.proofInput
    token.isPlainHTTP = true
    #expect(token.version == 3)
    #expect(token.serialized() == [3] + bytes.dropFirst() + [1])
    let domain = Array("derptun-client-proof-v3".utf8)
    #expect(token.proofInput == domain + input.dropFirst(domain.count) + [1])
    let text = token.encoded()
    #expect(text.hasPrefix("DT3"))
    #expect(try DerptunClientToken.decode(text, nowUnixSeconds: 0) == token)
    #expect(token.sessionToken.version == 6)
    #expect(token.sessionToken.capabilities == [.derptunTCP, .plainHTTP])
    for prefix in ["DT1", "DT2", "DT4"] {
      #expect(throws: DerptunTokenError.invalid) {
        try DerptunClientToken.decode(prefix + text.dropFirst(3), nowUnixSeconds: 0)
      }
    }
  }

  @Test(
    "a flag that is not known, none or one more makes a client's invalid",
    arguments: [[], [0], [2], [3], [1, 1]])
  func flags(_ flags: [UInt8]) throws {
    var token = try DerptunClientToken.decode(vector["client_token"].text, nowUnixSeconds: 0)
    token.isPlainHTTP = true
    let bytes = token.serialized().dropLast() + flags
    #expect(throws: DerptunTokenError.invalid) { try Array(bytes).lend { try DerptunClientToken.parse($0) } }
  }

  @Test("the longest client's fits the limit of its text")
  func longest() throws {
    var token = try DerptunClientToken.decode(vector["client_token"].text, nowUnixSeconds: 0)
    let label = String(repeating: "a", count: 63)
    token.route = try DERPRoute(
      host: [label, label, label, String(repeating: "b", count: 61)].joined(separator: "."), derpPort: 1)
    token.isPlainHTTP = true
    #expect(token.encoded().utf8.count == DerptunClientToken.maximumTextLength)
    #expect(try DerptunClientToken.decode(token.encoded(), nowUnixSeconds: 0) == token)
  }

  @Test("a server's says it in a member of its own")
  func server() throws {
    var token = try DerptunServerToken.decode(vector["server_token"].text, nowUnixSeconds: 0)
    token.isPlainHTTP = true
    let text = token.encoded()
    #expect(text.hasPrefix("dts3_"))
    #expect(try DerptunServerToken.decode(text, nowUnixSeconds: 0) == token)
    for prefix in ["dts1_", "dts2_", "dts4_"] {
      #expect(throws: DerptunTokenError.invalid) {
        try DerptunServerToken.decode(prefix + text.dropFirst(5), nowUnixSeconds: 0)
      }
    }
    let json = vector["server_token_json"].text.replacing("\"version\":2", with: "\"version\":3")
    #expect(throws: DerptunTokenError.invalid) {
      try Array(json.utf8).lend { try DerptunServerToken.parse(json: $0) }
    }
    let plain = json.dropLast() + ",\"derp_plain_http\":true}"
    #expect(try Array(plain.utf8).lend { try DerptunServerToken.parse(json: $0) } == token)
  }
}
