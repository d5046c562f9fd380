import Crypto

/// What makes a session carry streams (QUIC) instead of one payload.
public struct StreamsConfiguration: Sendable {
  /// This side's identity. The acceptor's public key is the token's `quicPublic`; the claimant's travels in its claim.
  public var identity: Ed25519Identity

  public init(identity: Ed25519Identity) { self.identity = identity }
}
