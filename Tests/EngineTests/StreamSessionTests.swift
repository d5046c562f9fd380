import Basics
import Testing
import Wire

@testable import Engine

/// One stream of a session pair, its bytes a pattern.
struct StreamTransfer {
  let id: StreamID
  let length: Int
  var filled = 0
  var received = 0
  var isRight = true
  var isEnded = false

  init(on session: Session, length: Int, at now: Instant) throws {
    id = try #require(session.openStream(at: now))
    self.length = length
  }

  static func byte(_ offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: offset &* 131 &+ offset >> 9) }

  mutating func move(from sender: Session, to receiver: Session, at now: Instant) {
    while filled < length, sender.wantedByStream(id) > 0 {
      let start = filled
      filled += sender.fillStream(id) { room in
        let count = min(room.count, length - start)
        for index in 0..<count { room[index] = Self.byte(start + index) }
        return count
      }
      if filled == length { sender.finishStream(id, at: now) }
    }
    var at = received
    var isRight = self.isRight
    let state = receiver.readStream(id, at: now) { piece in
      for (index, byte) in piece.enumerated() where byte != Self.byte(at + index) { isRight = false }
      at += piece.count
      return piece.count
    }
    (received, self.isRight) = (at, isRight)
    if state == .ended { isEnded = true }
  }
}

@Suite struct StreamSessionTests {
  private func events(_ hand: HandRelay) -> [StreamEvent] {
    var events: [StreamEvent] = []
    while let event = hand.session.pollStreamEvent() { events.append(event) }
    return events
  }

  @Test func streamsOverTheRelay() throws {
    var pair = try SessionPair(streams: true)
    pair.exchange()
    pair.pass(.seconds(1))
    #expect(events(pair.claimant).contains(.ready))
    #expect(events(pair.acceptor).contains(.ready))
    var transfer = try StreamTransfer(on: pair.claimant.session, length: 3_000_000, at: pair.now)
    for _ in 0..<2_000 where !transfer.isEnded {
      transfer.move(from: pair.claimant.session, to: pair.acceptor.session, at: pair.now)
      pair.claimant.collect(at: pair.now)
      pair.acceptor.collect(at: pair.now)
      pair.pass(.milliseconds(5))
    }
    #expect(transfer.isEnded && transfer.isRight)
    #expect(transfer.received == 3_000_000)
    #expect(pair.claimant.session.statistics.relayBytes > 3_000_000)
  }

  @Test("STR-9: a session of streams that is closed ends well on both sides")
  func closing() throws {
    var pair = try SessionPair(streams: true)
    pair.exchange()
    pair.pass(.seconds(1))
    pair.acceptor.session.closeStreams(at: pair.now)
    pair.acceptor.collect(at: pair.now)
    pair.pass(.seconds(1))
    #expect(pair.claimant.outcome == .success(bytes: 0))
    #expect(pair.acceptor.outcome == .success(bytes: 0))
  }

  @Test("STR-1: a claim without an identity is refused")
  func claimWithoutIdentity() throws {
    var configuration = SessionConfiguration(
      role: .acceptor(expiresAt: .zero + .seconds(3_600)), token: Meeting().token,
      derpKey: Meeting().acceptorKey, flow: .receives, relayHost: "relay.test")
    configuration.streams = StreamsConfiguration(identity: Meeting().identity)
    let acceptor = HandRelay("acceptor", configuration, seed: 3)
    try acceptor.connect(at: .zero)
    var meeting = Meeting()
    var claimant = meeting.claimant()
    for packet in claimant.handle(.relayUp, at: .zero).packets {
      acceptor.deliver(packet, from: meeting.claimantKey.publicKey, at: .zero)
    }
    let answer = try #require(acceptor.takeSent().last)
    let effects = answer.withUnsafeBytes { claimant.receive($0, at: .zero) }
    guard case .refused(let code, _) = effects.failure else {
      Issue.record("not refused: \(effects)")
      return
    }
    #expect(code == "claim_malformed")
  }

  @Test("STR-5: a stream goes on over relay, direct path and relay again, and loses nothing")
  func pathsChangeUnderneath() throws {
    var world = try DirectPair(streams: true)
    world.pair.exchange()
    world.openSockets()
    world.pass(.seconds(1))
    #expect(world.states(of: world.pair.claimant).last == .connectedDirect)
    #expect(world.states(of: world.pair.acceptor).last == .connectedDirect)
    let (claimant, acceptor) = (world.pair.claimant, world.pair.acceptor)
    var transfer = try StreamTransfer(on: claimant.session, length: 20_000_000, at: world.pair.now)
    var longestStall = Interval.zero
    var lastMove = world.pair.now
    for step in 0..<3_000 where !transfer.isEnded {
      let before = transfer.received
      transfer.move(from: claimant.session, to: acceptor.session, at: world.pair.now)
      claimant.collect(at: world.pair.now)
      acceptor.collect(at: world.pair.now)
      if transfer.received > before {
        longestStall = max(longestStall, world.pair.now - lastMove)
        lastMove = world.pair.now
      }
      if step == 10 { world.isCut = true }
      if step == 60 { world.isCut = false }
      world.pass(.milliseconds(20))
    }
    #expect(transfer.isEnded && transfer.isRight)
    #expect(transfer.received == 20_000_000)
    let states = world.states(of: claimant)
    #expect(states.filter { $0 == .connectedDirect }.count >= 1)
    #expect(states.contains(.connectedRelay))
    #expect(longestStall < .seconds(3))
    #expect(claimant.session.statistics.directBytes > 0)
  }

  @Test(
    "STR-7: after a long outage of the relay streams go on within a second, not when a timer has backed off to"
  )
  func outage() throws {
    var pair = try SessionPair(streams: true)
    pair.exchange()
    pair.pass(.seconds(1))
    var transfer = try StreamTransfer(on: pair.claimant.session, length: 8_000_000, at: pair.now)
    func move(_ interval: Interval, carrying: Bool) {
      let end = pair.now + interval
      while pair.now < end, !transfer.isEnded {
        transfer.move(from: pair.claimant.session, to: pair.acceptor.session, at: pair.now)
        pair.claimant.collect(at: pair.now)
        pair.acceptor.collect(at: pair.now)
        pair.pass(.milliseconds(10), carrying: carrying)
        if !carrying {
          // What is sent meanwhile is lost.
          _ = pair.claimant.takeSent()
          _ = pair.acceptor.takeSent()
        }
      }
    }
    move(.milliseconds(100), carrying: true)
    let before = transfer.received
    move(.seconds(11), carrying: false)
    #expect(transfer.received - before < 4_000_000)
    let stalled = transfer.received
    move(.seconds(1), carrying: true)
    #expect(transfer.received > stalled)
    move(.seconds(30), carrying: true)
    #expect(transfer.isEnded && transfer.isRight)
  }
}

/// What arrives from where.
@Suite struct StreamPacketTests {
  @Test("STR-6: a datagram counts only on a path over which the peer sent a sealed frame")
  func strangersAreNotHeard() throws {
    var world = try DirectPair(streams: true)
    world.pair.exchange()
    world.openSockets()
    world.pass(.seconds(1))
    let acceptor = world.pair.acceptor.session
    let before = try #require(acceptor.quic?.packetsReceived)
    func give(from address: String) {
      // The form of a short-header packet.
      var packet: [UInt8] = [0x41] + [UInt8](repeating: 7, count: 50)
      packet.withUnsafeMutableBytes {
        acceptor.handle(
          datagrams: $0, segmentLength: $0.count, socket: .ipv4,
          from: IPEndpoint(address: IPAddress(address)!, port: 5_000), at: world.pair.now,
          sink: world.pair.acceptor)
      }
    }
    give(from: "192.0.2.77")
    #expect(acceptor.quic?.packetsReceived == before)
    give(from: "192.0.2.1")
    #expect(acceptor.quic?.packetsReceived == before + 1)
    #expect(acceptor.outcome == nil)
  }

  @Test("STR-8: every packet has the fixed bit, whatever the seed")
  func fixedBit() throws {
    for seed in 1...8 as ClosedRange<UInt64> {
      let pair = try QUICPair(seed: seed)
      var isSet = true
      pair.seen = { if $0[0] & 0x40 == 0 { isSet = false } }
      pair.run { pair.client.isReady && pair.server.isReady }
      #expect(isSet)
    }
  }

  @Test("STR-10: a peer that was silent for twenty seconds goes on where it was")
  func silence() throws {
    var pair = try SessionPair(streams: true)
    pair.exchange()
    pair.pass(.seconds(1))
    pair.pass(.seconds(20), carrying: false)
    _ = pair.claimant.takeSent()
    _ = pair.acceptor.takeSent()
    func missing(_ hand: HandRelay) -> [Bool] {
      hand.events.compactMap { if case .peerMissing(let isMissing) = $0 { isMissing } else { nil } }
    }
    #expect(missing(pair.acceptor) == [true])
    pair.pass(.seconds(2))
    #expect(missing(pair.acceptor) == [true, false])
    #expect(pair.claimant.session.openStream(at: pair.now) != nil)
    pair.pass(.seconds(20), carrying: false)
    #expect(pair.acceptor.outcome == nil)
    pair.pass(.seconds(15), carrying: false)
    #expect(pair.acceptor.outcome == .failure(.peerSilent))
  }
}

@Suite struct PeerLaneTests {
  @Test(
    "STR-11: the peer has left a direct path when it came over it before, and not when it has yet to come")
  func follows() {
    var lane = PeerLane()
    lane.arrived(on: .relay)
    #expect(!lane.hasLeftDirectPath)
    lane.arrived(on: .direct)
    #expect(!lane.hasLeftDirectPath)
    lane.arrived(on: .relay)
    #expect(lane.hasLeftDirectPath)
    lane.arrived(on: .direct)
    #expect(!lane.hasLeftDirectPath)
    lane.arrived(on: .relay)
    lane.pathChanged()
    #expect(!lane.hasLeftDirectPath)
  }

  @Test("STR-11: a download goes on over the relay soon after its path was cut")
  func downloadAfterCut() throws {
    var world = try DirectPair(streams: true)
    world.pair.exchange()
    world.openSockets()
    world.pass(.seconds(1))
    let (claimant, acceptor) = (world.pair.claimant, world.pair.acceptor)
    var transfer = try StreamTransfer(on: claimant.session, length: 60_000_000, at: world.pair.now)
    func move(_ interval: Interval) {
      let end = world.pair.now + interval
      while world.pair.now < end {
        transfer.move(from: claimant.session, to: acceptor.session, at: world.pair.now)
        claimant.collect(at: world.pair.now)
        acceptor.collect(at: world.pair.now)
        world.pass(.milliseconds(20))
      }
    }
    move(.milliseconds(300))
    world.isCut = true
    move(.milliseconds(1_500))
    let before = transfer.received
    move(.milliseconds(500))
    #expect(transfer.received > before)
  }
}

@Suite struct DoorTests {
  @Test(
    "STR-12: a door hands claims out, and a session behind it answers through it and is reached by its own key"
  )
  func door() throws {
    var pair = try SessionPair(streams: true)
    // The pair's acceptor is not used: a door holds the token's key.
    var configuration = SessionConfiguration(
      role: .door, token: pair.meeting.token, derpKey: pair.meeting.acceptorKey, flow: .receives,
      relayHost: "relay.test")
    configuration.streams = StreamsConfiguration(identity: pair.meeting.identity)
    let door = HandRelay("door", configuration, seed: 51)
    try door.connect(at: .zero)
    let sessionKey = pair.meeting.key()
    configuration.role = .acceptor(expiresAt: .zero + .seconds(3_600))
    configuration.sessionKey = sessionKey
    let guest = HandRelay("guest", configuration, seed: 52)
    try guest.connect(at: .zero)
    var forwarded = 0
    for _ in 0..<200 {
      for (packet, to) in pair.claimant.sent {
        let target = to == pair.acceptorKey ? door : guest
        target.deliver(packet, from: pair.claimantKey, at: pair.now)
      }
      pair.claimant.sent = []
      for case .knock(let envelope, let source) in door.events[forwarded...] {
        #expect(source == pair.claimantKey)
        #expect(door.session.isClaim(envelope, from: source))
        guest.session.deliver(envelope, from: source, at: pair.now)
        guest.collect(at: pair.now)
      }
      forwarded = door.events.count
      for event in guest.events {
        if case .envelope(let packet, let to) = event { door.session.send(packet, to: to) }
      }
      door.collect(at: pair.now)
      for (packet, _) in door.sent { pair.claimant.deliver(packet, from: pair.acceptorKey, at: pair.now) }
      door.sent = []
      for (packet, _) in guest.sent {
        pair.claimant.deliver(packet, from: sessionKey.publicKey, at: pair.now)
      }
      guest.sent = []
      pair.now = pair.now + .milliseconds(5)
      pair.claimant.pass(until: pair.now)
      guest.pass(until: pair.now)
    }
    #expect(pair.claimant.session.openStream(at: pair.now) != nil)
    #expect(guest.session.isEstablished)
    // A stranger's words are no claim, and one claim too many is refused by the token's own key.
    #expect(!door.session.isClaim(Array("{}".utf8), from: pair.claimantKey))
    var other = pair.meeting.claimant(pair.meeting.key())
    let claim = try #require(other.handle(.relayUp, at: .zero).packets.last)
    door.session.refuse(claim, from: pair.claimantKey)
    door.collect(at: pair.now)
    let refusal = try #require(door.takeSent().last)
    let effects = refusal.withUnsafeBytes { other.receive($0, at: .zero) }
    #expect(effects.failure == .refused(code: "claimed", reason: "session already claimed"))
  }
}
