import Crypto

/// What makes a session carry streams (QUIC) instead of one payload.
public struct StreamsConfiguration: Sendable {
  /// This side's identity. The acceptor's public key is the token's `quicPublic`; the claimant's travels in its claim.
  public var identity: Ed25519Identity

  /// Whether datagrams go beside the streams. They do when both sides want it.
  public var carriesDatagrams = false

  public init(identity: Ed25519Identity) { self.identity = identity }
}
