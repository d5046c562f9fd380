import Basics
import Testing
import Wire

@testable import Engine

/// Two sessions with a network between them besides the relay: every datagram arrives at once, unless it is cut.
struct DirectPair {
  var pair: SessionPair
  let claimantAddress = IPAddress("192.0.2.1")!
  let acceptorAddress = IPAddress("192.0.2.2")!
  var isCut = false
  /// Datagrams of the claimant in the order of leaving.
  var sent: [[UInt8]] = []

  init(
    streams: Bool = false, datagrams: Bool = false, upstream: Bool = false, tunnel: Bool = false
  ) throws {
    pair = try SessionPair(streams: streams, datagrams: datagrams, upstream: upstream, tunnel: tunnel)
    for (hand, address) in [(pair.claimant, claimantAddress), (pair.acceptor, acceptorAddress)] {
      hand.tell(.networkChanged(addresses: [address]), at: .zero)
    }
  }

  /// Opens the IPv4 sockets that were asked for.
  func openSockets() {
    for hand in [pair.claimant, pair.acceptor] {
      for case .openSocket(let id) in hand.events where id == .ipv4 {
        hand.tell(.socketOpened(id, port: 5_000), at: pair.now)
      }
    }
  }

  /// Moves packets of both kinds until none is left.
  mutating func exchange(rounds: Int = 2_000) {
    for _ in 0..<rounds {
      pair.exchange()
      let forward = carry(from: pair.claimant, at: claimantAddress, to: pair.acceptor)
      let back = carry(from: pair.acceptor, at: acceptorAddress, to: pair.claimant)
      if !forward && !back { return }
    }
  }

  private mutating func carry(from sender: HandRelay, at address: IPAddress, to receiver: HandRelay) -> Bool {
    var buffer = [UInt8](repeating: 0, count: Session.minimumDatagramBuffer)
    var any = false
    while let transmission = buffer.withUnsafeMutableBytes({ bytes in
      sender.session.pollDatagrams(into: bytes, at: pair.now)
    }) {
      any = true
      var datagrams = Array(buffer[..<transmission.length])
      if sender === pair.claimant { sent.append(datagrams) }
      guard !isCut else { continue }
      datagrams.withUnsafeMutableBytes {
        receiver.session.handle(
          datagrams: $0, segmentLength: transmission.segmentLength, socket: .ipv4,
          from: IPEndpoint(address: address, port: 5_000), at: pair.now, sink: receiver)
      }
      receiver.collect(at: pair.now)
    }
    sender.collect(at: pair.now)
    return any
  }

  mutating func pass(_ interval: Interval) {
    let end = pair.now + interval
    while pair.now < end {
      pair.now = min(pair.now + .milliseconds(20), end)
      pair.claimant.pass(until: pair.now)
      pair.acceptor.pass(until: pair.now)
      exchange()
    }
  }

  func states(of hand: HandRelay) -> [SessionState] {
    hand.events.compactMap { if case .state(let state) = $0 { state } else { nil } }
  }
}

@Suite struct DirectSessionTests {
  @Test("PRM-1, PRM-6: a session starts on the relay, goes direct on its own, and loses nothing on the way")
  func goesDirect() throws {
    var world = try DirectPair()
    world.pair.exchange()
    let payload = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 11) }
    world.openSockets()
    world.pair.send(payload, by: world.pair.claimant)
    world.pass(.seconds(1))
    #expect(world.states(of: world.pair.claimant).last == .connectedDirect)
    #expect(world.states(of: world.pair.acceptor).last == .connectedDirect)
    let isWhole = world.pair.acceptor.written == payload
    #expect(isWhole)
    #expect(world.pair.claimant.session.statistics.framesRetransmitted == 0)
  }

  @Test("PRM-7: a cut path is left for the relay; healed, it is taken again, and the payload is whole")
  func cutAndHealed() throws {
    var world = try DirectPair()
    world.pair.exchange()
    world.openSockets()
    world.pass(.seconds(1))
    #expect(world.states(of: world.pair.claimant).last == .connectedDirect)
    world.isCut = true
    let payload = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    world.pair.send(payload, by: world.pair.claimant)
    world.pass(.seconds(3))
    #expect(world.states(of: world.pair.claimant).last == .connectedRelay)
    let isWhole = world.pair.acceptor.written == payload
    #expect(isWhole)
    world.isCut = false
    world.pass(.seconds(30))
    #expect(world.states(of: world.pair.claimant).last == .connectedDirect)
  }

  @Test("PRB-3: payload that is ready leaves before a probe that waits")
  func payloadBeforeProbes() throws {
    var world = try DirectPair()
    world.pair.exchange()
    world.openSockets()
    world.pass(.seconds(1))
    // The peer names one more address, which is worth one try (PRB-11).
    world.pair.acceptor.tell(.portMapped(IPEndpoint("198.51.100.9:7000")!), at: world.pair.now)
    world.pair.exchange()
    world.pair.send([UInt8](repeating: 1, count: 100_000), by: world.pair.claimant)
    world.sent = []
    world.exchange()
    let isProbe = world.sent.map { $0.withUnsafeBytes { DiscoPacket.isDisco($0) } }
    let firstProbe = try #require(isProbe.firstIndex(of: true))
    #expect(world.sent[..<firstProbe].contains { $0.count > PathMTU.base })
  }

  @Test(
    "PRM-2: when either side wants the relay only, no socket is opened on that side and nothing is probed")
  func relayOnly() throws {
    let meeting = Meeting()
    var configuration = SessionConfiguration(
      role: .claimant, token: meeting.token, derpKey: meeting.claimantKey, flow: .sends,
      relayHost: "relay.test")
    configuration.isRelayOnly = true
    let hand = HandRelay("claimant", configuration, seed: 3)
    try hand.connect(at: .zero)
    #expect(!hand.events.contains { if case .openSocket = $0 { true } else { false } })
    var buffer = [UInt8](repeating: 0, count: Session.minimumDatagramBuffer)
    let datagram = buffer.withUnsafeMutableBytes { hand.session.pollDatagrams(into: $0, at: .zero) }
    #expect(datagram == nil)
  }

  @Test("PRB-1: a hostile list of candidates leaves only what may be tried")
  func hostileCandidates() throws {
    var random = SeededGenerator(seed: 1)
    let paths = DirectPaths(isClaimant: true, isRelayOnly: false, allowsLoopback: false)
    paths.networkChanged(addresses: [IPAddress("192.0.2.1")!], at: .zero, random: &random)
    paths.prepare(key: PathFixture.key, isPeerRelayOnly: false, at: .zero)
    paths.open(at: .zero, random: &random)
    paths.socketOpened(.ipv4, port: 5_000, at: .zero, random: &random)
    let hostile = [
      "127.0.0.1:80", "0.0.0.0:5", "224.0.0.1:9", "192.0.2.7:0", "192.0.2.1:5000", "[::1]:80", "[ff02::1]:9",
      "192.0.2.7:4242", "192.0.2.7:4242",
    ]
    let endpoints = hostile.map { text in
      let colon = text.lastIndex(of: ":")!
      let host = text[..<colon].trimmingPrefix("[").replacing("]", with: "")
      return IPEndpoint(address: IPAddress(host)!, port: UInt16(text[text.index(after: colon)...])!)
    }
    let update = CandidateUpdate(
      sequence: 1, mapping: .unknown, wantsProbes: true, candidates: endpoints, guessedPorts: [])
    paths.receive(update, at: .zero, random: &random)
    #expect(paths.prober?.pairs.map(\.path) == [PathFixture.path("192.0.2.7:4242")])
    // An older list cannot take back what a newer one said.
    var stale = update
    stale.sequence = 0
    stale.candidates = []
    paths.receive(stale, at: .zero, random: &random)
    #expect(paths.prober?.pairs.count == 1)
  }
}
