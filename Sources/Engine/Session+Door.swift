import Basics
import Crypto
import Wire

/// A door, and the sessions behind it (STR-12).
extension Session {
  /// A packet of a claimant for a session behind a door: an envelope, or anything of a peer with upstream's program.
  public func deliver(_ envelope: [UInt8], from source: Bytes32, at now: Instant) {
    latest = now
    guard outcome == nil, case .acceptor(var acceptor) = rendezvous else { return }
    if upstream != nil, source == peer, envelope.withUnsafeBytes({ takeUpstream($0, at: now) }) {
      return flushOutbox()
    }
    let effects = envelope.withUnsafeBytes { acceptor.receive($0, from: source, at: now) }
    rendezvous = .acceptor(acceptor)
    apply(effects, at: now)
    drainPaths(at: now)
    flushOutbox()
  }

  /// Sends an envelope through a door.
  public func send(_ envelope: [UInt8], to peer: Bytes32) { link.send(envelope, to: peer) }

  /// Whether this is a claim on the token that a door may let in; other packets concern a session that is there.
  public func isClaim(_ envelope: [UInt8], from source: Bytes32) -> Bool {
    switch envelope.withUnsafeBytes({ EnvelopeSeal(token: configuration.token).open($0) }) {
    case .nativeClaim(let claim): claim.derpPublic == source
    case .claim(let claim): configuration.speaksUpstream && claim.derpPublic == source
    default: false
    }
  }

  /// Refuses a claim because nobody more is let in.
  public func refuse(_ claim: [UInt8], from source: Bytes32) {
    let reject = Reject(code: "claimed", reason: "session already claimed")
    let seal = EnvelopeSeal(token: configuration.token)
    var digest: Bytes32? = SHA256.digest([claim])
    if case .claim = claim.withUnsafeBytes({ seal.open($0) }) { digest = nil }
    send(seal.seal(.refusal(ofClaim: digest, reject)), to: source)
  }

  // MARK: Tunnels

  /// Asks for a sign of life of the peer now, and again and again until it gives one; `SessionEvent.peerMissing` follows
  /// when it does not.
  public func checkPeer(at now: Instant) {
    latest = now
    plane?.awaitPeer(at: now)
    tunnel?.askPeer()
  }

  /// When the peer was heard last; nil before there is one.
  public var lastHeard: Instant? { plane?.lastHeard ?? tunnel?.lastHeard }

  /// Asks an acceptor that is not heard whether it still knows this session: `SessionEvent.peerRestarted` follows when it
  /// does not (TUN-5).
  public func askAgain(at now: Instant) {
    latest = now
    guard outcome == nil, case .claimant(let claimant) = rendezvous else { return }
    apply(claimant.askAgain(), at: now)
    flushOutbox()
  }
}
