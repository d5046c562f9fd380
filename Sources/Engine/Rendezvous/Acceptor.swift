import Basics
import Crypto
import Machines
import Wire

/// The side that issued the token: drives the decision machine (`specs/decision.md`).
///
/// The accepting decision on a claim is a function of the claim and of a secret of this session (DEC-3), so a
/// repeated claim gets the same bytes even after its claimant was let go.
struct Acceptor {
  /// The claimant that is bound or confirmed.
  private struct Bound {
    var claim: [UInt8]
    var decision: [UInt8]
    var peer: Bytes32
    var plane: Plane
    var identity: Bytes32
  }

  /// What the claimant speaks.
  private enum Plane {
    case native(SessionKeySchedule, isRelayOnly: Bool)
    case upstream(candidates: [String])
  }

  /// A claim on its way through the machine.
  private struct Candidate {
    var claim: [UInt8]
    /// Where the answer goes.
    var source: Bytes32
    /// Of a native claim; nil for one of upstream's.
    var digest: Bytes32?
    var reject: Reject?
    var bound: Bound?
  }

  private(set) var machine = DecisionMachine()
  private let token: SessionToken
  private let derpKey: X25519PrivateKey
  private let isRelayOnly: Bool
  private let ciphers: CipherChoice
  /// Whether claimants must name the identity of a QUIC connection.
  private let wantsIdentity: Bool
  /// Whether claimants with upstream's program are let in.
  private let speaksUpstream: Bool
  private let allowsLoopback: Bool
  /// The relay key of this session, when it is not the token's.
  private let sessionKey: Bytes32
  private let seal: EnvelopeSeal
  private let sessionSecret: SecretBytes
  private var bound: Bound?
  /// What an abort tells the claimant.
  var abortReason = "canceled"
  /// When a claimant that has not proved its keys is released (DEC-7): a relay can replay old claims. Cleared
  /// before it is reported, so it fires once (DEC-15).
  private var holdAt: Instant?
  private let expiresAt: Instant
  private var expiryReported = false

  /// - Parameter expiresAt: the token's expiry on the session's time line.
  init(
    token: SessionToken, derpKey: X25519PrivateKey, isRelayOnly: Bool, ciphers: CipherChoice = CipherChoice(),
    wantsIdentity: Bool = false, speaksUpstream: Bool = false, allowsLoopback: Bool = false,
    sessionKey: Bytes32 = .zero, expiresAt: Instant, random: inout some RandomNumberGenerator
  ) {
    self.speaksUpstream = speaksUpstream
    self.allowsLoopback = allowsLoopback
    self.wantsIdentity = wantsIdentity
    self.sessionKey = sessionKey
    self.ciphers = ciphers
    self.token = token
    self.derpKey = derpKey
    self.isRelayOnly = isRelayOnly
    self.expiresAt = expiresAt
    seal = EnvelopeSeal(token: token)
    sessionSecret = SecretBytes(random: 32, using: &random)
  }

  /// The key of the claimant that packets of the plane must come from.
  var peer: Bytes32? { bound?.peer }

  /// The decision that counts, once more; nil when there is none.
  var decisionAgain: RendezvousEffect? { bound.map { .send($0.decision, to: $0.peer) } }

  /// When `handleTimeout` is due.
  var deadline: Instant? {
    let expiry = expiryReported ? nil : expiresAt
    switch (holdAt, expiry) {
    case (let hold?, let expiry?): return min(hold, expiry)
    default: return holdAt ?? expiry
    }
  }

  mutating func handleTimeout(at now: Instant) -> [RendezvousEffect] {
    var effects: [RendezvousEffect] = []
    if !expiryReported, expiresAt <= now {
      expiryReported = true
      effects += handle(.tokenExpired, at: now)
    }
    if let due = holdAt, due <= now {
      holdAt = nil
      effects += handle(.holdExpired, at: now)
    }
    return effects
  }

  /// Takes a packet from `source` that looks like an envelope.
  mutating func receive(
    _ packet: UnsafeRawBufferPointer, from source: Bytes32, at now: Instant
  ) -> [RendezvousEffect] {
    guard let envelope = seal.open(packet) else { return [] }
    switch envelope {
    case .nativeClaim(let message):
      // Answers go to the claim's key; a claim that names another than it came from is somebody's replay.
      guard message.derpPublic == source else { return [] }
      return handle(.claim, candidate: candidate(Array(packet), message, at: now), source: source, at: now)
    case .claim(let message) where speaksUpstream:
      guard message.derpPublic == source, message.parallel != UpstreamRendezvous.nativeMark else { return [] }
      return handle(.claim, candidate: candidate(Array(packet), message, at: now), source: source, at: now)
    case .transferClaim, .claim:
      return handle(.foreignClaim, source: source, at: now)
    case .abort where source == bound?.peer:
      return handle(.peerAbort, at: now)
    default:
      return []
    }
  }

  /// Takes an event of the machine and carries its actions out; a closed machine has none (DEC-14).
  mutating func handle(_ event: DecisionMachine.Event, at now: Instant) -> [RendezvousEffect] {
    handle(event, candidate: nil, source: nil, at: now)
  }

  private mutating func handle(
    _ event: DecisionMachine.Event, candidate: Candidate? = nil, source: Bytes32? = nil, at now: Instant
  ) -> [RendezvousEffect] {
    let held = bound
    let expiry = expiresAt
    let step = machine.handle(event) { condition in
      switch condition {
      case .isRepeat: candidate != nil && candidate?.claim == held?.claim
      case .isAcceptable: candidate?.bound != nil
      case .tokenIsExpired: expiry <= now
      }
    }
    var effects: [RendezvousEffect] = [.transition(TransitionRecord(step))]
    for action in step.actions {
      switch action {
      case .bindClaimant:
        // The plane can open the proof from now on, and says nothing before it came (DEC-1, DEC-5).
        guard let claimant = candidate?.bound else { break }
        bound = claimant
        switch claimant.plane {
        case .native(let keys, let isRelayOnly):
          effects.append(
            .open(keys, peer: claimant.peer, isRelayOnly: isRelayOnly, identity: claimant.identity))
        case .upstream(let candidates):
          effects.append(
            .openUpstream(peer: claimant.peer, identity: claimant.identity, candidates: candidates))
        }
      case .sendDecision:
        if let bound { effects.append(.send(bound.decision, to: bound.peer)) }
      case .sendRefusal:
        if let candidate, let reject = candidate.reject { effects.append(refuse(candidate, reject)) }
      // Others are refused only once somebody is confirmed (DEC-6); while one is merely bound the table has no
      // action for them and they repeat their claim (DEC-4).
      case .sendClaimedRefusal:
        if let candidate {
          effects.append(refuse(candidate, Reject(code: "claimed", reason: "session already claimed")))
        }
      // Upstream's claimants repeat theirs or wait for ever: an abort tells them (DEC-9).
      case .sendForeignAbort:
        guard let source else { break }
        let reason = "this listener does not speak that transfer protocol"
        effects.append(.send(seal.seal(.abort(Abort(reason: reason))), to: source))
      // On cancel (DEC-11).
      case .sendAbort:
        if let bound {
          effects.append(.send(seal.seal(.abort(Abort(reason: abortReason))), to: bound.peer))
        }
      case .armHold: holdAt = now + DecisionMachine.Timers.hold
      case .disarmHold: holdAt = nil
      case .adoptClaimant: effects.append(.established)
      // The claimant stayed away (DEC-7), aborted (DEC-8), or this side stops: its keys go with the plane.
      case .releaseClaimant:
        bound = nil
        effects.append(.release)
      // Nobody was let in before the token's hour was over (DEC-10).
      case .reportExpired: effects.append(.fail(.tokenExpired))
      case .reportCancelled: effects.append(.fail(.cancelled))
      // While nobody is confirmed; afterwards the session reports it (DEC-12).
      case .reportRelayLost: effects.append(.fail(.relayLost("no connection for a minute")))
      }
    }
    return effects
  }

  private func refuse(_ candidate: Candidate, _ reject: Reject) -> RendezvousEffect {
    .send(seal.seal(.refusal(ofClaim: candidate.digest, reject)), to: candidate.source)
  }

  /// Checks a claim and, when nothing is wrong with it, prepares the decision and the keys for it (DEC-2).
  private func candidate(_ claim: [UInt8], _ message: NativeClaim, at now: Instant) -> Candidate {
    let digest = SHA256.digest([claim])
    var candidate = Candidate(claim: claim, source: message.derpPublic, digest: digest)
    if let bound, bound.claim == claim { return candidate }
    candidate.reject = refusal(of: message, at: now)
    guard candidate.reject == nil else { return candidate }
    candidate.bound = accept(message, claim, digest: digest)
    if candidate.bound == nil {
      candidate.reject = Reject(code: "claim_malformed", reason: "claim malformed")
    }
    return candidate
  }

  /// The same for a claim of upstream's (UPS-2).
  private func candidate(_ claim: [UInt8], _ message: Claim, at now: Instant) -> Candidate {
    var candidate = Candidate(claim: claim, source: message.derpPublic)
    if let bound, bound.claim == claim { return candidate }
    candidate.reject = UpstreamRendezvous.refusal(
      of: message, on: token, isExpired: expiresAt <= now, allowsLoopback: allowsLoopback)
    guard candidate.reject == nil else { return candidate }
    candidate.bound = Bound(
      claim: claim, decision: seal.seal(.decision(UpstreamRendezvous.acceptance(of: message))),
      peer: message.derpPublic, plane: .upstream(candidates: message.candidates),
      identity: message.quicPublic)
    return candidate
  }

  private func refusal(of message: NativeClaim, at now: Instant) -> Reject? {
    if expiresAt <= now { return Reject(code: "expired", reason: "token expired") }
    if message.version != NativeClaim.currentVersion {
      return Reject(code: "version_mismatch", reason: "version mismatch")
    }
    if message.sessionID != token.sessionID {
      return Reject(code: "session_mismatch", reason: "session mismatch")
    }
    if message.capabilities != token.capabilities.rawValue {
      return Reject(code: "capabilities_mismatch", reason: "capabilities mismatch")
    }
    if wantsIdentity, message.quicPublic == .zero {
      return Reject(code: "claim_malformed", reason: "claim without an identity")
    }
    return nil
  }

  private func accept(_ message: NativeClaim, _ claim: [UInt8], digest: Bytes32) -> Bound? {
    let seed = HKDFSHA256.expand(
      sessionSecret, info: Array("derphole-native-v1 acceptor key".utf8) + digest.array, count: 32)
    var raw = seed.withUnsafeBytes { Array($0) }
    defer { wipe(&raw) }
    guard let ephemeral = X25519PrivateKey(clamping: raw),
      let ephemeralShared = try? ephemeral.sharedSecret(with: message.ephemeralPublic),
      let staticShared = try? derpKey.sharedSecret(with: message.ephemeralPublic)
    else { return nil }
    var decision = NativeDecision()
    decision.claimDigest = digest
    decision.isAccepted = true
    decision.ephemeralPublic = ephemeral.publicKey
    decision.derpPublic = sessionKey
    decision.isRelayOnly = isRelayOnly || message.isRelayOnly
    decision.features = ciphers.decided(on: message.features)
    let packet = seal.seal(.nativeDecision(decision))
    return Bound(
      claim: claim, decision: packet, peer: message.derpPublic,
      plane: .native(
        SessionKeySchedule(
          bearerSecret: token.bearerSecret, ephemeralShared: ephemeralShared, staticShared: staticShared,
          transcript: NativeHandshake.transcript(claim: claim, decision: packet),
          suite: ciphers.suite(of: decision.features)), isRelayOnly: decision.isRelayOnly),
      identity: message.quicPublic)
  }
}
