import Basics
import Crypto
import Machines
import Testing
import Wire

@testable import Engine

@Suite("The claimant keeps the rules of specs/claim.md")
struct ClaimantTests {
  private var meeting = Meeting()

  /// A claimant that has sent its claim, the claim, and an accepting decision on it.
  private mutating func claiming() throws -> (claimant: Claimant, claim: [UInt8], decision: [UInt8]) {
    var claimant = meeting.claimant()
    let claim = try #require(claimant.handle(.relayUp, at: .zero).packets.first)
    var acceptor = meeting.acceptor()
    let decision = try #require(acceptor.take(claim, from: meeting.claimantKey.publicKey).packets.first)
    return (claimant, claim, decision)
  }

  @Test("CLM-1, CLM-2: the claim is repeated byte for byte, every 250 ms, until it is answered")
  mutating func repeats() throws {
    var claimant = meeting.claimant()
    #expect(claimant.deadline == nil)
    let first = claimant.handle(.relayUp, at: .zero)
    #expect(first.rules == ["CLM-2"])
    let claim = try #require(first.packets.first)
    #expect(first.receivers == [meeting.token.derpPublic])
    for step in 1...10 {
      let due = seconds(0.25 * Double(step))
      #expect(claimant.deadline == due)
      #expect(claimant.handleTimeout(at: due).packets == [claim])
    }
    guard case .nativeClaim(let message) = envelope(claim) else {
      Issue.record("not a claim")
      return
    }
    #expect(message.capabilities == meeting.token.capabilities.rawValue)
    #expect(message.derpPublic == meeting.claimantKey.publicKey)
  }

  @Test("CLM-3: the whole exchange has 30 s, and whoever gives up says so")
  mutating func deadline() throws {
    var (claimant, _, _) = try claiming()
    _ = claimant.handle(.relayDown, at: seconds(5))
    #expect(claimant.deadline == seconds(30))
    _ = claimant.handle(.relayUp, at: seconds(20))
    let effects = claimant.handleTimeout(at: seconds(30))
    #expect(effects.failure == .noAnswer)
    // CLM-10: the acceptor is told once.
    guard case .abort = envelope(effects.packets.last) else {
      Issue.record("no abort")
      return
    }
    #expect(effects.packets.count == 1)
    #expect(claimant.deadline == nil)
  }

  @Test("CLM-4: nothing is sent while the relay is down; what arrives all the same is ignored")
  mutating func suspended() throws {
    var (claimant, claim, decision) = try claiming()
    #expect(claimant.handle(.relayDown, at: seconds(1)).packets.isEmpty)
    #expect(claimant.handleTimeout(at: seconds(2)).packets.isEmpty)
    #expect(claimant.take(decision).rules == ["CLM-4"])
    #expect(claimant.handle(.relayUp, at: seconds(3)).packets == [claim])
    #expect(claimant.handle(.relayDown, at: seconds(4)).packets.isEmpty)
    let end = claimant.handle(.cancel, at: seconds(4))
    #expect(end.rules == ["CLM-4"])
    #expect(end.failure == .cancelled)
    #expect(end.packets.isEmpty)
  }

  @Test("CLM-5, CLM-6: the first accepting decision is adopted; later ones change nothing")
  mutating func firstDecision() throws {
    var (claimant, _, decision) = try claiming()
    let adopted = claimant.take(decision)
    #expect(adopted.rules == ["CLM-6"])
    #expect(adopted.opensPlane)
    #expect(claimant.machine.state == .accepted)
    let again = claimant.take(decision)
    #expect(again.rules == ["CLM-5"])
    #expect(!again.opensPlane && again.packets.isEmpty)
  }

  @Test("CLM-5: the decision on another claim is not even looked at")
  mutating func otherDecision() throws {
    var (claimant, _, _) = try claiming()
    var other = meeting.claimant(meeting.key())
    let otherClaim = try #require(other.handle(.relayUp, at: .zero).packets.first)
    guard case .nativeClaim(let message) = envelope(otherClaim) else { return }
    var acceptor = meeting.acceptor()
    let decision = try #require(acceptor.take(otherClaim, from: message.derpPublic).packets.first)
    #expect(claimant.take(decision).isEmpty)
    #expect(claimant.machine.state == .claiming)
  }

  @Test("CLM-7: an accepted claimant repeats its claim until the acceptor's first frame")
  mutating func untilConfirmed() throws {
    var (claimant, claim, decision) = try claiming()
    _ = claimant.take(decision)
    let again = claimant.handleTimeout(at: seconds(0.25))
    #expect(again.rules == ["CLM-7"])
    #expect(again.packets == [claim])
    #expect(claimant.handle(.relayDown, at: seconds(0.3)).rules == ["CLM-7"])
    let confirmed = claimant.handle(.confirmation, at: seconds(0.4))
    #expect(confirmed.isEstablished)
    #expect(claimant.deadline == nil)
    #expect(claimant.machine.state == .established)
  }

  @Test("CLM-8: a refusal ends the claimant with the acceptor's words")
  mutating func refusal() throws {
    var (claimant, claim, _) = try claiming()
    var refusal = NativeDecision()
    refusal.claimDigest = SHA256.digest([claim])
    refusal.reject = Reject(code: "claimed", reason: "session already claimed")
    let effects = claimant.take(meeting.seal.seal(.nativeDecision(refusal)))
    #expect(effects.rules == ["CLM-8"])
    #expect(effects.failure == .refused(code: "claimed", reason: "session already claimed"))
    #expect(effects.failure?.description == "refused: the token is already claimed by somebody else")
    // CLM-12: that is final.
    #expect(claimant.handle(.relayDown, at: .zero).rules == ["CLM-12"])
    #expect(claimant.handle(.cancel, at: .zero).packets.isEmpty)
  }

  @Test("CLM-8: an acceptance that cannot be used counts as a refusal", arguments: [0, 1, 2])
  mutating func unusableAcceptance(fault: Int) throws {
    var (claimant, claim, _) = try claiming()
    var decision = NativeDecision()
    decision.claimDigest = SHA256.digest([claim])
    decision.isAccepted = true
    decision.ephemeralPublic = meeting.key().publicKey
    switch fault {
    case 0: decision.version = 2
    case 1: decision.ephemeralPublic = .zero
    default: decision.isAccepted = false
    }
    let effects = claimant.take(meeting.seal.seal(.nativeDecision(decision)))
    #expect(effects.rules == ["CLM-8"])
    #expect(effects.failure != nil)
    #expect(!effects.opensPlane)
  }

  @Test("CLM-9: an abort ends the claimant until it is established", arguments: [false, true])
  mutating func abort(isAccepted: Bool) throws {
    var (claimant, _, decision) = try claiming()
    if isAccepted { _ = claimant.take(decision) }
    let effects = claimant.take(meeting.seal.seal(.abort(Abort(reason: "canceled"))))
    #expect(effects.rules == ["CLM-9"])
    #expect(effects.failure == .peerAborted(reason: "canceled"))
  }

  @Test("CLM-9, CLM-12: once established, an abort by envelope changes nothing")
  mutating func lateAbort() throws {
    var (claimant, _, decision) = try claiming()
    _ = claimant.take(decision)
    _ = claimant.handle(.confirmation, at: .zero)
    #expect(claimant.take(meeting.seal.seal(.abort(Abort(reason: "canceled")))).rules == ["CLM-12"])
  }

  @Test("CLM-10: a claimant that is cancelled tells the acceptor once, and only when it had claimed")
  mutating func cancel() throws {
    var (claimant, _, _) = try claiming()
    let effects = claimant.handle(.cancel, at: .zero)
    #expect(effects.failure == .cancelled)
    #expect(effects.packets.count == 1)
    var idle = meeting.claimant()
    let early = idle.handle(.cancel, at: .zero)
    #expect(early.rules == ["CLM-10"])
    #expect(early.packets.isEmpty)
  }

  @Test("CLM-11: a relay that stays lost ends it", arguments: [0, 1, 2])
  mutating func relayLost(stage: Int) throws {
    var claimant = meeting.claimant()
    if stage > 0 {
      var claim: [UInt8] = []
      var decision: [UInt8] = []
      (claimant, claim, decision) = try claiming()
      #expect(!claim.isEmpty)
      if stage == 2 { _ = claimant.take(decision) }
      _ = claimant.handle(.relayDown, at: .zero)
    }
    let effects = claimant.handle(.relayLost, at: seconds(20))
    #expect(effects.rules == ["CLM-11"])
    #expect(effects.failure != nil)
    #expect(effects.packets.isEmpty)
  }

  @Test("CLM-13: what the host must not tell is reported as a protocol error")
  mutating func hostFaults() throws {
    var claimant = meeting.claimant()
    #expect(claimant.handle(.relayDown, at: .zero).hasProtocolError)
    #expect(claimant.handle(.retryDue, at: .zero).hasProtocolError)
    _ = claimant.handle(.relayUp, at: .zero)
    let twice = claimant.handle(.relayUp, at: .zero)
    #expect(twice.hasProtocolError)
    #expect(twice.rules == ["CLM-13"])
  }

  @Test("CLM-6: a claim of one's own that comes back is no decision, nor is anything without the token's MAC")
  mutating func reflected() throws {
    var (claimant, claim, decision) = try claiming()
    #expect(claimant.take(claim).isEmpty)
    var damaged = decision
    damaged[damaged.count / 2] ^= 1
    #expect(claimant.take(damaged).isEmpty)
    let stranger = Meeting(seed: 99)
    #expect(claimant.take(stranger.seal.seal(.abort(Abort(reason: "go away")))).isEmpty)
    #expect(claimant.take(decision).opensPlane)
  }

  @Test("CLM-6: who knows the token but not the acceptor's key cannot pose as the acceptor")
  mutating func impostor() throws {
    var (claimant, claim, _) = try claiming()
    // The impostor runs an acceptor of its own on the token, with another private key.
    let impostorKey = meeting.key()
    var impostor = Acceptor(
      token: meeting.token, derpKey: impostorKey, isRelayOnly: false, expiresAt: seconds(60),
      random: &meeting.random)
    let answer = impostor.take(claim, from: meeting.claimantKey.publicKey)
    let decision = try #require(answer.packets.first)
    let impostorKeys = try #require(answer.keys)
    // The claimant cannot tell from the decision, but their keys differ: no frame of either opens at the other.
    let claimantKeys = try #require(claimant.take(decision).keys)
    let mine = claimantKeys.secret(direction: .claimantToAcceptor, purpose: .control)
    let theirs = impostorKeys.secret(direction: .claimantToAcceptor, purpose: .control)
    #expect(!mine.withUnsafeBytes { mine in theirs.withUnsafeBytes { mine.elementsEqual($0) } })
  }
}
