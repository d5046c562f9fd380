import ArgumentParser
import Basics
import Engine
import Foundation
import Testing
import Wire

@testable import Commands

@Suite struct DerptunCommandTests {
  @Test func exitCodesAreUpstreams() {
    for (status, code) in [
      (ExitStatus.success, 0), (ExitStatus.usage, 2), (ExitStatus.unusableToken, 2),
      (ExitStatus.localInputOutput, 1), (ExitStatus.relay, 1), (ExitStatus.interrupted, 130),
    ] as [(Int32, Int32)] {
      #expect(Program.derptun.exitStatus(status) == code)
      #expect(Program.derphole.exitStatus(status) == status)
    }
  }

  @Test func commandsTakeTheirOptions() throws {
    let client = try #require(
      try DerptunCommand.parseAsRoot(
        ["token", "client", "--token-file", "server.dts", "--days", "3", "-o", "out"]) as? TokenClientCommand)
    #expect(client.token.input(.server).file == "server.dts")
    #expect(client.token.input(.server).names.variables == ["DERPTUN_SERVER_TOKEN"])
    #expect(client.expiry.days == 3)
    #expect(client.destination.output == "out")
    let server = try #require(
      try DerptunCommand.parseAsRoot(["token", "server", "--derp", "http://127.0.0.1:1"])
        as? TokenServerCommand)
    #expect(server.relay.derp == "http://127.0.0.1:1")
    let inspect = try #require(
      try DerptunCommand.parseAsRoot(["token", "inspect", "X", "--json"]) as? TokenInspectCommand)
    #expect(inspect.token.input.argument == "X")
    #expect(inspect.format.merged(with: inspect.parent.parent.globals).json)
    let list = try #require(
      try DerptunCommand.parseAsRoot(["--json", "service", "list", "--registry", "f"]) as? ServiceListCommand)
    #expect(list.format.merged(with: list.parent.parent.globals).json)
    #expect(list.place.registry == "f")
    #expect(throws: (any Error).self) { try DerptunCommand.parseAsRoot(["service", "set"]) }
  }

  @Test func aMissingTokenSaysHowToGiveIt() {
    for (input, ways) in [
      (
        TokenInput(names: .derptun(.client), readsEnvironment: false),
        "no client token: give it with --token, with --token-file or --token-stdin, or in DERPTUN_CLIENT_TOKEN"
      ),
      (
        TokenInput(names: .inspected, readsEnvironment: false),
        "no token: give it as argument, with --token-file or --token-stdin, or in DERPTUN_SERVER_TOKEN or DERPTUN_CLIENT_TOKEN"
      ),
    ] {
      do throws(CommandFailure) {
        _ = try input.read()
        Issue.record("nothing was given")
      } catch {
        #expect(error.message == ways)
        #expect(error.status == ExitStatus.usage)
      }
    }
  }

  @Test func aServiceStandsForItsToken() throws {
    let path = "\(NSTemporaryDirectory())/derptun-services-\(UUID().uuidString)"
    defer { try? FileManager.default.removeItem(atPath: path) }
    var random = SeededGenerator(seed: 3)
    let server = DerptunServerToken.issue(
      expiresUnixSeconds: 2_000, route: nil, isPlainHTTP: false, using: &random)
    let token = try server.issueClient(expiresUnixSeconds: 1_500, using: &random)
    let services = try Services(registry: path)
    try services.set(token, named: "web", nowUnixSeconds: 1_000)
    #expect(try services.clientToken(named: "web", nowUnixSeconds: 1_499) == token)
    let records = try services.tokens(nowUnixSeconds: 1_000)
    #expect(
      records.map(ServiceListCommand.line) == [
        "web\tderptun-client-token\t1970-01-01T00:25:00Z\tvalue redacted"
      ])
    #expect(
      ServiceListCommand.json(records)
        == #"[{"name":"web","kind":"derptun-client-token","created":"1970-01-01T00:16:40Z","expires":"1970-01-01T00:25:00Z"}]"#
    )
    for name in ["web", "other", "../web"] {
      do throws(CommandFailure) {
        _ = try services.clientToken(named: name, nowUnixSeconds: 1_500)
        Issue.record("\(name) is there")
      } catch {
        #expect(error.message == "there is no service \"\(name)\"")
        #expect(error.status == ExitStatus.usage)
      }
    }
    #expect(throws: CommandFailure.self) { try services.set(token, named: "-x", nowUnixSeconds: 1_000) }
    // What has expired can be forgotten.
    try services.remove("web")
    #expect(throws: CommandFailure.self) { try services.remove("web") }
    #expect(try services.tokens(nowUnixSeconds: 0).isEmpty)
  }
}
