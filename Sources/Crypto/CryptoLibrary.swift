import CSodium

/// What went wrong in a cryptographic operation. Never says more than an attacker may know.
public enum CryptoError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A key, nonce or buffer has a length that the operation does not take.
  case invalidLength
  /// The other side's public key leads to an all-zero shared secret (RFC 7748, section 6.1).
  case weakPublicKey
  /// The tag does not match: the message was changed, or sealed with another key or nonce.
  case notAuthentic
  /// A packet number was to be used a second time, or out of order, on one lane.
  case nonceReused
  /// The library refused; the number is its own code.
  case library(Int32)

  public var description: String {
    switch self {
    case .invalidLength: "a key, nonce or buffer has the wrong length"
    case .weakPublicKey: "the peer's public key is not usable"
    case .notAuthentic: "the message is not authentic"
    case .nonceReused: "a packet number was used twice"
    case .library(let code): "the cryptographic library failed (code \(code))"
    }
  }
}

/// Lets libsodium choose its fast implementations, once a process.
enum Sodium {
  private static let initialised: Bool = sodium_init() >= 0

  /// Call before anything else of libsodium. Without it the portable implementations would be used.
  @inline(__always)
  static func prepare() { _ = initialised }
}
