import Foundation
import Testing

/// A `derptun serve` and what its clients need, on a relay of their own.
struct Tunnel {
  let scratch: Scratch
  let relay: Relay
  let serverFile: String
  let target: String

  init(_ target: String, relay: Relay? = nil) throws {
    self.target = target
    scratch = try Scratch()
    self.relay = try relay ?? Relay()
    serverFile = scratch.file("server.dts")
    try Self.finish(Child("derptun", ["token", "server", "--derp", self.relay.url, "-o", serverFile]))
  }

  init(_ service: LocalService) throws { try self.init(service.address) }

  private static func finish(_ child: Child) throws {
    guard try child.end() == 0 else { throw TestFailure(child.errors) }
  }

  /// A new client's credential, in a file.
  func client(_ name: String) throws -> String {
    let file = scratch.file(name)
    try Self.finish(Child("derptun", ["token", "client", "--token-file", serverFile, "-o", file]))
    return file
  }

  /// Isolated control sockets: tests run side by side.
  var environment: [String: String] { ["XDG_RUNTIME_DIR": scratch.path] }

  func serve(_ options: [String] = [], globals: [String] = ["--force-relay"]) throws -> Child {
    let child = try Child(
      "derptun", globals + ["serve", "--token-file", serverFile, "--tcp", target] + options,
      environment: environment)
    try child.line(containing: "serving ")
    return child
  }

  /// A running `derptun open` and where it listens.
  func open(
    _ credential: String, _ options: [String] = [], globals: [String] = ["--force-relay"]
  ) throws -> (child: Child, address: String) {
    let child = try Child(
      "derptun", globals + ["open", "--token-file", credential] + options, environment: environment)
    let address = try child.line { $0.firstMatch(of: /^listening on (\S+)$/).map { String($0.output.1) } }
    return (child, address)
  }
}

extension EndToEndTests {
  @Suite struct Tunnels {
    private func expectEcho(
      _ address: String, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
      let connection = try LocalConnection(to: address)
      connection.write(Array(text.utf8))
      connection.finishWriting()
      #expect(connection.readToEnd() == Array(text.utf8), sourceLocation: sourceLocation)
    }

    @Test(
      "bytes travel, over the relay and directly", .timeLimit(.minutes(2)),
      arguments: [["--force-relay"], []])
    func echo(globals: [String]) throws {
      let service = try LocalService.echo()
      let tunnel = try Tunnel(service)
      let server = try tunnel.serve(globals: globals)
      let open = try tunnel.open(tunnel.client("a.dt"), globals: globals)
      let connection = try LocalConnection(to: open.address)
      let sent = payload(4_000_000)
      Thread.detachNewThread {
        connection.write(sent)
        connection.finishWriting()
      }
      expectEqual(connection.readToEnd(), sent)
      open.child.send(SIGTERM)
      #expect(try open.child.end() == 0)
      try server.line(containing: "closed")
      server.send(SIGTERM)
      #expect(try server.end() == 0)
    }

    @Test(
      "TUN-5: a server that is killed and started anew is found at once; what was open is reset",
      .timeLimit(.minutes(2)))
    func serverRestarts() throws {
      let service = try LocalService.echo()
      let tunnel = try Tunnel(service)
      let first = try tunnel.serve()
      let open = try tunnel.open(tunnel.client("a.dt"))
      let held = try LocalConnection(to: open.address)
      held.write([7])
      #expect(held.read(exactly: 1) == [7])
      first.send(SIGKILL)
      _ = try first.end()
      let second = try tunnel.serve()
      #expect(held.isReset())
      try open.child.line(containing: "tunnel open again")
      try expectEcho(open.address, "after")
      withExtendedLifetime(second) {}
    }

    @Test("CLI-4: a client that is killed and started anew is let in again", .timeLimit(.minutes(2)))
    func clientRestarts() throws {
      let service = try LocalService.echo()
      let tunnel = try Tunnel(service)
      let server = try tunnel.serve()
      let credential = try tunnel.client("a.dt")
      let first = try tunnel.open(credential)
      try first.child.line(containing: "tunnel open")
      first.child.send(SIGKILL)
      _ = try first.child.end()
      let second = try tunnel.open(credential)
      try expectEcho(second.address, "again")
      withExtendedLifetime(server) {}
    }

    @Test(
      "CLI-4: a second user of a credential does not push out a first one that lives", .timeLimit(.minutes(2))
    )
    func secondUser() throws {
      let service = try LocalService.echo()
      let tunnel = try Tunnel(service)
      let server = try tunnel.serve()
      let credential = try tunnel.client("a.dt")
      let first = try tunnel.open(credential)
      try first.child.line(containing: "tunnel open")
      let second = try tunnel.open(credential, ["--attempts", "1"])
      #expect(try second.child.end() != 0)
      #expect(second.child.errors.contains("already claimed"))
      try expectEcho(first.address, "still here")
      withExtendedLifetime(server) {}
    }

    @Test("TUN-4: a relay that is away for a while costs no connection", .timeLimit(.minutes(2)))
    func relayRestarts() throws {
      let service = try LocalService.echo()
      let tunnel = try Tunnel(service)
      let server = try tunnel.serve()
      let open = try tunnel.open(tunnel.client("a.dt"))
      let held = try LocalConnection(to: open.address)
      held.write([1])
      #expect(held.read(exactly: 1) == [1])
      tunnel.relay.child.send(SIGKILL)
      _ = try tunnel.relay.child.end()
      try open.child.line(containing: "connections are held")
      held.write([2])
      // What comes meanwhile waits.
      let waiting = try LocalConnection(to: open.address)
      waiting.write([3])
      let relay = try Relay(port: tunnel.relay.port)
      #expect(held.read(exactly: 1) == [2])
      #expect(waiting.read(exactly: 1) == [3])
      #expect(open.child.errors.contains("nothing was lost"))
      withExtendedLifetime((relay, server)) {}
    }

    @Test("a connection that waits in vain is refused", .timeLimit(.minutes(2))) func waitsInVain() throws {
      let tunnel = try Tunnel("127.0.0.1:1")
      let open = try tunnel.open(tunnel.client("a.dt"), ["--wait", "300ms"])
      #expect(try LocalConnection(to: open.address).isReset())
      try open.child.line(containing: "a connection was refused")
    }

    @Test("CLI-5: a revoked client is told and put out, and does not come back", .timeLimit(.minutes(2)))
    func revocation() throws {
      let service = try LocalService.echo()
      let tunnel = try Tunnel(service)
      let list = try tunnel.scratch.file("revoked", Array("# nobody\n".utf8))
      let server = try tunnel.serve(["--revoked", list])
      let good = try tunnel.open(tunnel.client("good.dt"))
      let badFile = try tunnel.client("bad.dt")
      let bad = try tunnel.open(badFile)
      try bad.child.line(containing: "tunnel open")
      let held = try LocalConnection(to: bad.address)
      held.write([7])
      #expect(held.read(exactly: 1) == [7])
      let inspected = try Child("derptun", ["token", "inspect", "--token-file", badFile])
      _ = try inspected.end()
      let text = String(decoding: try inspected.collectedOutput(), as: UTF8.self)
      let id = try #require(text.firstMatch(of: /Token ID: +([0-9a-f]{32})/)?.output.1)
      try "\(id)\n".write(toFile: list, atomically: true, encoding: .utf8)
      #expect(try bad.child.end(within: 10) == 1)
      #expect(bad.child.errors.contains("revoked"))
      let again = try tunnel.open(badFile)
      #expect(try again.child.end(within: 20) == 1)
      #expect(again.child.errors.contains("revoked"))
      try expectEcho(good.address, "good")
      withExtendedLifetime(server) {}
    }

    @Test("CLI-2: no more clients than the server was told", .timeLimit(.minutes(2))) func full() throws {
      let service = try LocalService.echo()
      let tunnel = try Tunnel(service)
      let server = try tunnel.serve(["--max-clients", "1"])
      let first = try tunnel.open(tunnel.client("a.dt"))
      try first.child.line(containing: "tunnel open")
      let second = try tunnel.open(tunnel.client("b.dt"), ["--attempts", "1"])
      #expect(try second.child.end() != 0)
      #expect(second.child.errors.contains("too many clients"))
      // Its place is free once it has left.
      first.child.send(SIGTERM)
      _ = try first.child.end()
      let third = try tunnel.open(tunnel.client("c.dt"))
      try expectEcho(third.address, "third")
      withExtendedLifetime(server) {}
    }

    @Test("connect joins standard input and output with the service", .timeLimit(.minutes(2)))
    func connect() throws {
      let service = try LocalService { connection in
        connection.write(Array("220 ready\n".utf8))
        connection.write(connection.readToEnd())
        connection.close()
      }
      let tunnel = try Tunnel(service)
      let server = try tunnel.serve()
      let credential = try tunnel.client("a.dt")
      let sent = payload(3_000_000)
      let client = try Child(
        "derptun", ["--force-relay", "connect", "--stdio", "--token-file", credential], input: .bytes(sent))
      #expect(try client.end() == 0)
      #expect(client.errors.isEmpty)
      expectEqual(try client.collectedOutput(), Array("220 ready\n".utf8) + sent)
      // The token on the first line, payload behind it.
      let token = try String(contentsOfFile: credential, encoding: .utf8)
      let second = try Child(
        "derptun", ["--force-relay", "connect", "--stdio", "--token-stdin"],
        input: .bytes(Array("\(token.trimmingCharacters(in: .newlines))\nhello".utf8)))
      #expect(try second.end() == 0)
      #expect(try second.collectedOutput() == Array("220 ready\nhello".utf8))
      withExtendedLifetime(server) {}
    }

    @Test("connect gives up when no server answers", .timeLimit(.minutes(2))) func connectInVain() throws {
      let tunnel = try Tunnel("127.0.0.1:1")
      let client = try Child(
        "derptun",
        [
          "--force-relay", "connect", "--stdio", "--attempts", "1", "--token-file", try tunnel.client("a.dt"),
        ], input: .held)
      #expect(try client.end() == 1)
      #expect(client.errorLines.count == 1 && client.errors.contains("no answer"))
    }

    @Test("without a server token the command for the other machine is printed", .timeLimit(.minutes(2)))
    func oneOff() throws {
      let service = try LocalService.echo()
      let relay = try Relay()
      let scratch = try Scratch()
      let environment = ["XDG_RUNTIME_DIR": scratch.path]
      let server = try Child(
        "derptun", ["--force-relay", "serve", "--tcp", service.address, "--derp", relay.url],
        environment: environment)
      let token = try server.line {
        $0.firstMatch(of: /derptun open --token (DT3\S+)/).map { String($0.output.1) }
      }
      let open = try Child(
        "derptun", ["--force-relay", "open", "--token", token], environment: environment)
      let address = try open.line { $0.firstMatch(of: /^listening on (.+)$/).map { String($0.output.1) } }
      try expectEcho(address, "one-off")
      #expect(!open.errors.contains("DT3"))
    }

    @Test("status, metrics and readiness tell what is going on, and no secret", .timeLimit(.minutes(2)))
    func operation() throws {
      let service = try LocalService.echo()
      let tunnel = try Tunnel(service)
      let server = try tunnel.serve(["--name", "office", "--metrics", "127.0.0.1:0"])
      let metrics = try server.line {
        $0.firstMatch(of: /metrics at http:..(127\.0\.0\.1:[0-9]+)/).map { String($0.output.1) }
      }
      let credential = try tunnel.client("a.dt")
      let open = try tunnel.open(credential, ["--name", "laptop"])
      try expectEcho(open.address, "seven..")
      let status = try Child("derptun", ["status", "office"], environment: tunnel.environment)
      #expect(try status.end() == 0)
      let text = String(decoding: try status.collectedOutput(), as: UTF8.self)
      #expect(text.contains("client-") && text.contains("1 taken") && text.contains(service.address))
      let all = try Child("derptun", ["status", "--json"], environment: tunnel.environment)
      #expect(try all.end() == 0)
      let json = String(decoding: try all.collectedOutput(), as: UTF8.self)
      #expect(json.split(separator: "\n").count == 2)
      let http = try LocalConnection(to: metrics)
      http.write(Array("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
      let page = String(decoding: http.readToEnd(), as: UTF8.self)
      #expect(page.hasPrefix("HTTP/1.1 200") && page.contains("derptun_connections_total"))
      let secret = try String(contentsOfFile: credential, encoding: .utf8).dropFirst(200).prefix(40)
      for shown in [text, json, page, server.errors, open.child.errors] { #expect(!shown.contains(secret)) }
    }

    @Test(
      "what cannot be meant gets one line and status 2", .timeLimit(.minutes(2)),
      arguments: [
        ["serve", "--tcp", "nowhere at all"], ["serve", "--tcp", "127.0.0.1:0"],
        ["serve", "--tcp", "80", "--max-clients", "0"], ["open", "--token", "DT1nonsense"],
        ["open", "--service", "nobody", "--registry", "/nonexistent/registry.json"],
        ["connect", "--token", "DT1nonsense"], ["serve", "--tcp", "80", "--resume-window", "soon"],
        ["serve", "--tcp", "80", "--client-rate", "fast"], ["status", "a", "--all"],
      ])
    func badInput(arguments: [String]) throws {
      let child = try Child("derptun", arguments)
      #expect(try child.end() == 2)
      #expect(!child.errors.isEmpty && child.errors.hasPrefix("derptun: ") || child.errors.contains("Error"))
    }

    @Test("SIGTERM lets what is open come to its end", .timeLimit(.minutes(2))) func draining() throws {
      let service = try LocalService.echo()
      let tunnel = try Tunnel(service)
      let server = try tunnel.serve(["--drain", "60s"])
      let open = try tunnel.open(tunnel.client("a.dt"))
      let held = try LocalConnection(to: open.address)
      held.write([1])
      #expect(held.read(exactly: 1) == [1])
      server.send(SIGTERM)
      held.write([2])
      #expect(held.read(exactly: 1) == [2])
      held.finishWriting()
      #expect(held.readToEnd().isEmpty)
      #expect(try server.end(within: 20) == 0)
    }

    @Test("UDP flows go through beside TCP", .timeLimit(.minutes(2))) func datagrams() throws {
      let service = try LocalService.echo()
      let echo = try DatagramEcho()
      let tunnel = try Tunnel(service)
      let server = try tunnel.serve(["--udp", echo.address])
      let open = try tunnel.open(tunnel.client("a.dt"), ["--listen-udp", "127.0.0.1:0"])
      let address = try open.child.line {
        $0.firstMatch(of: /^listening on (.+) \(UDP\)$/).map { String($0.output.1) }
      }
      try open.child.line(containing: "tunnel open")
      for length in [1, 100, 1_000, 8_000] {
        #expect(try echo.roundTrip(to: address, length: length), "\(length) bytes")
      }
      try expectEcho(open.address, "beside")
      withExtendedLifetime(server) {}
    }
  }
}
