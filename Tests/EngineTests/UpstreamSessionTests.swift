import Basics
import Testing
import Wire

@testable import Engine

/// Both sides are ours and speak as with upstream's program.
@Suite struct UpstreamSessionTests {
  private func events(_ hand: HandRelay) -> [StreamEvent] {
    var events: [StreamEvent] = []
    while let event = hand.session.pollStreamEvent() { events.append(event) }
    return events
  }

  @Test("UPS-9: streams over the relay, in packets that fit every way") func relayed() throws {
    var pair = try SessionPair(streams: true, upstream: true)
    var longest = 0
    var kinds: [String] = []
    func carry() {
      for _ in 0..<1_000 {
        let forward = pair.claimant.takeSent()
        let back = pair.acceptor.takeSent()
        guard !forward.isEmpty || !back.isEmpty else { return }
        for packet in forward + back {
          if let envelope = envelope(packet) {
            if kinds.last != envelope.kind.rawValue { kinds.append(envelope.kind.rawValue) }
          } else {
            longest = max(longest, packet.count)
          }
        }
        for packet in forward { pair.acceptor.deliver(packet, from: pair.claimantKey, at: pair.now) }
        for packet in back { pair.claimant.deliver(packet, from: pair.acceptorKey, at: pair.now) }
      }
    }
    func pass(_ interval: Interval) {
      pair.now = pair.now + interval
      pair.claimant.pass(until: pair.now)
      pair.acceptor.pass(until: pair.now)
      carry()
    }
    for _ in 0..<20 { pass(.milliseconds(50)) }
    #expect(kinds.first == "claim" && kinds.contains("decision") && kinds.contains("v2_data_plane_ready"))
    #expect(!kinds.contains("native_claim"))
    #expect(events(pair.claimant).contains(.ready))
    #expect(events(pair.acceptor).contains(.ready))
    var transfer = try StreamTransfer(on: pair.claimant.session, length: 2_000_000, at: pair.now)
    for _ in 0..<2_000 where !transfer.isEnded {
      transfer.move(from: pair.claimant.session, to: pair.acceptor.session, at: pair.now)
      pair.claimant.collect(at: pair.now)
      pair.acceptor.collect(at: pair.now)
      pass(.milliseconds(5))
    }
    #expect(transfer.isEnded && transfer.isRight)
    #expect(longest == 1_200)
  }

  @Test("UPS-10: a closed session ends well on both sides, the other one at once", arguments: [true, false])
  func closing(byClaimant: Bool) throws {
    var pair = try SessionPair(streams: true, upstream: true)
    pair.exchange()
    pair.pass(.seconds(1))
    let closer = byClaimant ? pair.claimant : pair.acceptor
    closer.session.closeStreams(at: pair.now)
    closer.collect(at: pair.now)
    pair.pass(.milliseconds(100))
    #expect(pair.claimant.outcome == .success(bytes: 0))
    #expect(pair.acceptor.outcome == .success(bytes: 0))
  }

  @Test("UPS-9: a peer that says nothing for half a minute is gone") func silence() throws {
    var pair = try SessionPair(streams: true, upstream: true)
    pair.exchange()
    pair.pass(.seconds(1))
    pair.pass(.seconds(29), carrying: false)
    #expect(pair.claimant.outcome == nil && pair.acceptor.outcome == nil)
    pair.pass(.seconds(8), carrying: false)
    #expect(pair.claimant.outcome == .failure(.peerSilent))
    #expect(pair.acceptor.outcome == .failure(.peerSilent))
  }

  @Test("UPS-8: streams go on over relay, direct way and relay again, and lose nothing") func paths() throws {
    var world = try DirectPair(streams: true, upstream: true)
    world.pair.exchange()
    world.openSockets()
    world.pass(.seconds(2))
    #expect(world.states(of: world.pair.claimant).last == .connectedDirect)
    #expect(world.states(of: world.pair.acceptor).last == .connectedDirect)
    let (claimant, acceptor) = (world.pair.claimant, world.pair.acceptor)
    var transfer = try StreamTransfer(on: claimant.session, length: 6_000_000, at: world.pair.now)
    for step in 0..<3_000 where !transfer.isEnded {
      transfer.move(from: claimant.session, to: acceptor.session, at: world.pair.now)
      claimant.collect(at: world.pair.now)
      acceptor.collect(at: world.pair.now)
      if step == 10 { world.isCut = true }
      world.pass(.milliseconds(20))
    }
    #expect(transfer.isEnded && transfer.isRight)
    #expect(world.states(of: claimant).contains(.connectedRelay))
    world.isCut = false
    world.pass(.seconds(3))
    #expect(world.states(of: claimant).last == .connectedDirect)
    #expect(claimant.session.statistics.directBytes > 0 && claimant.session.statistics.relayBytes > 0)
    #expect(claimant.session.statistics.pathChanges >= 3)
  }

  @Test("UPS-2: another claimant is refused in upstream's form") func second() throws {
    var pair = try SessionPair(streams: true, upstream: true)
    pair.exchange()
    pair.pass(.seconds(1))
    _ = pair.acceptor.takeSent()
    let stranger = pair.meeting.key()
    let claim = UpstreamRendezvous.claim(
      on: pair.meeting.token, derpPublic: stranger.publicKey, quicPublic: Bytes32(words: (1, 2, 3, 4)))
    pair.acceptor.deliver(pair.meeting.seal.seal(.claim(claim)), from: stranger.publicKey, at: pair.now)
    let answers = pair.acceptor.sent.filter { $0.to == stranger.publicKey }.compactMap { envelope($0.packet) }
    guard case .decision(let decision)? = answers.first else {
      Issue.record("no decision: \(answers)")
      return
    }
    #expect(!decision.isAccepted && decision.reject?.code == "claimed")
  }

  @Test("UPS-4: the connection does not wait for a side that says nothing about raw sockets")
  func silentSide()
    throws
  {
    var pair = try SessionPair(streams: true, upstream: true)
    func carry() {
      for _ in 0..<1_000 {
        let forward = pair.claimant.takeSent()
        let back = pair.acceptor.takeSent()
        guard !forward.isEmpty || !back.isEmpty else { return }
        for packet in forward { pair.acceptor.deliver(packet, from: pair.claimantKey, at: pair.now) }
        for packet in back {
          if case .dataPlaneReady? = envelope(packet) { continue }
          pair.claimant.deliver(packet, from: pair.acceptorKey, at: pair.now)
        }
      }
    }
    func pass(_ steps: Int) {
      for _ in 0..<steps {
        pair.now = pair.now + .milliseconds(50)
        pair.claimant.pass(until: pair.now)
        pair.acceptor.pass(until: pair.now)
        carry()
      }
    }
    carry()
    pass(4)
    #expect(events(pair.claimant).contains(.ready))
    pass(140)
    #expect(pair.claimant.outcome == nil && pair.claimant.session.upstream?.negotiation.phase == .settled)
  }
}
