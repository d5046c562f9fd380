import Basics
import Crypto
import Wire

/// The keys of a server credential, ready for use.
public struct TunnelKeys: Sendable {
  /// The session that all credentials of the server belong to.
  public let sessionID: Bytes16
  /// The server's key at the relay.
  public let derpKey: X25519PrivateKey
  /// The identity of its QUIC connections.
  public let identity: Ed25519Identity
  private let signingSecret: SecretBytes

  /// Takes the keys out of a credential; one whose two halves of the QUIC key do not belong together is invalid.
  public init(_ token: DerptunServerToken) throws(DerptunTokenError) {
    var seed = Array(token.quicPrivate.prefix(Ed25519Identity.seedLength))
    defer { wipe(&seed) }
    var scalar = token.derpPrivate.array
    defer { wipe(&scalar) }
    guard let derpKey = X25519PrivateKey(clamping: scalar),
      let identity = Ed25519Identity(seed: SecretBytes(seed)),
      identity.publicKey.array.elementsEqual(token.quicPrivate.dropFirst(Ed25519Identity.seedLength))
    else { throw .invalid }
    sessionID = token.sessionID
    self.derpKey = derpKey
    self.identity = identity
    var secret = token.signingSecret.array
    signingSecret = SecretBytes(secret)
    wipe(&secret)
  }

  /// The bearer secret of a client: with the session ID it is what envelopes of that client are sealed by.
  public func bearerSecret(clientID: Bytes16) -> Bytes32 {
    code(of: DerptunClientToken.bearerInput(clientID: clientID))
  }

  /// The proof that a client credential must carry.
  func proof(of token: DerptunClientToken) -> Bytes32 { code(of: token.proofInput) }

  private func code(of input: [UInt8]) -> Bytes32 {
    HMACSHA256.authenticate(key: signingSecret, parts: [input]).withUnsafeBytes { Bytes32(loading: $0) }
  }
}
