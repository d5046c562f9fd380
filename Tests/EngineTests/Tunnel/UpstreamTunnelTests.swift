import Basics
import Crypto
import Testing

@testable import Engine
@testable import Wire

/// The dialer and the server are ours and speak upstream's language.
@Suite struct UpstreamTunnelTests {
  private func bytes(_ count: Int, _ seed: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: ($0 + seed) &* 131 &+ ($0 + seed) >> 9) }
  }

  /// Opens a stream and waits until the server has it.
  private func open(_ pair: PacketPair<UpstreamTunnel, UpstreamTunnel>) throws -> (left: Int64, right: Int64)
  {
    let id = try #require(pair.left.openStream())
    var opened: Int64?
    #expect(
      pair.run(for: .seconds(5)) {
        for case .opened(let id) in pair.right.takeEvents() { opened = id.number }
        return opened != nil
      })
    return (id, try #require(opened))
  }

  private func ready(_ seed: UInt64 = 1, limits: UpstreamTunnel.Limits = UpstreamTunnel.Limits()) throws
    -> PacketPair<UpstreamTunnel, UpstreamTunnel>
  {
    let pair = try EndpointSeed(seed).tunnels(limits: limits)
    #expect(pair.left.openStream() == nil)
    #expect(pair.run(for: .seconds(5)) { pair.right.hasControl })
    pair.run(for: .milliseconds(200))
    #expect(pair.left.takeEvents().contains(.ready))
    #expect(pair.right.takeEvents() == [.ready])
    return pair
  }

  @Test("UPS-12: the dialer opens the control stream first, and the server ends it, too") func control()
    throws
  {
    let pair = try ready()
    #expect(pair.left.endpoint.connections.count == 1)
    #expect(pair.right.endpoint.connections.count == 1)
    // Both directions are over, and so is the stream, while the connection goes on.
    pair.run(for: .seconds(30))
    #expect(pair.left.parts.isEmpty)
    #expect(pair.left.failure == nil && pair.right.failure == nil)
    #expect(!pair.left.isClosedByPeer && !pair.right.isClosedByPeer)
  }

  @Test("UPS-14: many flows at once, each on a connection of its own, lose nothing") func many() throws {
    let pair = try ready()
    let count = 8
    let payload = (0..<count).map { bytes(300_000, $0 * 1_000) }
    var ids: [Int64] = []
    for _ in 0..<count { ids.append(try #require(pair.left.openStream())) }
    #expect(pair.left.wanted(by: ids[0]) == 0)
    var sent = [Int](repeating: 0, count: count)
    var echo: [Int64: [UInt8]] = [:]
    var back = [[UInt8]](repeating: [], count: count)
    var ended: Set<Int64> = []
    var random = SeededGenerator(seed: 4)
    pair.isLost = { _ in Int.random(in: 0..<40, using: &random) == 0 }
    let isDone = pair.run(for: .seconds(120)) {
      _ = pair.left.takeEvents()
      for case .opened(let id) in pair.right.takeEvents() { echo[id.number] = [] }
      for (index, id) in ids.enumerated() {
        sent[index] += pair.left.put(payload[index][sent[index]...], on: id)
        if sent[index] == payload[index].count { pair.left.finish(id) }
        back[index] += pair.left.readAll(id).bytes
      }
      for id in echo.keys.sorted() {
        let (bytes, state) = pair.right.readAll(id)
        echo[id]! += bytes
        let count = pair.right.put(echo[id]![...], on: id)
        echo[id]!.removeFirst(count)
        if state == .ended { ended.insert(id) }
        if ended.contains(id), echo[id]!.isEmpty { pair.right.finish(id) }
      }
      return pair.left.flows.isEmpty && pair.right.flows.isEmpty
    }
    #expect(isDone)
    #expect(back == payload)
    #expect(pair.left.streamBytesSent == UInt64(count * 300_000))
    #expect(pair.right.streamBytesReceived == UInt64(count * 300_000))
    // The dialer has closed the connections of the flows; the control connection stays.
    pair.isLost = { _ in false }
    pair.run(for: .seconds(2))
    #expect(pair.left.endpoint.connections.count == 1)
    #expect(pair.right.endpoint.connections.count == 1)
  }

  @Test("UPS-14: a service that speaks first need not wait for the client's first byte") func serviceFirst()
    throws
  {
    let pair = try ready()
    let (left, right) = try open(pair)
    #expect(pair.right.put(bytes(50)[...], on: right) == 50)
    pair.right.finish(right)
    var got: [UInt8] = []
    var state = StreamReadState.empty
    pair.run(for: .seconds(2)) {
      let part = pair.left.readAll(left)
      got += part.bytes
      if state != .ended { state = part.state }
      return state == .ended
    }
    #expect(got == bytes(50) && state == .ended)
    // Half-closed: the other direction goes on.
    #expect(pair.left.put(bytes(70)[...], on: left) == 70)
    pair.run(for: .milliseconds(100))
    #expect(pair.right.readAll(right).bytes == bytes(70))
    #expect(pair.right.flows.count == 1)
    pair.left.finish(left)
    pair.run(for: .seconds(1)) { pair.right.readAll(right).state == .ended }
    pair.run(for: .seconds(1))
    #expect(pair.left.takeEvents().contains(.closed(StreamID(number: left))))
    #expect(pair.right.takeEvents().contains(.closed(StreamID(number: right))))
    #expect(pair.left.flows.isEmpty && pair.right.flows.isEmpty)
  }

  @Test(
    "UPS-15: a reset on one side is the end of the flow on the other, and of no other",
    arguments: [true, false])
  func reset(byDialer: Bool) throws {
    let pair = try ready()
    let first = try open(pair)
    let second = try open(pair)
    let resetter = byDialer ? pair.left : pair.right
    let other = byDialer ? pair.right : pair.left
    #expect(other.put(bytes(5_000)[...], on: byDialer ? first.right : first.left) == 5_000)
    pair.run(for: .milliseconds(50))
    resetter.reset(byDialer ? first.left : first.right, .refused)
    pair.run(for: .milliseconds(500))
    let id = StreamID(number: byDialer ? first.right : first.left)
    let events = other.takeEvents()
    #expect(events.contains(.reset(id, .gone)) && events.contains(.closed(id)))
    #expect(pair.left.flows.count == 1 && pair.right.flows.count == 1)
    #expect(pair.left.put(bytes(9)[...], on: second.left) == 9)
    pair.run(for: .milliseconds(100))
    #expect(pair.right.readAll(second.right).bytes == bytes(9))
  }

  @Test("UPS-15: what was sent whole before the connections closed still counts") func lateReader() throws {
    let pair = try ready()
    let (left, right) = try open(pair)
    #expect(pair.left.put(bytes(30_000)[...], on: left) == 30_000)
    pair.left.finish(left)
    pair.run(for: .seconds(1))
    // As upstream's dialer does, at once and before the server has answered.
    pair.left.reset(left, .gone)
    pair.run(for: .milliseconds(500))
    let events = pair.right.takeEvents()
    #expect(events.contains(.stopped(StreamID(number: right))))
    #expect(!events.contains(.reset(StreamID(number: right), .gone)))
    let (got, state) = pair.right.readAll(right)
    #expect(got == bytes(30_000) && state == .ended)
    #expect(pair.right.takeEvents() == [.closed(StreamID(number: right))])
  }

  @Test("UPS-15: a reader that stops lets the other direction come to its end") func stopReading() throws {
    let pair = try ready()
    let (left, right) = try open(pair)
    pair.right.stopReading(right, .reset)
    var sent = 0
    let payload = bytes(20_000_000)
    // More than any window holds: it is taken and dropped.
    pair.run(for: .seconds(60)) {
      sent += pair.left.put(payload[sent...], on: left)
      return sent == payload.count
    }
    #expect(sent == payload.count)
    #expect(pair.right.put(bytes(10)[...], on: right) == 10)
    pair.right.finish(right)
    pair.run(for: .milliseconds(100))
    #expect(pair.left.readAll(left) == (bytes(10), .ended))
    pair.left.finish(left)
    pair.run(for: .seconds(2))
    #expect(pair.left.flows.isEmpty && pair.right.flows.isEmpty)
    #expect(!pair.right.takeEvents().contains(.reset(StreamID(number: right), .gone)))
  }

  @Test("UPS-15: a peer that never ends does not keep a flow that nobody wants") func neverEnding() throws {
    let pair = try ready()
    let (left, right) = try open(pair)
    pair.left.finish(left)
    pair.left.stopReading(left, .gone)
    pair.run(for: .seconds(4))
    #expect(pair.left.flows.count == 1)
    pair.run(for: .seconds(2))
    #expect(pair.left.flows.isEmpty && pair.right.readAll(right).state == .ended)
    #expect(pair.right.flows.isEmpty)
  }

  @Test("UPS-11: silence of ten seconds ends the tunnel on both sides") func silence() throws {
    let pair = try ready()
    pair.isLost = { _ in true }
    pair.run(for: .seconds(9))
    #expect(pair.left.failure == nil && pair.right.failure == nil)
    pair.run(for: .seconds(4))
    #expect(pair.left.isIdle && pair.right.isIdle)
  }

  @Test("UPS-11: a peer with another key gets in on neither side") func pins() throws {
    let seed = EndpointSeed()
    let now = Instant(nanoseconds: 1_000_000_000)
    let wrong = EndpointSeed(9)
    let pair = try seed.tunnels()
    let stranger = try UpstreamTunnel(
      isServer: false, identity: wrong.client, pin: seed.server.publicKey, random: seed.generator(5), at: now)
    let odd = PacketPair(
      stranger, pair.right,
      poll: { fromLeft, buffer, now in (fromLeft ? stranger : pair.right).nextPacket(into: buffer, at: now) },
      give: { toRight, packet, now in (toRight ? pair.right : stranger).receive(packet, at: now) },
      deadline: { [stranger.deadline, pair.right.deadline].compactMap { $0 }.min() },
      timeout: {
        stranger.handleTimeout(at: $0)
        pair.right.handleTimeout(at: $0)
      })
    odd.run(for: .seconds(3))
    #expect(!pair.right.isReady && !pair.right.hasControl && pair.right.endpoint.connections.isEmpty)
    #expect(pair.right.failure == nil)
    #expect(stranger.isClosedByPeer && stranger.peerCloseError != nil)
    // And the right one gets in afterwards.
    pair.now = odd.now
    #expect(pair.run(for: .seconds(20)) { pair.right.hasControl })
  }

  @Test("UPS-14: there are only so many flows, and room is told of") func bound() throws {
    var limits = UpstreamTunnel.Limits()
    limits.flows = 2
    let pair = try ready(limits: limits)
    let first = try open(pair)
    _ = try open(pair)
    #expect(pair.left.openStream() == nil)
    _ = pair.left.takeEvents()
    pair.left.reset(first.left, .gone)
    #expect(pair.left.takeEvents().contains(.mayOpen))
    #expect(pair.left.openStream() != nil)
  }
}
