import Basics
import Crypto
import Machines
import Wire

/// The side that was given a token: drives the claim machine (`specs/claim.md`).
struct Claimant {
  private(set) var machine = ClaimMachine()
  private let token: SessionToken
  private let derpKey: X25519PrivateKey
  private let ephemeral: X25519PrivateKey
  private let seal: EnvelopeSeal
  /// The one claim of this session: made once, repeated byte for byte (CLM-1). Empty for a token whose issuer speaks only
  /// upstream's protocol.
  private let claim: [UInt8]
  /// The same claim as upstream's program reads it (UPS-1); empty for a token whose issuer speaks ours.
  private let upstreamClaim: [UInt8]
  /// How long the native claim of a derptun credential goes alone (UPS-16): the credential does not tell what its server
  /// speaks.
  static let upstreamDelay = Interval.milliseconds(1_500)
  private var firstClaimAt: Instant?
  /// What the decision that counts was about; nil while there is none.
  private var isUpstreamAdopted: Bool?
  private let ciphers: CipherChoice
  private let claimDigest: Bytes32
  /// The decision that counts.
  private var adopted: [UInt8] = []
  /// What an abort tells the acceptor.
  var abortReason = "canceled"
  /// When the claim is repeated (CLM-2). A timer is cleared before it is reported, so it fires once (CLM-13).
  private var retryAt: Instant?
  /// When the whole exchange is given up (CLM-3); runs on while the relay is down (CLM-4).
  private var deadlineAt: Instant?

  init(
    token: SessionToken, derpKey: X25519PrivateKey, isRelayOnly: Bool, ciphers: CipherChoice = CipherChoice(),
    identity: Bytes32 = .zero, client: ClaimClient? = nil, claimsNatively: Bool = true,
    random: inout some RandomNumberGenerator
  ) {
    self.ciphers = ciphers
    self.token = token
    self.derpKey = derpKey
    ephemeral = X25519PrivateKey(random: &random)
    seal = EnvelopeSeal(token: token)
    var message = NativeClaim()
    message.sessionID = token.sessionID
    message.derpPublic = derpKey.publicKey
    message.ephemeralPublic = ephemeral.publicKey
    message.quicPublic = identity
    message.capabilities = token.capabilities.rawValue
    message.isRelayOnly = isRelayOnly
    message.features = ciphers.features
    message.nonce = Bytes16(high: random.next(), low: random.next())
    message.client = client
    let speaksNative =
      token.capabilities.contains(.native) || identity == .zero || client != nil && claimsNatively
    claim = speaksNative ? seal.seal(.nativeClaim(message)) : []
    upstreamClaim =
      speaksNative && client == nil
      ? []
      : seal.seal(
        .claim(
          UpstreamRendezvous.claim(
            on: token, derpPublic: derpKey.publicKey, quicPublic: identity, client: client,
            speaksNative: speaksNative)))
    claimDigest = SHA256.digest([claim])
  }

  /// When `handleTimeout` is due.
  var deadline: Instant? {
    switch (retryAt, deadlineAt) {
    case (let retry?, let deadline?): min(retry, deadline)
    default: retryAt ?? deadlineAt
    }
  }

  mutating func handleTimeout(at now: Instant) -> [RendezvousEffect] {
    var effects: [RendezvousEffect] = []
    if let due = deadlineAt, due <= now {
      deadlineAt = nil
      effects += handle(.deadline, at: now)
    }
    if let due = retryAt, due <= now {
      retryAt = nil
      effects += handle(.retryDue, at: now)
    }
    return effects
  }

  /// Takes a packet of the acceptor that looks like an envelope.
  mutating func receive(_ packet: UnsafeRawBufferPointer, at now: Instant) -> [RendezvousEffect] {
    guard let envelope = seal.open(packet) else { return [] }
    switch envelope {
    case .nativeDecision(let decision) where decision.claimDigest == claimDigest:
      // TUN-5: the acceptor of the session repeats itself to the byte (DEC-3); another one cannot.
      if machine.state == .established {
        guard isUpstreamAdopted == false else { return [] }
        return packet.elementsEqual(adopted) ? [] : [.peerRestarted]
      }
      // Whether it still counts is the machine's to say: only the first does (CLM-5).
      return handle(.decision, decision: decision, packet: Array(packet), at: now)
    case .decision(let decision) where !upstreamClaim.isEmpty:
      return handle(.decision, upstream: decision, at: now)
    case .abort(let abort):
      return handle(.peerAbort, abort: abort, at: now)
    default:
      // A reflected claim of our own, or upstream's envelopes: nothing that a claimant waits for.
      return []
    }
  }

  /// Asks an acceptor that is not heard whether it still knows the session.
  func askAgain() -> [RendezvousEffect] {
    guard machine.state == .established, isUpstreamAdopted == false else { return [] }
    return [.send(claim, to: token.derpPublic)]
  }

  /// Takes an event of the machine and carries its actions out.
  mutating func handle(
    _ event: ClaimMachine.Event, decision: NativeDecision? = nil, packet: [UInt8] = [],
    upstream: Decision? = nil, abort: Abort? = nil, at now: Instant
  ) -> [RendezvousEffect] {
    // Keys are derived before the machine is asked, because whether they can be is part of its guard (CLM-6).
    let keys = decision.flatMap { keySchedule(of: $0, packet: packet) }
    let isUpstreamAccepting = upstream.map { UpstreamRendezvous.isAccepting($0, on: token) } ?? false
    // A final state takes nothing more, and then there are no actions (CLM-12).
    let step = machine.handle(event) { condition in
      switch condition {
      case .decisionAccepts: keys != nil || isUpstreamAccepting
      }
    }
    var effects: [RendezvousEffect] = [.transition(TransitionRecord(step))]
    for action in step.actions {
      switch action {
      case .sendClaim:
        effects += claims(at: now).map { .send($0, to: token.derpPublic) }
      case .armRetry: retryAt = now + ClaimMachine.Timers.retry
      case .armDeadline: deadlineAt = now + ClaimMachine.Timers.deadline
      case .disarmRetry: retryAt = nil
      case .disarmTimers:
        retryAt = nil
        deadlineAt = nil
      case .adoptDecision:
        isUpstreamAdopted = upstream != nil
        if let upstream {
          effects.append(
            .openUpstream(
              peer: token.derpPublic, identity: token.quicPublic,
              candidates: upstream.accept?.candidates ?? []))
        }
        guard let keys, let decision else { break }
        adopted = packet
        // Frames come from the key that the decision names: an acceptor with a door has one for each session (STR-12).
        let peer = decision.derpPublic == .zero ? token.derpPublic : decision.derpPublic
        effects.append(
          .open(keys, peer: peer, isRelayOnly: decision.isRelayOnly, identity: token.quicPublic))
      case .sendAbort:
        // Frees the acceptor's slot at once instead of after its hold time (CLM-10).
        effects.append(.send(seal.seal(.abort(Abort(reason: abortReason))), to: token.derpPublic))
      // The peer's own words reach the person: of a refusal (CLM-8) and of an abort (CLM-9).
      case .reportRefusal:
        effects.append(
          .fail(
            Self.refusal(
              isAccepted: decision?.isAccepted ?? upstream?.isAccepted, decision?.reject ?? upstream?.reject))
        )
      case .reportAbort: effects.append(.fail(.peerAborted(reason: abort?.reason ?? "")))
      case .reportDeadline: effects.append(.fail(.noAnswer))
      case .reportCancelled: effects.append(.fail(.cancelled))
      // The session's reconnection schedule has given up (CLM-11).
      case .reportRelayLost: effects.append(.fail(.relayLost("no connection for a minute")))
      }
    }
    if step.kind == .moved, machine.state == .established { effects.append(.established) }
    return effects
  }

  /// What is to be sent now: once a decision counts, only the claim that it answered.
  private mutating func claims(at now: Instant) -> [[UInt8]] {
    let first = firstClaimAt ?? now
    firstClaimAt = first
    var claims: [[UInt8]] = []
    if !claim.isEmpty, isUpstreamAdopted != true { claims.append(claim) }
    if !upstreamClaim.isEmpty, isUpstreamAdopted != false,
      claim.isEmpty || now - first >= Self.upstreamDelay
    {
      claims.append(upstreamClaim)
    }
    return claims
  }

  private static func refusal(isAccepted: Bool?, _ reject: Reject?) -> SessionFailure {
    if isAccepted == true {
      return .refused(code: "unsupported", reason: "the peer's version does not fit this one")
    }
    return .refused(code: reject?.code ?? "", reason: reject?.reason ?? "claim rejected")
  }

  private func keySchedule(of decision: NativeDecision, packet: [UInt8]) -> SessionKeySchedule? {
    guard decision.isAccepted, decision.version == NativeClaim.currentVersion,
      let ephemeralShared = try? ephemeral.sharedSecret(with: decision.ephemeralPublic),
      // Only the acceptor has the private half of the token's key: knowing the token is not enough to pose as it.
      let staticShared = try? ephemeral.sharedSecret(with: token.derpPublic)
    else { return nil }
    return SessionKeySchedule(
      bearerSecret: token.bearerSecret, ephemeralShared: ephemeralShared, staticShared: staticShared,
      transcript: NativeHandshake.transcript(claim: claim, decision: packet),
      suite: ciphers.suite(of: decision.features))
  }
}
