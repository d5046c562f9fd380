import Basics
import Crypto
import Testing
import Wire

@testable import Engine

@Suite("Sessions")
struct SessionTests {
  private let payload = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }

  @Test("A payload arrives whole, both ways, and both sides know it", arguments: [true, false])
  func transfer(claimantSends: Bool) throws {
    var pair = try SessionPair(claimantSends: claimantSends)
    pair.exchange()
    let (sender, receiver) = claimantSends ? (pair.claimant, pair.acceptor) : (pair.acceptor, pair.claimant)
    pair.send(payload, by: sender)
    pair.pass(.milliseconds(200))
    #expect(receiver.written == payload)
    #expect(receiver.hasPayloadEnded)
    #expect(sender.outcome == nil)
    receiver.tell(.outputClosed, at: pair.now)
    pair.exchange()
    #expect(sender.outcome == .success(bytes: 100_000))
    #expect(receiver.outcome == .success(bytes: 100_000))
    #expect(sender.session.statistics.framesRetransmitted == 0)
  }

  @Test("Abort: the other side learns why, and both end", arguments: [true, false])
  func interrupt(isClaimant: Bool) throws {
    var pair = try SessionPair()
    pair.exchange()
    pair.pass(.milliseconds(50))
    let (quitter, other) = isClaimant ? (pair.claimant, pair.acceptor) : (pair.acceptor, pair.claimant)
    quitter.tell(.interrupted, at: pair.now)
    pair.exchange()
    #expect(other.outcome == .failure(.peerAborted(reason: "interrupted")))
    #expect(quitter.outcome == .failure(.cancelled))
  }

  @Test("Abort: a peer that does not answer is waited for only a moment")
  func unansweredAbort() throws {
    var pair = try SessionPair()
    pair.exchange()
    pair.claimant.tell(.sourceFailed(reason: "bad sector"), at: pair.now)
    #expect(pair.claimant.outcome == nil)
    pair.pass(.milliseconds(600), carrying: false)
    #expect(pair.claimant.outcome == .failure(.sourceFailed("bad sector")))
  }

  @Test("CLM-10, DEC-8: a claimant that is interrupted before its proof arrives frees the slot")
  func earlyInterrupt() throws {
    let pair = try SessionPair()
    let claim = try #require(pair.claimant.takeSent().first)
    pair.acceptor.deliver(claim, from: pair.claimantKey, at: .zero)
    pair.claimant.tell(.interrupted, at: .zero)
    #expect(pair.claimant.outcome == .failure(.cancelled))
    for packet in pair.claimant.takeSent() {
      pair.acceptor.deliver(packet, from: pair.claimantKey, at: .zero)
    }
    #expect(pair.acceptor.outcome == nil)
    #expect(pair.acceptor.session.nextDeadline.map { $0 > seconds(10) } == true, "nobody is held")
  }

  @Test("CLM-7: the proof is repeated until the acceptor is heard")
  func proofIsRepeated() throws {
    var pair = try SessionPair(claimantSends: false)
    let claim = try #require(pair.claimant.takeSent().first)
    pair.acceptor.deliver(claim, from: pair.claimantKey, at: .zero)
    let decision = try #require(pair.acceptor.takeSent().first)
    pair.claimant.deliver(decision, from: pair.acceptorKey, at: .zero)
    // The first proof is lost.
    #expect(pair.claimant.takeSent().contains { $0.first == SessionFrameHeader.magic })
    pair.now = .zero + .milliseconds(200)
    pair.claimant.pass(until: pair.now)
    #expect(pair.claimant.takeSent().contains { $0.first == SessionFrameHeader.magic })
  }

  @Test("DEC-5: an acceptor sends nothing, and reads nothing of its source, before the proof")
  func beforeProof() throws {
    var pair = try SessionPair(claimantSends: false)
    let claim = try #require(pair.claimant.takeSent().first)
    pair.acceptor.deliver(claim, from: pair.claimantKey, at: .zero)
    #expect(pair.acceptor.takeSent().count == 1)
    #expect(pair.acceptor.session.wantedFromSource == 0)
    // DEC-7: let go after 10 s, it is there for the next.
    pair.acceptor.pass(until: seconds(10))
    pair.now = seconds(10)
    pair.acceptor.deliver(claim, from: pair.claimantKey, at: pair.now)
    pair.exchange()
    #expect(pair.acceptor.session.wantedFromSource > 0)
    pair.send(payload, by: pair.acceptor)
    pair.pass(.milliseconds(200))
    #expect(pair.claimant.written == payload)
  }

  @Test("Nobody who only knows the token can pose as the acceptor's end of the plane")
  func impostor() throws {
    var pair = try SessionPair()
    let claim = try #require(pair.claimant.takeSent().first)
    let impostorKey = pair.meeting.key()
    var impostor = Acceptor(
      token: pair.meeting.token, derpKey: impostorKey, isRelayOnly: false, expiresAt: seconds(60),
      random: &pair.meeting.random)
    let answer = impostor.take(claim, from: pair.claimantKey)
    // The relay itself is the impostor, so it can send from whatever key it wants.
    pair.claimant.deliver(try #require(answer.packets.first), from: pair.acceptorKey, at: .zero)
    let plane = try NativePlane(
      schedule: try #require(answer.keys), isClaimant: false, flow: .receives, framesPerEpoch: 1_024,
      at: .zero)
    var accepted = 0
    for packet in pair.claimant.takeSent() where packet.first == SessionFrameHeader.magic {
      var frame = packet
      let reception = frame.withUnsafeMutableBytes {
        plane.handle($0, on: .relay, at: .zero, sink: pair.acceptor)
      }
      if reception != .refused { accepted += 1 }
    }
    #expect(accepted == 0)
    #expect(plane.framesRefused > 0)
  }

  @Test("Frames of anybody but the peer are dropped, whatever they are")
  func otherSources() throws {
    let pair = try SessionPair()
    pair.exchange()
    let refused = pair.acceptor.session.statistics.framesRefused
    var random = SeededGenerator(seed: 5)
    for _ in 0..<50 {
      pair.acceptor.deliver([0xB1] + random.bytes(80), from: pair.claimantKey, at: .zero)
      pair.acceptor.deliver([0xB1] + random.bytes(80), from: .zero, at: .zero)
    }
    #expect(pair.acceptor.session.statistics.framesRefused == refused + 100)
    #expect(pair.acceptor.outcome == nil)
  }

  @Test("A peer that falls silent is given up after 15 s, while the own relay is up")
  func silence() throws {
    var pair = try SessionPair()
    pair.exchange()
    pair.claimant.disconnect(at: pair.now)
    pair.pass(.seconds(16), carrying: false)
    #expect(pair.acceptor.outcome == .failure(.peerSilent))
    // Whose own relay is away does not count the silence.
    #expect(pair.claimant.outcome == nil)
    #expect(pair.claimant.dials >= 2)
  }

  @Test("A lost relay is found again and the payload goes on where it was")
  func reconnect() throws {
    var pair = try SessionPair()
    pair.exchange()
    pair.send(payload, by: pair.claimant)
    pair.claimant.sent.removeAll()
    pair.claimant.disconnect(at: pair.now)
    pair.pass(.seconds(3), carrying: false)
    try pair.claimant.connect(at: pair.now)
    pair.pass(.seconds(1))
    #expect(pair.acceptor.written == payload)
    #expect(pair.claimant.session.statistics.relayReconnections == 1)
  }

  @Test("CLM-11: a relay that was never reached ends the session at once, a lost one after a minute")
  func relayGone() throws {
    let meeting = Meeting()
    let never = HandRelay(
      "claimant",
      SessionConfiguration(
        role: .claimant, token: meeting.token, derpKey: meeting.claimantKey, flow: .sends,
        relayHost: "relay.test"),
      seed: 1)
    never.disconnect(at: .zero, reason: "refused")
    #expect(never.outcome == .failure(.relayUnreachable("refused")))

    var pair = try SessionPair()
    pair.exchange()
    pair.claimant.disconnect(at: pair.now)
    while pair.claimant.outcome == nil, pair.now < seconds(200) {
      let dials = pair.claimant.dials
      pair.now = try #require(pair.claimant.session.nextDeadline)
      pair.claimant.pass(until: pair.now)
      if pair.claimant.dials > dials { pair.claimant.disconnect(at: pair.now, reason: "refused") }
    }
    #expect(pair.claimant.outcome == .failure(.relayLost("refused")))
    #expect(pair.now >= seconds(60) && pair.now < seconds(75))
  }

  @Test("What is written and closed is a success, whatever happens then", arguments: 0..<3)
  func lateTrouble(trouble: Int) throws {
    var pair = try SessionPair()
    pair.exchange()
    pair.send(payload, by: pair.claimant)
    pair.pass(.milliseconds(200))
    pair.acceptor.tell(.outputClosed, at: pair.now)
    switch trouble {
    case 0: pair.acceptor.tell(.interrupted, at: pair.now)
    case 1: pair.pass(.seconds(16), carrying: false)
    default:
      pair.acceptor.disconnect(at: pair.now)
      while pair.acceptor.outcome == nil, pair.now < seconds(200) {
        pair.now = try #require(pair.acceptor.session.nextDeadline)
        pair.acceptor.pass(until: pair.now)
        pair.acceptor.disconnect(at: pair.now, reason: "refused")
      }
    }
    #expect(pair.acceptor.outcome == .success(bytes: 100_000))
  }

  @Test("An output that failed is not complete, even when it is closed afterwards")
  func failedOutput() throws {
    var pair = try SessionPair()
    pair.exchange()
    pair.send(payload, by: pair.claimant)
    pair.pass(.milliseconds(200))
    pair.acceptor.tell(.outputFailed(reason: "no space left"), at: pair.now)
    pair.acceptor.tell(.outputClosed, at: pair.now)
    pair.exchange()
    #expect(pair.acceptor.outcome == .failure(.outputFailed("no space left")))
    #expect(
      pair.claimant.outcome == .failure(.peerAborted(reason: "cannot write the output: no space left")))
  }

  @Test("An output that takes nothing stops the source and loses nothing")
  func backPressure() throws {
    var pair = try SessionPair()
    pair.exchange()
    pair.acceptor.outputRoom = 10_000
    pair.send(payload, by: pair.claimant)
    pair.pass(.milliseconds(300))
    #expect(pair.acceptor.written.count == 10_000)
    #expect(pair.acceptor.session.isOutputBlocked)
    pair.acceptor.outputRoom = .max
    pair.acceptor.session.drainPayload(into: pair.acceptor, at: pair.now)
    pair.acceptor.collect(at: pair.now)
    pair.pass(.milliseconds(300))
    #expect(pair.acceptor.written == payload)
    #expect(pair.acceptor.hasPayloadEnded)
  }

  @Test("A deadline that was served does not stay in the past")
  func deadlines() throws {
    var pair = try SessionPair()
    pair.exchange()
    // The socket takes nothing: the session is told of time, but never polled.
    for step in 1...1_000 {
      pair.now = seconds(Double(step) * 0.01)
      pair.claimant.session.handleTimeout(at: pair.now)
      if let due = pair.claimant.session.nextDeadline { #expect(due > pair.now) }
    }
  }
}
