import Basics
import Crypto
import Foundation
import Testing

extension EndToEndTests {
  @Suite struct Relays {
    @Test(
      "a relay that is killed and started again in the middle", .timeLimit(.minutes(3)),
      arguments: [SIGKILL, SIGTERM])
    func restart(signal: Int32) throws {
      let relay = try Relay()
      let sent = payload(96 << 20)
      let listen = try Listen(at: relay, output: .held)
      let pipe = try listen.pipe(.bytes(sent))
      // Nobody reads more than this for now, so the transfer cannot be over when the relay goes.
      var received = listen.child.output.read(exactly: 8 << 20)
      relay.child.send(signal)
      #expect(try relay.child.end(within: 10) == (signal == SIGTERM ? 0 : 137))
      let again = try Relay(port: relay.port)
      received += listen.child.output.readToEnd()
      try expectEnd(pipe, 0, within: 90)
      try expectEnd(listen.child, 0, within: 90)
      expectEqual(received, sent)
      again.child.send(SIGTERM)
      try expectEnd(again.child, 0)
    }

    @Test("SIGTERM and SIGINT end an idle relay in good order", arguments: [SIGTERM, SIGINT])
    func stop(signal: Int32) throws {
      let relay = try Relay()
      relay.child.send(signal)
      try expectEnd(relay.child, 0, within: 10)
    }

    @Test(
      "the two pages that tell a relay is alive",
      arguments: [("/derp/probe", "200"), ("/generate_204", "204"), ("/derp/latency-check", "200")])
    func pages(path: String, status: String) throws {
      let relay = try Relay()
      let client = try RawClient(relay)
      client.send("GET \(path) HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n")
      #expect(client.readToEnd().hasPrefix("HTTP/1.1 \(status)"))
      relay.child.send(SIGTERM)
      try expectEnd(relay.child, 0)
    }

    @Test("--allow-keys lets in whom it names, and nobody else") func allowedKeys() throws {
      let scratch = try Scratch()
      var generator = SeededGenerator(seed: 1)
      let friend = X25519PrivateKey(random: &generator)
      let stranger = X25519PrivateKey(random: &generator)
      let file = try scratch.file("keys", Array("# friends\nnodekey:\(friend.publicKey.hex)\n".utf8))
      let relay = try Relay(["--allow-keys", file])
      #expect(try RawClient(relay).join(as: friend))
      #expect(try !RawClient(relay).join(as: stranger))
    }

    @Test("a port that is taken") func takenPort() throws {
      let relay = try Relay()
      let second = try Child("derprelay", ["--listen", "127.0.0.1:\(relay.port)", "--no-stun"])
      #expect(try second.end(within: 10) != 0)
      #expect(second.errorLines.count == 1)
    }

    @Test("hostile connections hurt no running transfer", .timeLimit(.minutes(3))) func hostileBytes() throws
    {
      let relay = try Relay()
      let sent = payload(48 << 20)
      let listen = try Listen(at: relay, output: .held)
      let pipe = try listen.pipe(.bytes(sent))
      var received = listen.child.output.read(exactly: 4 << 20)
      let clients = try hostileClients(of: relay)
      received += listen.child.output.read(exactly: 20 << 20)
      clients.forEach { $0.close() }
      received += listen.child.output.readToEnd()
      try expectEnd(pipe, 0)
      try expectEnd(listen.child, 0)
      expectEqual(received, sent)
      #expect(try relay.child.peakMemory() < 64 << 20)
      relay.child.send(SIGTERM)
      try expectEnd(relay.child, 0)
    }

    /// Connections that do what no client does; they are still open.
    private func hostileClients(of relay: Relay) throws -> [RawClient] {
      let beginnings: [[UInt8]] = [
        [], [0], [0xFF], Array("GET".utf8), Array("GET /derp HTTP/1.1\r\nHost: x\r\n".utf8),
        Array("POST /derp HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n".utf8),
        Array(
          "GET /derp HTTP/1.1\r\nUpgrade: DERP\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n".utf8),
        Array(("GET /" + String(repeating: "a", count: 1 << 20)).utf8),
        Array(("GET /derp HTTP/1.1\r\nX: " + String(repeating: "b", count: 1 << 20)).utf8),
        payload(200_000, seed: 2), payload(200_000, seed: 3), [UInt8](repeating: 0, count: 200_000),
        // The beginning of a TLS connection.
        [0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xFC, 0x03, 0x03],
      ]
      var clients: [RawClient] = []
      for bytes in beginnings {
        let client = try RawClient(relay)
        // The relay may close while a long one is still being written.
        client.send(bytes)
        clients.append(client)
      }
      // After the upgrade: a frame that says it is huge, one of no known kind, client information that is none.
      let huge: [UInt8] = [0x02, 0xFF, 0xFF, 0xFF, 0xFF]
      let unknown: [UInt8] = [0xEE, 0, 0, 0, 1, 0]
      let information: [UInt8] = [0x02, 0, 0, 0, 80] + payload(80, seed: 4)
      for bytes in [huge, unknown, information, payload(5_000, seed: 5)] {
        let client = try RawClient(relay)
        _ = try client.upgrade()
        client.send(bytes)
        clients.append(client)
      }
      // Members that then misbehave: a packet too large, and floods to nobody.
      var generator = SeededGenerator(seed: 6)
      for size in [70_000, 1 << 20] {
        let client = try RawClient(relay)
        #expect(try client.join(as: X25519PrivateKey(random: &generator)))
        client.sendFrame(.sendPacket, payload(size, seed: 7))
        client.sendFrame(.sendPacket, payload(1_000, seed: 8))
        clients.append(client)
      }
      // Half-open ones that never say anything.
      for _ in 0..<40 { clients.append(try RawClient(relay)) }
      return clients
    }
  }
}
