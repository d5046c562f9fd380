import Basics
import Glibc
import Reactor
import Testing
import Wire

@testable import Commands

@Suite struct StatusCommandTests {
  private final class Scratch {
    let path: String

    init() {
      var template = Array("/tmp/derptun-status-XXXXXX".utf8CString)
      path = String(cString: mkdtemp(&template))
    }

    deinit { rmdir(path) }
  }

  private static let now: Int64 = 1_800_000_000

  private static func status(_ name: String) -> TunnelStatus {
    var client = TunnelStatus.Client()
    client.name = "client-0a0b0c0d"
    client.tokenID = Bytes16(high: 1, low: 2)
    client.connectedUnixSeconds = now - 125
    client.path = .direct
    client.address = "192.0.2.7:4242"
    client.roundTripMicroseconds = 12_000
    client.bytesIn = 1_200_000
    client.bytesOut = 340_000
    client.bytesPerSecondIn = 5_000
    client.connections = 2
    client.connectionsTotal = 9
    client.udpFlows = 3
    client.datagramsTooLarge = 4
    client.expiresUnixSeconds = now
    var status = TunnelStatus()
    status.name = name
    status.pid = 4_711
    status.startedUnixSeconds = now - 7_380
    status.uptimeSeconds = 7_380
    status.target = "127.0.0.1:22"
    status.relay = "https://relay.example"
    status.relayState = .connected
    status.clients = [client]
    status.counters.claimsTaken = 12
    status.counters.countRefusal("expired")
    status.counters.countRefusal("revoked")
    status.counters.connections = 40
    status.counters.reconnections = 2
    status.lastError = "the relay\u{1B}[2J went"
    return status
  }

  private func printout(_ results: (String, Result<TunnelStatus, ControlFailure>)...) -> StatusPrintout {
    StatusPrintout(
      answers: results.map { StatusQuery.Answer(name: $0.0, result: $0.1) }, nowUnixSeconds: Self.now)
  }

  @Test func oneTunnelIsShownInFull() {
    let text = printout(("web", .success(Self.status("web")))).text
    #expect(
      text == """
        web: serves 127.0.0.1:22, pid 4711, up 2 h 3 min since 2027-01-15T05:57:00Z
          Relay:       https://relay.example, connected
          Claims:      12 taken, 2 refused (expired 1, revoked 1)
          Traffic:     40 connections, 0 B in, 0 B out
          Outages:     2 new connections to the relay, 0 sessions resumed
          Last error:  the relay\u{FFFD}[2J went
          Clients:     1
          CLIENT           PATH    ADDRESS         ROUND TRIP  IN      OUT     IN/S    OUT/S  TCP     UDP  \
        TOO LARGE  CONNECTED  EXPIRES               TOKEN
          client-0a0b0c0d  direct  192.0.2.7:4242  12 ms       1.2 MB  340 kB  5.0 kB  0 B    2 of 9  3    \
        4          2 min 5 s  2027-01-15T08:00:00Z  00000000000000010000000000000002

        """)
  }

  @Test func severalAreShownInALineEach() {
    var open = Self.status("open-2")
    open.role = .open
    open.listening = ["127.0.0.1:2222"]
    let text = printout(
      ("web", .success(Self.status("web"))), ("open-2", .success(open)), ("hung", .failure(.noAnswer))
    ).text
    #expect(
      text == """
        TUNNEL  PID   UP         RELAY      CLIENTS  CONNECTIONS  IN   OUT  SERVICE
        web     4711  2 h 3 min  connected  1        40           0 B  0 B  127.0.0.1:22
        open-2  4711  2 h 3 min  connected  1        40           0 B  0 B  127.0.0.1:2222
        hung    no answer

        """)
  }

  @Test func programsGetAnObjectALine() throws {
    let lines = printout(
      ("web", .success(Self.status("web"))), ("a\"b", .failure(.refused("no\u{1B}")))
    ).jsonLines.split(separator: "\n")
    try #require(lines.count == 2)
    #expect(
      try TunnelStatus(json: Array(lines[0].utf8))
        == Self.status("web"))
    #expect(lines[1] == #"{"name":"a\"b","error":"refused: no\u001b"}"#)
  }

  @Test(
    arguments: [
      (-1, "0 s"), (59, "59 s"), (60, "1 min 0 s"), (3_599, "59 min 59 s"), (3_600, "1 h 0 min"),
      (86_400, "1 d 0 h"),
    ] as [(Int64, String)])
  func longTimesAreShort(seconds: Int64, text: String) { #expect(StatusPrintout.elapsed(seconds) == text) }

  @Test func socketsAreFoundAndAskedTogether() throws {
    let scratch = Scratch()
    let path = scratch.path + "/control"
    defer { rmdir(path) }
    let query = StatusQuery(directory: path)
    #expect(try query.targets(nil) == [])
    let loop = try EventLoop()
    let directory = try ControlDirectory.prepared(at: path)
    #expect(try query.targets(nil) == [])
    let servers = try ["b", "a"].map { name in
      try ControlServer(loop, directory, name: name) { Self.status(name) }
    }
    defer { for server in servers { server.close() } }
    let targets = try query.targets(nil)
    #expect(targets.map(\.name) == ["a", "b"])
    let answers = query.ask(targets + [StatusQuery.Target(name: "c", path: path + "/c.sock")], on: loop)
    #expect(answers.map(\.name) == ["a", "b", "c"])
    #expect(answers.map(\.isStatus) == [true, true, false])
    #expect(try answers[1].result.get() == Self.status("b"))
    #expect(try query.targets("b") == [targets[1]])
    #expect(try query.targets("./x.sock") == [StatusQuery.Target(name: "./x.sock", path: "./x.sock")])
    for missing in ["c", "..", ""] {
      #expect(throws: CommandFailure.self) { try query.targets(missing) }
    }
  }

  @Test func aDirectoryThatOthersCouldUseIsNotAsked() throws {
    let scratch = Scratch()
    #expect(chmod(scratch.path, 0o755) == 0)
    #expect(throws: CommandFailure.self) { try StatusQuery(directory: scratch.path).targets(nil) }
  }

  @Test func aNameAndAllExcludeEachOther() throws {
    let named = try #require(try DerptunCommand.parseAsRoot(["status", "web", "--json"]) as? StatusCommand)
    #expect(named.name == "web" && !named.all && named.format.merged(with: named.parent.globals).json)
    let all = try #require(try DerptunCommand.parseAsRoot(["--json", "status", "--all"]) as? StatusCommand)
    #expect(all.name == nil && all.all && all.format.merged(with: all.parent.globals).json)
    #expect(throws: (any Error).self) { try DerptunCommand.parseAsRoot(["status", "web", "--all"]) }
  }
}
