import Basics
import Testing

@testable import Engine

@Suite("Datagrams of a session")
struct SessionDatagramTests {
  private func send(_ bytes: [UInt8], by hand: HandRelay, at now: Instant) -> DatagramSending {
    bytes.withUnsafeBytes { hand.session.sendDatagram($0, at: now) }
  }

  private func take(_ hand: HandRelay, at now: Instant) -> [[UInt8]] {
    var datagrams: [[UInt8]] = []
    while hand.session.readDatagram(at: now, { datagrams.append(Array($0)) }) {}
    return datagrams
  }

  @Test("datagrams go over the relay beside the streams")
  func relay() throws {
    var pair = try SessionPair(streams: true, datagrams: true)
    #expect(send([0], by: pair.claimant, at: pair.now) == .unavailable)
    pair.exchange()
    pair.pass(.seconds(1))
    let largest = try #require(pair.claimant.session.largestDatagram)
    #expect(largest == 8_192 - 32)
    let large = [UInt8](repeating: 5, count: largest)
    #expect(send(large, by: pair.claimant, at: pair.now) == .accepted)
    #expect(send(large + [5], by: pair.claimant, at: pair.now) == .tooLarge)
    #expect(send([1, 2, 3], by: pair.acceptor, at: pair.now) == .accepted)
    pair.claimant.collect(at: pair.now)
    pair.acceptor.collect(at: pair.now)
    pair.exchange()
    var events: [StreamEvent] = []
    while let event = pair.acceptor.session.pollStreamEvent() { events.append(event) }
    #expect(events.contains(.datagrams))
    #expect(take(pair.acceptor, at: pair.now) == [large])
    #expect(take(pair.claimant, at: pair.now) == [[1, 2, 3]])
    #expect(pair.claimant.session.datagramCounts.sent == 1)
    #expect(pair.claimant.session.datagramCounts.tooLarge == 1)
    #expect(pair.claimant.session.datagramCounts.received == 1)
  }

  @Test("a session that was not configured for them carries none")
  func notConfigured() throws {
    var pair = try SessionPair(streams: true)
    pair.exchange()
    pair.pass(.seconds(1))
    #expect(pair.claimant.session.largestDatagram == nil)
    #expect(send([1], by: pair.claimant, at: pair.now) == .unavailable)
  }

  @Test("DGR-2: the largest datagram is that of the path which packets take now")
  func sizeFollowsThePath() throws {
    var world = try DirectPair(streams: true, datagrams: true)
    world.pair.exchange()
    world.openSockets()
    world.pass(.seconds(2))
    let claimant = world.pair.claimant
    #expect(world.states(of: claimant).last == .connectedDirect)
    let proven = try #require(claimant.session.paths.promoter.path?.mtu.size)
    let direct = try #require(claimant.session.largestDatagram)
    #expect(direct == min(proven, QUICParameters().largestPacket) - 32)
    // The network of this test carries everything, so that a direct path proves to carry more than the relay.
    #expect(direct > 8_160)
    let datagram = [UInt8](repeating: 6, count: direct)
    #expect(send(datagram, by: claimant, at: world.pair.now) == .accepted)
    world.exchange()
    #expect(take(world.pair.acceptor, at: world.pair.now) == [datagram])
    #expect(claimant.session.statistics.directBytes > UInt64(direct))
    world.isCut = true
    // Something has to be missed for the path to be given up.
    for _ in 0..<20 {
      _ = send([1], by: claimant, at: world.pair.now)
      world.pass(.milliseconds(200))
    }
    #expect(world.states(of: claimant).last == .connectedRelay)
    #expect(claimant.session.largestDatagram == 8_160)
    #expect(send(datagram, by: claimant, at: world.pair.now) == .tooLarge)
  }

  @Test("a batch of long and short datagrams loses none")
  func batches() throws {
    var world = try DirectPair(streams: true, datagrams: true)
    world.pair.exchange()
    world.openSockets()
    world.pass(.seconds(1))
    let claimant = world.pair.claimant
    let size = try #require(claimant.session.largestDatagram)
    let datagrams = (0..<100).map { number in
      [UInt8](repeating: UInt8(number), count: number % 3 == 0 ? 10 : size - number)
    }
    for datagram in datagrams {
      #expect(send(datagram, by: claimant, at: world.pair.now) == .accepted)
      world.exchange()
    }
    for _ in 0..<3 { world.pass(.milliseconds(100)) }
    #expect(take(world.pair.acceptor, at: world.pair.now) == datagrams)
    // All at once, as a busy host has them.
    let few = Array(datagrams[..<60])
    for datagram in few { #expect(send(datagram, by: claimant, at: world.pair.now) == .accepted) }
    world.pass(.seconds(1))
    #expect(take(world.pair.acceptor, at: world.pair.now) == few)
    #expect(claimant.session.datagramCounts.tooLarge == 0)
  }
}
