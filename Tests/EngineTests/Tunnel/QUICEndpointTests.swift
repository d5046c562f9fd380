import Basics
import CNgtcp2
import Crypto
import Testing

@testable import Engine

@Suite struct QUICEndpointTests {
  private func endpoints(
    limits: QUICEndpoint.Limits = QUICEndpoint.Limits()
  ) throws -> PacketPair<QUICEndpoint, QUICEndpoint> {
    let seed = EndpointSeed()
    let client = try QUICEndpoint(
      isServer: false, identity: seed.client, pin: seed.server.publicKey, parameters: .upstreamTunnel,
      random: seed.generator(1))
    let server = try QUICEndpoint(
      isServer: true, identity: seed.server, pin: seed.client.publicKey, parameters: .upstreamTunnel,
      limits: limits, random: seed.generator(2))
    return PacketPair(
      client, server,
      poll: { fromLeft, buffer, now in
        defer { (fromLeft ? client : server).burstEnded(at: now) }
        return (fromLeft ? client : server).poll(into: buffer, limit: buffer.count, at: now)
      },
      give: { toRight, packet, now in (toRight ? server : client).receive(packet, at: now) },
      deadline: { [client.deadline, server.deadline].compactMap { $0 }.min() },
      timeout: {
        client.handleTimeout(at: $0)
        server.handleTimeout(at: $0)
      })
  }

  @Test("UPS-11: connections share a way and keep apart, though packets are lost and doubled") func several()
    throws
  {
    let pair = try endpoints()
    var random = SeededGenerator(seed: 6)
    pair.isLost = { _ in Int.random(in: 0..<20, using: &random) == 0 }
    var numbers: [Int] = []
    for _ in 0..<10 { numbers.append(try #require(try pair.left.connect(at: pair.now))) }
    #expect(pair.run(for: .seconds(20)) { numbers.allSatisfy { pair.left.connections[$0]?.isReady == true } })
    #expect(pair.right.connections.count == 10)
    for number in numbers { _ = pair.left.say([UInt8](repeating: UInt8(number), count: 100_000), on: number) }
    var got: [Int: [UInt8]] = [:]
    pair.run(for: .seconds(30)) {
      for number in pair.right.connections.keys {
        got[number, default: []] += pair.right.hear(0, of: number)?.bytes ?? []
      }
      return got.values.allSatisfy { $0.count == 100_000 }
    }
    #expect(got.count == 10 && got.values.allSatisfy { bytes in bytes.allSatisfy { $0 == bytes[0] } })
    #expect(Set(got.values.map { $0[0] }).count == 10)
  }

  @Test("UPS-11: a first packet that comes again later begins no second connection") func lateInitial() throws
  {
    let pair = try endpoints()
    var initials: [[UInt8]] = []
    pair.seen = { packet, fromLeft in if fromLeft, packet[0] & 0xf0 == 0xc0 { initials.append(packet) } }
    let number = try #require(try pair.left.connect(at: pair.now))
    #expect(pair.run(for: .seconds(5)) { pair.left.connections[number]?.isReady == true })
    #expect(!initials.isEmpty)
    for packet in initials { packet.withUnsafeBytes { _ = pair.right.receive($0, at: pair.now) } }
    #expect(pair.right.connections.count == 1)
    // Nor shortly after its end.
    let server = try #require(pair.right.connections.keys.first)
    pair.right.close(server, code: 0, at: pair.now)
    for packet in initials { packet.withUnsafeBytes { _ = pair.right.receive($0, at: pair.now) } }
    #expect(pair.right.connections.isEmpty)
  }

  @Test(
    "UPS-11: noise begins nothing",
    arguments: [
      [UInt8](repeating: 0x40, count: 1_200), [0xc0, 0, 0, 0, 1, 8] + [UInt8](repeating: 7, count: 1_194),
      [0xc0, 0, 0, 0, 1, 4] + [UInt8](repeating: 7, count: 1_194), [0xc0, 0, 0, 0, 2, 8, 1], [0xc0], [],
    ] as [[UInt8]])
  func noise(_ packet: [UInt8]) throws {
    let pair = try endpoints()
    #expect(packet.withUnsafeBytes { !pair.right.receive($0, at: pair.now) })
    #expect(pair.right.connections.isEmpty)
  }

  @Test("UPS-11: only so many handshakes go on, and only so many connections there are") func bounds() throws
  {
    var limits = QUICEndpoint.Limits()
    limits.handshakes = 2
    limits.connections = 4
    let pair = try endpoints(limits: limits)
    for _ in 0..<6 { _ = try pair.left.connect(at: pair.now) }
    var most = 0
    pair.run(for: .seconds(9)) {
      most = max(most, pair.right.connections.values.count { !$0.isReady })
      return false
    }
    #expect(most == 2)
    // Those that were dropped first came in later.
    #expect(pair.right.connections.count == 4)
    #expect(pair.left.connections.values.count(where: \.isReady) == 4)
  }

  @Test("UPS-11: a close that was lost is said again when the peer goes on") func farewell() throws {
    let pair = try endpoints()
    let number = try #require(try pair.left.connect(at: pair.now))
    #expect(pair.run(for: .seconds(5)) { pair.left.connections[number]?.isReady == true })
    pair.run(for: .milliseconds(100))
    let server = try #require(pair.right.connections.keys.first)
    pair.right.close(server, code: 0, at: pair.now)
    var losses = 1
    pair.isLost = { fromLeft in
      guard !fromLeft, losses > 0 else { return false }
      losses -= 1
      return true
    }
    pair.run(for: .milliseconds(50))
    #expect(losses == 0 && pair.left.connections[number]?.isClosedByPeer == false)
    _ = pair.left.say([1, 2, 3], on: number)
    pair.run(for: .milliseconds(100))
    #expect(pair.left.connections[number]?.isClosedByPeer == true)
  }

  @Test("UPS-11: one batch carries packets of several connections") func batch() throws {
    let pair = try endpoints()
    for _ in 0..<3 { _ = try pair.left.connect(at: pair.now) }
    var buffer = [UInt8](repeating: 0, count: 65_536)
    let batch = buffer.withUnsafeMutableBytes {
      pair.left.pollBatch(into: $0, limit: 1_200, count: 64, at: pair.now)
    }
    #expect(batch.segment == 1_200 && batch.length == 3_600)
    let ids = [0, 1_200, 2_400].map { start in
      buffer[start..<start + 1_200].withUnsafeBytes { QUICPacketHeader($0, idLength: 8)?.destination }
    }
    #expect(Set(ids).count == 3)
  }

  @Test("IDs are told apart by their length, too") func ids() {
    #expect(ConnectionID([1, 2]) == ConnectionID([1, 2]))
    #expect(ConnectionID([1, 2]) != ConnectionID([1, 2, 0]))
    #expect(ConnectionID([UInt8](repeating: 1, count: 21)) == nil)
    let long = (0..<20).map { UInt8($0) }
    #expect(ConnectionID(long) != ConnectionID(long.reversed()))
  }
}
