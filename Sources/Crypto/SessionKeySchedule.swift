import Basics

/// Keys of a native session: from the token's bearer secret, the ephemeral and the static X25519 secrets of both
/// sides and the digest of the rendezvous' transcript.
///
/// A token that leaks later opens no recording (the ephemeral secret is gone), and who only saw the token cannot
/// sit in the middle of a relay connection (the static secret belongs to the DERP keys).
public struct SessionKeySchedule: Sendable {
  /// Which way frames go.
  public enum Direction: UInt8, CaseIterable, Sendable {
    /// From the side that was given the token.
    case claimantToAcceptor
    /// From the side that issued it.
    case acceptorToClaimant

    fileprivate var label: String {
      switch self {
      case .claimantToAcceptor: "claimant to acceptor"
      case .acceptorToClaimant: "acceptor to claimant"
      }
    }
  }

  /// What frames carry.
  public enum Purpose: UInt8, CaseIterable, Sendable {
    /// Payload.
    case data
    /// Everything else.
    case control

    fileprivate var label: String {
      switch self {
      case .data: "data"
      case .control: "control"
      }
    }
  }

  private let key: SecretBytes
  /// What seals the frames.
  public let suite: CipherSuite

  /// Extracts the session's key:
  /// HKDF-Extract(salt: transcript, ikm: ephemeral secret || static secret || bearer secret).
  public init(
    bearerSecret: Bytes32, ephemeralShared: SecretBytes, staticShared: SecretBytes, transcript: Bytes32,
    suite: CipherSuite = .usual
  ) {
    self.suite = suite
    let bearer = SecretBytes(count: Bytes32.count) { bearerSecret.store(into: $0) }
    key = HKDFSHA256.extract(
      salt: transcript.array, keyMaterial: [ephemeralShared, staticShared, bearer])
  }

  /// The secret of a lane's first epoch, 32 bytes: HKDF-Expand(key, "derphole-native-v1 " || direction || " " ||
  /// purpose), for every lane but 0 with " lane " and its number behind. Each lane has packet numbers of its own,
  /// so each has epochs of its own.
  public func secret(direction: Direction, purpose: Purpose, lane: UInt8 = 0) -> SecretBytes {
    let suffix = lane == 0 ? "" : " lane \(lane)"
    let info = "derphole-native-v1 \(direction.label) \(purpose.label)\(suffix)"
    return HKDFSHA256.expand(key, info: Array(info.utf8), count: 32)
  }

  /// What seals the probes for direct paths, 32 bytes: HKDF-Expand(key, "derphole-native-v1 discovery").
  public func discoveryKey() -> SecretBytes {
    HKDFSHA256.expand(key, info: Array("derphole-native-v1 discovery".utf8), count: 32)
  }

  /// The secret of the epoch after the one that `secret` belongs to. There is no way back, so frames of a past
  /// epoch stay closed to who learns a later secret.
  public static func next(_ secret: SecretBytes) -> SecretBytes {
    HKDFSHA256.expand(secret, info: Array("derphole-native-v1 next epoch".utf8), count: 32)
  }

  /// The cipher of the epoch that `secret` belongs to: HKDF-Expand(secret, "derphole-native-v1 key", 32).
  public static func key(_ secret: SecretBytes, suite: CipherSuite) throws(CryptoError) -> FrameKey {
    try FrameKey(
      key: HKDFSHA256.expand(secret, info: Array("derphole-native-v1 key".utf8), count: 32), suite: suite)
  }
}
