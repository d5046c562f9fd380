import Basics
import Crypto
import Machines
import Testing
import Wire

@testable import Engine

@Suite("The acceptor keeps the rules of specs/decision.md")
struct AcceptorTests {
  private var meeting = Meeting()

  private struct Claiming {
    var claimant: Claimant
    var claim: [UInt8]
    var source: Bytes32
  }

  private mutating func claiming() throws -> Claiming {
    let key = meeting.key()
    var claimant = meeting.claimant(key)
    let claim = try #require(claimant.handle(.relayUp, at: .zero).packets.first)
    return Claiming(claimant: claimant, claim: claim, source: key.publicKey)
  }

  private func decision(_ packet: [UInt8]?) throws -> NativeDecision {
    guard case .nativeDecision(let decision) = envelope(packet) else { throw TestFailure() }
    return decision
  }

  private struct TestFailure: Error {}

  /// An acceptor to which somebody is bound.
  private mutating func bound(
    expiresAt: Instant = seconds(3_600)
  ) throws -> (acceptor: Acceptor, first: Claiming, answer: [UInt8]) {
    var acceptor = meeting.acceptor(expiresAt: expiresAt)
    let first = try claiming()
    let effects = acceptor.take(first.claim, from: first.source)
    return (acceptor, first, try #require(effects.packets.first))
  }

  @Test("DEC-1: an acceptable claim is accepted, and both sides derive the same keys")
  mutating func accepts() throws {
    var acceptor = meeting.acceptor()
    var first = try claiming()
    let effects = acceptor.take(first.claim, from: first.source)
    #expect(effects.rules == ["DEC-1"])
    #expect(effects.receivers == [first.source])
    #expect(try decision(effects.packets.first).isAccepted)
    #expect(acceptor.machine.state == .bound)
    #expect(!effects.isEstablished)
    let answer = try #require(effects.packets.first)
    let claimantKeys = try #require(first.claimant.take(answer).keys)
    let acceptorKeys = try #require(effects.keys)
    for purpose in [SessionKeySchedule.Purpose.data, .control] {
      for direction in [SessionKeySchedule.Direction.claimantToAcceptor, .acceptorToClaimant] {
        let mine = claimantKeys.secret(direction: direction, purpose: purpose)
        let theirs = acceptorKeys.secret(direction: direction, purpose: purpose)
        #expect(mine.withUnsafeBytes { mine in theirs.withUnsafeBytes { mine.elementsEqual($0) } })
      }
    }
  }

  @Test("DEC-2: what is wrong with a claim is said, and nothing changes", arguments: 0..<4)
  mutating func refuses(fault: Int) throws {
    var acceptor = meeting.acceptor(expiresAt: seconds(10))
    let key = meeting.key()
    var claim = NativeClaim()
    claim.sessionID = meeting.token.sessionID
    claim.derpPublic = key.publicKey
    claim.ephemeralPublic = meeting.key().publicKey
    claim.capabilities = meeting.token.capabilities.rawValue
    var expected = ""
    switch fault {
    case 0: (claim.version, expected) = (2, "version_mismatch")
    case 1: (claim.sessionID.low, expected) = (claim.sessionID.low ^ 1, "session_mismatch")
    case 2: (claim.capabilities, expected) = (claim.capabilities | 2, "capabilities_mismatch")
    default: (claim.ephemeralPublic, expected) = (.zero, "claim_malformed")
    }
    let packet = meeting.seal.seal(.nativeClaim(claim))
    let effects = acceptor.take(packet, from: key.publicKey)
    #expect(effects.rules == ["DEC-2"])
    let answer = try decision(effects.packets.first)
    #expect(!answer.isAccepted)
    #expect(answer.reject?.code == expected)
    #expect(answer.claimDigest == SHA256.digest([packet]))
    #expect(acceptor.machine.state == .waiting)
    #expect(!effects.opensPlane)
  }

  @Test("DEC-2: a claim that names another key than it came from is dropped: somebody replays it")
  mutating func replayedBySomebody() throws {
    var acceptor = meeting.acceptor()
    let first = try claiming()
    #expect(acceptor.take(first.claim, from: meeting.key().publicKey).isEmpty)
    var damaged = first.claim
    damaged[40] ^= 1
    #expect(acceptor.take(damaged, from: first.source).isEmpty)
  }

  @Test("DEC-3: a repeated claim gets the same bytes, even after its claimant was let go")
  mutating func sameAnswer() throws {
    var (acceptor, first, answer) = try bound()
    let again = acceptor.take(first.claim, from: first.source, at: seconds(1))
    #expect(again.rules == ["DEC-3"])
    #expect(again.packets == [answer])
    _ = acceptor.handleTimeout(at: seconds(10))
    let rebound = acceptor.take(first.claim, from: first.source, at: seconds(11))
    #expect(rebound.rules == ["DEC-1"])
    #expect(rebound.packets == [answer])
    _ = acceptor.handle(.proof, at: seconds(11))
    #expect(acceptor.take(first.claim, from: first.source, at: seconds(12)).packets == [answer])
  }

  @Test("DEC-4: while one is bound another gets no answer")
  mutating func others() throws {
    var (acceptor, _, _) = try bound()
    let second = try claiming()
    let effects = acceptor.take(second.claim, from: second.source)
    #expect(effects.rules == ["DEC-4"])
    #expect(effects.packets.isEmpty)
  }

  @Test("DEC-5, DEC-6: the proof confirms; from then on others are refused as already claimed")
  mutating func claimed() throws {
    var (acceptor, _, _) = try bound()
    let proof = acceptor.handle(.proof, at: seconds(1))
    #expect(proof.rules == ["DEC-5"])
    #expect(proof.isEstablished)
    #expect(acceptor.handle(.proof, at: seconds(1)).rules == ["DEC-5"])
    let second = try claiming()
    let effects = acceptor.take(second.claim, from: second.source)
    #expect(effects.rules == ["DEC-6"])
    #expect(effects.receivers == [second.source])
    let answer = try decision(effects.packets.first)
    #expect(answer.reject == Reject(code: "claimed", reason: "session already claimed"))
  }

  @Test("DEC-7: a claimant that does not prove itself within 10 s is let go")
  mutating func hold() throws {
    var (acceptor, _, _) = try bound()
    #expect(acceptor.deadline == seconds(10))
    let effects = acceptor.handleTimeout(at: seconds(10))
    #expect(effects.rules == ["DEC-7"])
    #expect(effects.releases)
    #expect(acceptor.peer == nil)
    let second = try claiming()
    #expect(acceptor.take(second.claim, from: second.source).rules == ["DEC-1"])
    #expect(acceptor.handle(.peerAbort, at: seconds(30)).rules == ["DEC-8"])
    #expect(acceptor.handle(.proof, at: seconds(30)).rules == ["DEC-7"])
  }

  @Test("DEC-8: a bound claimant that aborts is let go at once; an abort of anybody else is ignored")
  mutating func abort() throws {
    var (acceptor, first, _) = try bound()
    let packet = meeting.seal.seal(.abort(Abort(reason: "canceled")))
    #expect(acceptor.take(packet, from: meeting.key().publicKey).isEmpty)
    let effects = acceptor.take(packet, from: first.source)
    #expect(effects.rules == ["DEC-8"])
    #expect(effects.releases)
    #expect(acceptor.machine.state == .waiting)
  }

  @Test("DEC-9: every claim of upstream's protocol is answered by one abort and moves nothing")
  mutating func upstream() throws {
    var acceptor = meeting.acceptor()
    let source = meeting.key().publicKey
    for claim in [Envelope.transferClaim(TransferClaim()), .claim(Claim())] {
      for _ in 0..<2 {
        let effects = acceptor.take(meeting.seal.seal(claim), from: source)
        #expect(effects.rules == ["DEC-9"])
        #expect(effects.receivers == [source])
        guard case .abort = envelope(effects.packets.first) else {
          Issue.record("no abort")
          return
        }
      }
    }
    #expect(acceptor.machine.state == .waiting)
  }

  @Test("DEC-10: a waiting acceptor closes with its token; a bound one after its claimant")
  mutating func expiry() throws {
    var acceptor = meeting.acceptor(expiresAt: seconds(5))
    #expect(acceptor.deadline == seconds(5))
    #expect(acceptor.handleTimeout(at: seconds(5)).failure == .tokenExpired)
    #expect(acceptor.deadline == nil)

    var held = try bound(expiresAt: seconds(5)).acceptor
    #expect(held.handleTimeout(at: seconds(5)).rules == ["DEC-10"])
    #expect(held.machine.state == .bound)
    let end = held.handleTimeout(at: seconds(10))
    #expect(end.failure == .tokenExpired)
    #expect(end.releases)

    var confirmed = try bound(expiresAt: seconds(5)).acceptor
    _ = confirmed.handle(.proof, at: seconds(1))
    #expect(confirmed.handleTimeout(at: seconds(5)).rules == ["DEC-10"])
    #expect(confirmed.machine.state == .confirmed)
  }

  @Test("DEC-2, DEC-10: nobody is let in after expiry")
  mutating func expiredClaim() throws {
    var acceptor = meeting.acceptor(expiresAt: seconds(5))
    let first = try claiming()
    let effects = acceptor.take(first.claim, from: first.source, at: seconds(5))
    #expect(try decision(effects.packets.first).reject?.code == "expired")
  }

  @Test(
    "DEC-11: a cancelled acceptor closes and tells the bound or confirmed claimant once", arguments: 0..<3)
  mutating func cancel(stage: Int) throws {
    var (acceptor, first, _) = try bound()
    if stage == 0 { acceptor = meeting.acceptor() }
    if stage == 2 { _ = acceptor.handle(.proof, at: seconds(1)) }
    let effects = acceptor.handle(.cancel, at: seconds(2))
    #expect(effects.rules == ["DEC-11"])
    #expect(effects.failure == .cancelled)
    #expect(effects.receivers == (stage == 0 ? [] : [first.source]))
    // DEC-14: closed is closed.
    let late = try claiming()
    let answer = acceptor.take(late.claim, from: late.source)
    #expect(answer.rules == ["DEC-14"])
    #expect(answer.packets.isEmpty)
  }

  @Test("DEC-12: a relay that stays lost closes it, unless somebody is confirmed")
  mutating func relayLost() throws {
    var waiting = meeting.acceptor()
    #expect(waiting.handle(.relayLost, at: seconds(60)).failure != nil)
    var (held, _, _) = try bound()
    let end = held.handle(.relayLost, at: seconds(5))
    #expect(end.rules == ["DEC-12"])
    #expect(end.releases && end.failure != nil)
    var (confirmed, _, _) = try bound()
    _ = confirmed.handle(.proof, at: seconds(1))
    #expect(confirmed.handle(.relayLost, at: seconds(60)).failure == nil)
    #expect(confirmed.machine.state == .confirmed)
  }

  @Test("DEC-13: the end of the session closes it; an abort by envelope is not that end")
  mutating func sessionEnded() throws {
    var (acceptor, first, _) = try bound()
    _ = acceptor.handle(.proof, at: seconds(1))
    let packet = meeting.seal.seal(.abort(Abort(reason: "canceled")))
    #expect(acceptor.take(packet, from: first.source).rules == ["DEC-13"])
    #expect(acceptor.machine.state == .confirmed)
    let end = acceptor.handle(.sessionEnded, at: seconds(2))
    #expect(end.rules == ["DEC-13"])
    #expect(end.failure == nil && end.packets.isEmpty)
    #expect(acceptor.machine.state == .closed)
  }

  @Test("DEC-15: what the host must not tell is reported as a protocol error")
  mutating func hostFaults() throws {
    var acceptor = meeting.acceptor()
    let effects = acceptor.handle(.holdExpired, at: .zero)
    #expect(effects.hasProtocolError)
    #expect(effects.rules == ["DEC-15"])
    #expect(acceptor.handle(.sessionEnded, at: .zero).hasProtocolError)
  }

  @Test("DEC-2: decisions, aborts of strangers and packets without the token's MAC are no claims")
  mutating func noise() throws {
    var (acceptor, first, answer) = try bound()
    #expect(acceptor.take(answer, from: first.source).isEmpty)
    var random = SeededGenerator(seed: 4)
    for _ in 0..<200 { #expect(acceptor.take(random.bytes(100), from: first.source).isEmpty) }
    let stranger = Meeting(seed: 5)
    #expect(acceptor.take(stranger.seal.seal(.nativeClaim(NativeClaim())), from: .zero).isEmpty)
  }
}
