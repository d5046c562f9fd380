import Basics
import Crypto
import Testing

@testable import Engine
@testable import Wire

/// Two sessions of ours that speak upstream's derptun with each other.
@Suite struct UpstreamTunnelSessionTests {
  private func events(_ hand: HandRelay) -> [StreamEvent] {
    var events: [StreamEvent] = []
    while let event = hand.session.pollStreamEvent() { events.append(event) }
    return events
  }

  private func settled() throws -> SessionPair {
    var pair = try SessionPair(streams: true, upstream: true, tunnel: true)
    pair.exchange()
    pair.pass(.seconds(1))
    #expect(events(pair.claimant).contains(.ready) && events(pair.acceptor).contains(.ready))
    return pair
  }

  private func open(_ pair: inout SessionPair) throws -> (left: StreamID, right: StreamID) {
    let id = try #require(pair.claimant.session.openStream(at: pair.now))
    pair.claimant.collect(at: pair.now)
    pair.pass(.milliseconds(200))
    var opened: StreamID?
    for case .opened(let id) in events(pair.acceptor) { opened = id }
    return (id, try #require(opened))
  }

  private func put(_ text: String, _ id: StreamID, _ hand: HandRelay, at now: Instant) {
    let count = hand.session.fillStream(id) { room in
      room.copyBytes(from: text.utf8)
      return text.utf8.count
    }
    #expect(count == text.utf8.count)
    hand.collect(at: now)
  }

  private func read(_ id: StreamID, _ hand: HandRelay, at now: Instant) -> (
    text: String, state: StreamReadState
  ) {
    var bytes: [UInt8] = []
    let state = hand.session.readStream(id, at: now) {
      bytes += $0
      return $0.count
    }
    hand.collect(at: now)
    return (String(decoding: bytes, as: UTF8.self), state)
  }

  @Test("UPS-14: several flows at once over the relay, half closed and answered") func relayed() throws {
    var pair = try settled()
    #expect(pair.claimant.session.tunnel != nil && pair.claimant.session.quic == nil)
    let flows = try (0..<5).map { _ in try open(&pair) }
    for (number, flow) in flows.enumerated() {
      put("question \(number)", flow.left, pair.claimant, at: pair.now)
      pair.claimant.session.finishStream(flow.left, at: pair.now)
      pair.claimant.collect(at: pair.now)
    }
    pair.pass(.milliseconds(200))
    for (number, flow) in flows.enumerated().reversed() {
      #expect(read(flow.right, pair.acceptor, at: pair.now) == ("question \(number)", .ended))
      put("answer \(number)", flow.right, pair.acceptor, at: pair.now)
      pair.acceptor.session.finishStream(flow.right, at: pair.now)
      pair.acceptor.collect(at: pair.now)
    }
    pair.pass(.milliseconds(200))
    for (number, flow) in flows.enumerated() {
      #expect(read(flow.left, pair.claimant, at: pair.now) == ("answer \(number)", .ended))
    }
    pair.pass(.seconds(1))
    let closed = events(pair.claimant).count { if case .closed = $0 { true } else { false } }
    #expect(closed == 5)
    #expect(pair.claimant.session.tunnel?.flows.isEmpty == true)
    #expect(pair.acceptor.session.tunnel?.endpoint.connections.count == 1)
    // The server's client may close one direction only, the dialer's server means both.
    #expect(pair.acceptor.session.streamLinger == nil && pair.claimant.session.streamLinger == .seconds(2))
    #expect(pair.claimant.session.statistics.payloadBytes == UInt64(5 * ("question 0answer 0".utf8.count)))
  }

  @Test("UPS-9: a flow goes on over relay, direct way and relay again, and loses nothing") func paths() throws
  {
    var world = try DirectPair(streams: true, upstream: true, tunnel: true)
    world.pair.exchange()
    world.openSockets()
    world.pass(.seconds(2))
    #expect(world.states(of: world.pair.claimant).last == .connectedDirect)
    let (claimant, acceptor) = (world.pair.claimant, world.pair.acceptor)
    var transfer = try StreamTransfer(on: claimant.session, length: 6_000_000, at: world.pair.now)
    claimant.collect(at: world.pair.now)
    for step in 0..<3_000 where !transfer.isEnded {
      transfer.move(from: claimant.session, to: acceptor.session, at: world.pair.now)
      claimant.collect(at: world.pair.now)
      acceptor.collect(at: world.pair.now)
      if step == 10 { world.isCut = true }
      if step == 400 { world.isCut = false }
      world.pass(.milliseconds(20))
    }
    #expect(transfer.isEnded && transfer.isRight && transfer.received == 6_000_000)
    #expect(world.states(of: claimant).contains(.connectedRelay))
    #expect(claimant.session.statistics.directBytes > 0 && claimant.session.statistics.relayBytes > 0)
  }

  @Test("UPS-15: a refused target is the end of that flow only") func refused() throws {
    var pair = try settled()
    let flow = try open(&pair)
    pair.acceptor.session.resetStream(flow.right, .refused, at: pair.now)
    pair.acceptor.session.stopReadingStream(flow.right, .refused, at: pair.now)
    pair.acceptor.collect(at: pair.now)
    pair.pass(.milliseconds(200))
    #expect(events(pair.claimant).contains(.reset(flow.left, .gone)))
    let next = try open(&pair)
    put("again", next.left, pair.claimant, at: pair.now)
    pair.pass(.milliseconds(200))
    #expect(read(next.right, pair.acceptor, at: pair.now).text == "again")
  }

  @Test("UPS-10: a closed tunnel ends well on both sides, with flows in it", arguments: [true, false])
  func closing(byClaimant: Bool) throws {
    var pair = try settled()
    _ = try open(&pair)
    let closer = byClaimant ? pair.claimant : pair.acceptor
    closer.session.closeStreams(at: pair.now)
    closer.collect(at: pair.now)
    pair.pass(.milliseconds(100))
    #expect(pair.claimant.outcome == .success(bytes: 0))
    #expect(pair.acceptor.outcome == .success(bytes: 0))
  }

  @Test("UPS-11: a peer that says nothing for ten seconds is gone") func silence() throws {
    var pair = try settled()
    pair.pass(.seconds(9), carrying: false)
    #expect(pair.claimant.outcome == nil && pair.acceptor.outcome == nil)
    pair.pass(.seconds(4), carrying: false)
    #expect(pair.claimant.outcome == .failure(.peerSilent))
    #expect(pair.acceptor.outcome == .failure(.peerSilent))
  }

  @Test("CLI-4: a peer that is asked shows that it lives before another one may take its place") func asked()
    throws
  {
    var pair = try settled()
    // The peer was heard a moment ago: by itself it would say nothing for two seconds.
    pair.pass(.seconds(5))
    let before = pair.acceptor.session.lastHeard
    for _ in 0..<100 where pair.acceptor.session.lastHeard == before { pair.pass(.milliseconds(50)) }
    pair.pass(.milliseconds(50))
    let asked = pair.now
    #expect(try #require(pair.acceptor.session.lastHeard) < asked)
    pair.acceptor.session.checkPeer(at: pair.now)
    pair.acceptor.collect(at: pair.now)
    pair.pass(.seconds(1))
    #expect(try #require(pair.acceptor.session.lastHeard) >= asked)
  }

  @Test("UPS-11: a stranger's address begins no connection, though it may carry the peer's packets")
  func strangers()
    throws
  {
    let pair = try settled()
    let seed = EndpointSeed(4)
    let client = try QUICEndpoint(
      isServer: false, identity: seed.client, pin: seed.server.publicKey, parameters: .upstreamTunnel,
      random: seed.generator(1))
    _ = try client.connect(at: pair.now)
    var packet = [UInt8](repeating: 0, count: 1_200)
    #expect(packet.withUnsafeMutableBytes { client.poll(into: $0, limit: 1_200, at: pair.now) } == 1_200)
    let tunnel = try #require(pair.acceptor.session.tunnel)
    packet.withUnsafeMutableBytes {
      pair.acceptor.session.handle(
        datagrams: $0, segmentLength: 1_200, socket: .ipv4, from: IPEndpoint("198.51.100.7:4000")!,
        at: pair.now,
        sink: pair.acceptor)
    }
    #expect(tunnel.endpoint.connections.count == 1)
    pair.acceptor.deliver(packet, from: pair.claimantKey, at: pair.now)
    #expect(tunnel.endpoint.connections.count == 2)
  }

  @Test("UPS-17: the decision is repeated until the control stream has come") func repetition() throws {
    var pair = try SessionPair(streams: true, upstream: true, tunnel: true)
    let isDecision = { (packet: [UInt8]) in if case .decision? = envelope(packet) { true } else { false } }
    for packet in pair.claimant.takeSent() {
      pair.acceptor.deliver(packet, from: pair.claimantKey, at: pair.now)
    }
    let decision = try #require(pair.acceptor.takeSent().first(where: isDecision))
    pair.pass(.milliseconds(1_020), carrying: false)
    let again = pair.acceptor.takeSent().filter(isDecision)
    #expect(again.count == 4 && again.allSatisfy { $0 == decision })
    pair.pass(.seconds(1))
    _ = pair.acceptor.takeSent()
    #expect(pair.acceptor.session.tunnel?.hasControl == true)
    pair.pass(.seconds(1), carrying: false)
    #expect(!pair.acceptor.takeSent().contains(where: isDecision))
  }

  @Test("UPS-11: behind a door the packets of a tunnel take the door's way") func door() throws {
    var pair = try SessionPair(streams: true, upstream: true, tunnel: true)
    var configuration = SessionConfiguration(
      role: .acceptor(expiresAt: seconds(3_600)), token: pair.meeting.token,
      derpKey: pair.meeting.acceptorKey,
      flow: .receives, relayHost: "relay.test")
    configuration.streams = StreamsConfiguration(identity: pair.meeting.identity)
    configuration.speaksUpstream = true
    configuration.sessionKey = pair.meeting.key()
    let guest = HandRelay("guest", configuration, seed: 52)
    try guest.connect(at: .zero)
    var told = 0
    var opened = false
    var id: StreamID?
    for step in 0..<400 where !opened {
      for packet in pair.claimant.takeSent() {
        guest.session.deliver(packet, from: pair.claimantKey, at: pair.now)
        guest.collect(at: pair.now)
      }
      if step == 200 { id = pair.claimant.session.openStream(at: pair.now) }
      for event in guest.events[told...] {
        guard case .envelope(let packet, let to) = event else { continue }
        #expect(to == pair.claimantKey)
        pair.claimant.deliver(packet, from: pair.acceptorKey, at: pair.now)
      }
      told = guest.events.count
      pair.now = pair.now + .milliseconds(5)
      pair.claimant.pass(until: pair.now)
      guest.pass(until: pair.now)
      opened = events(guest).contains { if case .opened = $0 { true } else { false } }
    }
    #expect(id != nil && opened)
    #expect(guest.sent.isEmpty)
  }
}

/// Who claims with a derptun credential, and does not know what the server speaks.
@Suite struct DualClaimTests {
  private func meeting() -> Meeting { Meeting(capabilities: [.derptunTCP]) }

  private func claimant(_ meeting: inout Meeting) -> Claimant {
    Claimant(
      token: meeting.token, derpKey: meeting.claimantKey, isRelayOnly: false,
      identity: Bytes32(words: (1, 2, 3, 4)), client: ClaimClient(), random: &meeting.random)
  }

  /// The kinds of claims that leave until `limit`, with their times.
  private func pass(_ claimant: inout Claimant, until limit: Instant) -> [(at: Instant, claim: Envelope)] {
    var result: [(at: Instant, claim: Envelope)] = []
    while let due = claimant.deadline, due <= limit {
      for packet in claimant.handleTimeout(at: due).packets {
        if let envelope = envelope(packet) { result.append((due, envelope)) }
      }
    }
    return result
  }

  private func isUpstream(_ envelope: Envelope) -> Bool {
    if case .claim = envelope { true } else { false }
  }

  @Test("UPS-16: the native claim goes alone at first, then upstream's beside it, marked") func order() throws
  {
    var meeting = meeting()
    var claimant = claimant(&meeting)
    let first = claimant.handle(.relayUp, at: .zero).packets.compactMap { envelope($0) }
    #expect(first.count == 1 && !isUpstream(first[0]))
    let sent = pass(&claimant, until: .zero + .seconds(4))
    let upstream = sent.filter { isUpstream($0.claim) }
    let native = sent.filter { !isUpstream($0.claim) }
    #expect(try #require(upstream.first).at >= .zero + Claimant.upstreamDelay)
    #expect(native.count > upstream.count && native.contains { $0.at > upstream[0].at })
    guard case .claim(let claim) = upstream[0].claim else { return }
    #expect(claim.parallel == UpstreamRendezvous.nativeMark && claim.client != nil && claim.version == 5)
    #expect(claim.derpPublic == meeting.claimantKey.publicKey)
  }

  @Test(
    "UPS-16: the decision that comes first counts, and only its claim is repeated", arguments: [true, false])
  func first(isUpstreamFirst: Bool) throws {
    var meeting = meeting()
    var claimant = claimant(&meeting)
    let native = try #require(claimant.handle(.relayUp, at: .zero).packets.first)
    let upstream = try #require(
      pass(&claimant, until: .zero + .seconds(2)).first { isUpstream($0.claim) }?.claim)
    guard case .claim(let claim) = upstream else { return }
    var acceptor = Acceptor(
      token: meeting.token, derpKey: meeting.acceptorKey, isRelayOnly: false, wantsIdentity: true,
      expiresAt: seconds(3_600), random: &meeting.random)
    let nativeDecision = try #require(
      acceptor.take(native, from: meeting.claimantKey.publicKey).packets.first)
    let upstreamDecision = meeting.seal.seal(.decision(UpstreamRendezvous.acceptance(of: claim)))
    let now = seconds(2)
    let effects = claimant.take(isUpstreamFirst ? upstreamDecision : nativeDecision, at: now)
    #expect(effects.opensPlane == !isUpstreamFirst)
    #expect(effects.contains { if case .openUpstream = $0 { true } else { false } } == isUpstreamFirst)
    let late = claimant.take(isUpstreamFirst ? nativeDecision : upstreamDecision, at: now)
    #expect(!late.opensPlane && late.failure == nil)
    #expect(!late.contains { if case .openUpstream = $0 { true } else { false } })
    let repeated = pass(&claimant, until: seconds(4))
    #expect(!repeated.isEmpty && repeated.allSatisfy { isUpstream($0.claim) == isUpstreamFirst })
    #expect(claimant.handle(.confirmation, at: seconds(4)).isEstablished)
    // Nor does the other decision mean that the server has forgotten us.
    let last = claimant.take(isUpstreamFirst ? nativeDecision : upstreamDecision, at: seconds(5))
    #expect(!last.contains { if case .peerRestarted = $0 { true } else { false } })
    #expect(claimant.askAgain().packets.isEmpty == isUpstreamFirst)
  }

  @Test("UPS-16: an acceptor of ours leaves a marked claim unanswered", arguments: [true, false])
  func marked(isMarked: Bool) {
    var meeting = meeting()
    var acceptor = Acceptor(
      token: meeting.token, derpKey: meeting.acceptorKey, isRelayOnly: false, wantsIdentity: true,
      speaksUpstream: true, expiresAt: seconds(3_600), random: &meeting.random)
    let claim = UpstreamRendezvous.claim(
      on: meeting.token, derpPublic: meeting.claimantKey.publicKey, quicPublic: Bytes32(words: (1, 2, 3, 4)),
      client: ClaimClient(), speaksNative: isMarked)
    let effects = acceptor.take(meeting.seal.seal(.claim(claim)), from: meeting.claimantKey.publicKey)
    #expect(effects.packets.isEmpty == isMarked)
  }
}
