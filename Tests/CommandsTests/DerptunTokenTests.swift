import Basics
import Engine
import Glibc
import Testing
import Wire

@testable import Commands

@Suite struct DerptunTokenTests {
  private let server: DerptunServerToken
  private let client: DerptunClientToken

  init() throws {
    var random = SeededGenerator(seed: 9)
    server = DerptunServerToken.issue(
      expiresUnixSeconds: 2_000, route: nil, isPlainHTTP: false, using: &random)
    client = try server.issueClient(expiresUnixSeconds: 1_500, using: &random)
  }

  private func message(_ body: () throws(CommandFailure) -> Void) -> String? {
    do {
      try body()
      return nil
    } catch {
      #expect(error.status == ExitStatus.unusableToken)
      #expect(Program.derptun.exitStatus(error.status) == 2)
      return error.message
    }
  }

  private func asServer(_ text: String, now: Int64 = 1_000) -> String? {
    message { () throws(CommandFailure) in _ = try DerptunTokenRole.decodeServer(text, nowUnixSeconds: now) }
  }

  private func asClient(_ text: String, now: Int64 = 1_000) -> String? {
    message { () throws(CommandFailure) in _ = try DerptunTokenRole.decodeClient(text, nowUnixSeconds: now) }
  }

  @Test func eachKindOfTokenIsTakenWhereItBelongs() {
    #expect(asServer(server.encoded()) == nil)
    #expect(asClient(client.encoded()) == nil)
  }

  @Test func mixedUpTokensAreNamed() throws {
    #expect(try #require(asClient(server.encoded())).contains("this is a server token"))
    #expect(try #require(asServer(client.encoded())).contains("this is a client token"))
    // Also in a damaged or expired one the kind is what matters first.
    #expect(try #require(asClient("dts1_x")).contains("this is a server token"))
    let session = SessionToken(
      sessionID: Bytes16(high: 1, low: 2), expiresUnixSeconds: 5, bootstrapRegion: 1,
      derpPublic: Bytes32(words: (1, 2, 3, 4)), quicPublic: Bytes32(words: (1, 2, 3, 5)),
      bearerSecret: Bytes32(words: (9, 9, 9, 9)), capabilities: [.stdio])
    #expect(try #require(asClient(session.encoded())).contains("derphole, not of derptun"))
    #expect(try #require(asServer("hello")).contains("no server token"))
  }

  @Test func expiredAndDamagedTokensSayWhichTheyAre() throws {
    #expect(try #require(asServer(server.encoded(), now: 2_000)).contains("server token has expired"))
    #expect(try #require(asClient(client.encoded(), now: 1_500)).contains("client token has expired"))
    for text in [server.encoded().dropLast(9), client.encoded().dropLast(9)] {
      let failure = text.hasPrefix("dts") ? asServer(String(text)) : asClient(String(text))
      #expect(try #require(failure).contains("damaged"))
      #expect(try !#require(failure).contains(text.suffix(20)))
    }
  }

  @Test func aTokenIsFoundInWhatWasPasted() {
    for token in [server.encoded(), client.encoded()] {
      let (head, tail) = (token.prefix(70), token.dropFirst(70))
      let pastes = [
        token, "  \(token)\r\n", "derptun open --token \(token) --listen 127.0.0.1:80",
        "derptun open --token=\(token)", "run: `derptun open --token '\(token)'`", "\(head)\n\(tail)\n",
        "> \(head)\n> \(tail)\n",
      ]
      for paste in pastes {
        let found = DerptunTokenText.token(in: paste)
        #expect(found == token, "\(paste)")
        let isComplete = DerptunTokenText.isComplete(paste)
        #expect(isComplete)
      }
      #expect(DerptunTokenText.token(in: "token \(head)") == head)
      #expect(!DerptunTokenText.isComplete("token \(head)"))
    }
    #expect(DerptunTokenText.token(in: " \n").isEmpty)
  }

  @Test func aClientGetsTheDefaultOrTheServersEndAndNeverMore() throws {
    let now: Int64 = 1_000
    var server = server
    #expect(try TokenClientCommand.issue(for: server, expires: nil, now: now).expiresUnixSeconds == 2_000)
    #expect(try TokenClientCommand.issue(for: server, expires: 1_800, now: now).expiresUnixSeconds == 1_800)
    server.expiresUnixSeconds = now + 365 * 86_400
    let issued = try TokenClientCommand.issue(for: server, expires: nil, now: now)
    #expect(issued.expiresUnixSeconds == now + 90 * 86_400)
    do throws(CommandFailure) {
      _ = try TokenClientCommand.issue(for: server, expires: server.expiresUnixSeconds + 1, now: now)
      Issue.record("it outlives its server")
    } catch {
      #expect(error.message == "client expiry exceeds server expiry")
      #expect(error.status == ExitStatus.usage)
    }
  }

  @Test func aReportSaysEverythingButTheSecrets() throws {
    let key = client.derpPublic.hex
    for (facts, role) in [(try TokenFacts(server), "server"), (TokenFacts(client), "client")] {
      let report = TokenReport(facts, nowUnixSeconds: 1_000)
      #expect(report.table.contains("Kind:            \(role) token\n"))
      #expect(report.table.contains("Session ID:      \(server.sessionID.hex)\n"))
      #expect(report.table.contains("DERP public key: \(key)\n"))
      #expect(report.table.contains("QUIC public key: \(client.quicPublic.hex)\n"))
      #expect(report.table.contains("Relay:           public relays\n"))
      #expect(report.table.contains(client.clientID.hex) == (role == "client"))
      #expect(report.table.contains(client.tokenID.hex) == (role == "client"))
      for secret in [
        server.derpPrivate.hex, Hex.encode(server.quicPrivate.prefix(32)), server.signingSecret.hex,
        client.bearerSecret.hex, client.proofMAC.hex,
      ] {
        #expect(!report.table.contains(secret) && !report.json.contains(secret))
      }
    }
  }

  @Test func aReportSaysWhenATokenEndsOrEnded() throws {
    let facts = TokenFacts(client)
    #expect(
      TokenReport(facts, nowUnixSeconds: 1_000).table.contains(
        "1970-01-01T00:25:00Z, 8 minutes 20 seconds left"))
    #expect(TokenReport(facts, nowUnixSeconds: 1_500).table.contains("expired 0 seconds ago"))
    #expect(TokenReport(facts, nowUnixSeconds: 1_499).json.contains(#""secondsLeft":1,"expired":false"#))
    #expect(TokenReport(facts, nowUnixSeconds: 1_500).json.contains(#""secondsLeft":0,"expired":true"#))
    var endless = client
    endless.expiresUnixSeconds = .max
    let report = TokenReport(TokenFacts(endless), nowUnixSeconds: -1)
    #expect(report.table.contains("\(Int64.max) seconds after 1970"))
    #expect(report.json.contains(#""expires":null"#))
  }

  @Test func aReportNamesTheRelay() throws {
    var client = client
    client.route = try DERPRoute(host: "127.0.0.1", derpPort: 3_340, stunPort: 9)
    client.isPlainHTTP = true
    let report = TokenReport(TokenFacts(client), nowUnixSeconds: 0)
    #expect(report.table.contains("Version:         3\n"))
    #expect(report.table.contains("http://127.0.0.1:3340/derp, STUN port 9\n"))
    #expect(report.json.contains(#""relay":"http://127.0.0.1:3340/derp","stunPort":9"#))
  }
}
