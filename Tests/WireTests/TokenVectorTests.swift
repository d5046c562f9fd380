import Basics
import Testing

@testable import Wire

@Suite("Session tokens and routes against upstream's vectors")
struct TokenVectorTests {
  @Test("valid tokens decode to their fields and encode to the same text")
  func valid() throws {
    let cases = try Vector.load("tokens")["valid"].list
    #expect(cases.count == 9)
    for one in cases {
      let token = try SessionToken.decode(one["token"].text, nowUnixSeconds: 1_800_000_000)
      let fields = one["fields"]
      #expect(Int(token.version) == fields["version"].integer)
      #expect(token.sessionID == fields["session_id_hex"].bytes16)
      #expect(token.expiresUnixSeconds == Int64(fields["expires_unix"].integer))
      #expect(Int(token.bootstrapRegion) == fields["bootstrap_region"].integer)
      #expect(token.derpPublic == fields["derp_public_hex"].bytes32)
      #expect(token.quicPublic == fields["quic_public_hex"].bytes32)
      #expect(token.bearerSecret == fields["bearer_secret_hex"].bytes32)
      #expect(token.capabilities.rawValue == UInt32(fields["capabilities"].integer))
      #expect(token.route?.host == fields["derp_route"]["host"].optionalText)
      #expect(Int(token.route?.derpPort ?? 0) == fields["derp_route"]["derp_port"].integer)
      #expect(Int(token.route?.stunPort ?? 0) == fields["derp_route"]["stun_port"].integer)
      #expect(token.serialized() == one["raw_hex"].bytes)
      #expect(token.encoded() == one["token"].text)
    }
  }

  @Test("bad tokens are refused in upstream's words")
  func decodeCases() throws {
    let cases = try Vector.load("tokens")["decode_cases"].list
    #expect(cases.count == 17)
    for one in cases {
      let message: String?
      do {
        _ = try SessionToken.decode(one["token"].text, nowUnixSeconds: Int64(one["now_unix"].integer))
        message = nil
      } catch {
        message = error.description
      }
      #expect(message == one["error"].optionalText, "\(one["name"].text)")
    }
  }

  @Test("values of the environment variable give upstream's routes and errors")
  func environmentValues() throws {
    for one in try Vector.load("derp-routes")["env_values"].list {
      let value = one["env_value"].text
      do {
        let route = try DERPRoute.parse(environmentValue: value)
        #expect(one["error"].isNull, "\(value)")
        #expect(route.host == one["host"].text)
        #expect(Int(route.derpPort) == one["derp_port"].integer)
        #expect(Int(route.stunPort) == one["stun_port"].integer)
        #expect(route.serverURL() == one["server_url"].text)
        #expect(route.serialized() == one["wire_hex"].bytes)
      } catch {
        #expect("invalid DERPHOLE_DERP_SERVER: \(error)" == one["error"].optionalText, "\(value)")
      }
    }
  }

  @Test("the wire form is read as upstream reads it")
  func wireCases() throws {
    for one in try Vector.load("derp-routes")["wire_cases"].list {
      let wire = one["wire_hex"].bytes
      do {
        let (route, length) = try wire.lend { (bytes) throws(DERPRouteError) in
          try DERPRoute.parse(wire: bytes)
        }
        #expect(one["error"].isNull)
        #expect(length == one["consumed"].integer)
        #expect(route.host == one["host"].text)
        #expect(Int(route.derpPort) == one["derp_port"].integer)
        #expect(Int(route.stunPort) == one["stun_port"].integer)
      } catch {
        #expect(error.description == one["error"].optionalText, "\(one["wire_hex"].text)")
      }
    }
  }

  @Test("a URL of plain http keeps its scheme's port apart")
  func plainHTTP() throws {
    let loopback = try DERPRoute.parse(url: "http://127.0.0.1:3340")
    #expect(loopback.isPlainHTTP)
    #expect(loopback.route.serverURL(plainHTTP: true) == "http://127.0.0.1:3340/derp")
    let bare = try DERPRoute.parse(url: "http://Relay.Example/derp", stunPort: 5000)
    #expect(bare.route.derpPort == 80)
    #expect(bare.route.stunPort == 5000)
    #expect(bare.route.serverURL(plainHTTP: true) == "http://relay.example/derp")
    #expect(throws: DERPRouteError.schemeNotHTTP) { try DERPRoute.parse(url: "ftp://relay.example") }
    #expect(throws: DERPRouteError.schemeNotHTTPS) {
      try DERPRoute.parse(environmentValue: "http://relay.example")
    }
  }
}
