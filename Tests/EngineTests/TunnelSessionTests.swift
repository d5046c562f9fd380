import Basics
import Testing
import Wire

@testable import Engine

/// What tunnels ask of sessions: silence that is noticed soon and borne for long.
@Suite struct TunnelSessionTests {
  private func silences(of hand: HandRelay) -> [Bool] {
    hand.events.compactMap { if case .peerMissing(let isMissing) = $0 { isMissing } else { nil } }
  }

  private func hasRestarted(_ hand: HandRelay) -> Bool {
    hand.events.contains { if case .peerRestarted = $0 { true } else { false } }
  }

  private func pair() throws -> SessionPair {
    var pair = try SessionPair(streams: true, patience: .tunnel(window: .seconds(120)))
    pair.exchange()
    pair.pass(.seconds(1))
    return pair
  }

  @Test("TUN-4: an outage of a minute loses nothing, and a second after it everything goes on")
  func outage() throws {
    var pair = try pair()
    var transfer = try StreamTransfer(on: pair.claimant.session, length: 2_000_000, at: pair.now)
    for step in 0..<4_000 where !transfer.isEnded {
      transfer.move(from: pair.claimant.session, to: pair.acceptor.session, at: pair.now)
      pair.claimant.collect(at: pair.now)
      pair.acceptor.collect(at: pair.now)
      if step == 3 {
        let before = transfer.received
        pair.pass(.seconds(60), carrying: false)
        #expect(silences(of: pair.claimant) == [true])
        _ = pair.claimant.takeSent()
        _ = pair.acceptor.takeSent()
        pair.pass(.seconds(1))
        transfer.move(from: pair.claimant.session, to: pair.acceptor.session, at: pair.now)
        #expect(transfer.received > before)
      }
      pair.pass(.milliseconds(5))
    }
    #expect(transfer.isEnded && transfer.isRight)
    #expect(silences(of: pair.claimant) == [true, false])
    #expect(pair.claimant.outcome == nil && pair.acceptor.outcome == nil)
  }

  @Test("TUN-4: this side's own outage counts as silence at once, and a relay that comes back ends it")
  func ownOutage() throws {
    var pair = try pair()
    pair.claimant.disconnect(at: pair.now)
    #expect(silences(of: pair.claimant) == [true])
    pair.pass(.seconds(30), carrying: false)
    try pair.claimant.connect(at: pair.now)
    pair.pass(.seconds(1))
    #expect(silences(of: pair.claimant) == [true, false])
    #expect(pair.claimant.outcome == nil)
  }

  @Test("TUN-6: a peer that stays away for the window is gone") func windowEnds() throws {
    var pair = try pair()
    pair.pass(.seconds(110), carrying: false)
    #expect(pair.acceptor.outcome == nil)
    pair.pass(.seconds(25), carrying: false)
    #expect(pair.acceptor.outcome == .failure(.peerSilent))
  }

  @Test("TUN-5: the server of the session repeats its decision, another one cannot") func asking() throws {
    var pair = try pair()
    pair.claimant.session.askAgain(at: pair.now)
    pair.claimant.collect(at: pair.now)
    pair.pass(.milliseconds(100))
    #expect(!hasRestarted(pair.claimant))
    // The same credential, another run of the server.
    var configuration = SessionConfiguration(
      role: .acceptor(expiresAt: seconds(3_600)), token: pair.meeting.token,
      derpKey: pair.meeting.acceptorKey, flow: .receives, relayHost: "relay.test")
    configuration.streams = StreamsConfiguration(identity: pair.meeting.identity)
    let other = HandRelay("other", configuration, seed: 99)
    try other.connect(at: pair.now)
    pair.claimant.session.askAgain(at: pair.now)
    pair.claimant.collect(at: pair.now)
    for packet in pair.claimant.takeSent() { other.deliver(packet, from: pair.claimantKey, at: pair.now) }
    for packet in other.takeSent() { pair.claimant.deliver(packet, from: pair.acceptorKey, at: pair.now) }
    #expect(hasRestarted(pair.claimant))
  }

  @Test("CLI-4: a peer that is asked shows whether it lives") func checking() throws {
    var pair = try pair()
    pair.pass(.seconds(2))
    let askedAt = pair.now
    pair.acceptor.session.checkPeer(at: pair.now)
    pair.acceptor.collect(at: pair.now)
    pair.pass(.milliseconds(100))
    let heard = try #require(pair.acceptor.session.lastHeard)
    #expect(heard >= askedAt)
    let again = pair.now
    pair.acceptor.session.checkPeer(at: pair.now)
    pair.pass(.seconds(2), carrying: false)
    #expect(try #require(pair.acceptor.session.lastHeard) < again)
  }
}
