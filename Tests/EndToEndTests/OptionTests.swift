import Foundation
import Testing

extension EndToEndTests {
  @Suite struct Options {
    @Test("version goes to standard output") func version() throws {
      let child = try Child("derphole", ["version"])
      try expectEnd(child, 0, within: 10)
      let text = String(decoding: try child.collectedOutput(), as: UTF8.self)
      #expect(text.contains(/[0-9]+\.[0-9]+/))
      #expect(child.errors.isEmpty)
    }

    @Test("a wrong command line exits with 64", arguments: ["derphole", "derprelay", "simulate"])
    func usage(program: String) throws {
      let child = try Child(program, ["--no-such-option"])
      try expectEnd(child, 64, within: 10)
      #expect(child.errors.contains("no-such-option"))
    }

    @Test("pipe without a token says what it wants") func noToken() throws {
      let child = try Child("derphole", ["pipe"])
      #expect(try child.end(within: 10) != 0)
      #expect(child.errors.contains("token"))
    }

    @Test("flags stand before and after the command", .timeLimit(.minutes(2)), arguments: [true, false])
    func flagPlaces(isBefore: Bool) throws {
      let relay = try Relay()
      let flags = ["--verbose", "--hide-progress", "--force-relay"]
      let listen = try Listen(
        ["--derp", relay.url] + (isBefore ? [] : flags), globals: isBefore ? flags : [])
      let pipe = try Child(
        "derphole", isBefore ? flags + ["pipe", listen.token] : ["pipe", listen.token] + flags,
        input: .bytes([1]))
      try expectEnd(pipe, 0)
      try expectEnd(listen.child, 0)
      for child in [pipe, listen.child] { #expect(child.errorLines.contains("connected-relay")) }
    }

    @Test("without flags nothing but the token is said", .timeLimit(.minutes(2))) func quiet() throws {
      let listen = try Listen(at: Relay(), globals: [])
      let pipe = try listen.pipe(.bytes(payload(1_000_000)), globals: [])
      try expectEnd(pipe, 0)
      try expectEnd(listen.child, 0)
      #expect(pipe.errors.isEmpty)
      #expect(listen.child.errorLines == [listen.token])
    }

    @Test("with --json every line is an event", .timeLimit(.minutes(2)), arguments: [[], ["--verbose"]])
    func json(more: [String]) throws {
      let relay = try Relay(["--json"])
      let listen = try Child("derphole", ["--json", "listen", "--derp", relay.url] + more)
      let token = try listen.line { line in try? Event(line)["token"] as? String }
      let pipe = try Child("derphole", ["pipe", token, "--json"] + more, input: .bytes(payload(1_000_000)))
      try expectEnd(pipe, 0)
      try expectEnd(listen, 0)
      relay.child.send(SIGTERM)
      try expectEnd(relay.child, 0)
      for child in [pipe, listen, relay.child] {
        let events = try child.errorLines.map { try Event($0) }
        #expect(!events.isEmpty)
        if child !== relay.child {
          #expect(events.contains { $0["state"] as? String == "connected-relay" })
          #expect(events.last?.name == "finished")
          #expect(events.last?["bytes"] as? Int == 1_000_000)
        }
      }
      expectEqual(try listen.collectedOutput(), payload(1_000_000))
    }

    @Test("a failure is an event too", .timeLimit(.minutes(2))) func jsonFailure() throws {
      let child = try Child("derphole", ["--json", "pipe", "hello-world"])
      try expectEnd(child, 3)
      #expect(try child.errorLines.map { try Event($0).name }.count == 1)
    }

    /// A line of `--json`.
    private struct Event {
      let members: [String: Any]

      init(_ line: String) throws {
        let value = try JSONSerialization.jsonObject(with: Data(line.utf8))
        guard let members = value as? [String: Any], members["event"] is String else {
          throw TestFailure("not an event: \(line)")
        }
        self.members = members
      }

      var name: String? { members["event"] as? String }
      subscript(_ name: String) -> Any? { members[name] }
    }
  }
}
