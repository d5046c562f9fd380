import Basics
import CSodium

/// An Ed25519 key pair (RFC 8032): the identity that a token pins for QUIC.
public struct Ed25519Identity: Sendable {
  /// The length of a seed in bytes.
  public static let seedLength = 32

  /// The public half, as tokens and claims carry it.
  public let publicKey: Bytes32
  private let secret: SecretBytes
  /// What the identity was made from, 32 bytes.
  let seed: SecretBytes

  /// Makes an identity from random numbers.
  public init(random generator: inout some RandomNumberGenerator) {
    self.init(checkedSeed: SecretBytes(random: Self.seedLength, using: &generator))
  }

  /// Makes the identity of a 32-byte seed; nil for another length.
  public init?(seed: SecretBytes) {
    guard seed.count == Self.seedLength else { return nil }
    self.init(checkedSeed: seed)
  }

  private init(checkedSeed seed: SecretBytes) {
    self.seed = seed
    var publicBytes = [UInt8](repeating: 0, count: Int(crypto_sign_ed25519_PUBLICKEYBYTES))
    var secretBytes = [UInt8](repeating: 0, count: Int(crypto_sign_ed25519_SECRETKEYBYTES))
    seed.withUnsafeBytes { seed in
      let status = crypto_sign_seed_keypair(
        &publicBytes, &secretBytes, seed.baseAddress!.assumingMemoryBound(to: UInt8.self))
      precondition(status == 0)
    }
    publicKey = publicBytes.withUnsafeBytes { Bytes32(loading: $0) }
    secret = SecretBytes(secretBytes)
    wipe(&secretBytes)
  }

  /// The signature of `message`, 64 bytes.
  public func sign(_ message: [UInt8]) -> [UInt8] {
    var signature = [UInt8](repeating: 0, count: Int(crypto_sign_BYTES))
    secret.withUnsafeBytes { key in
      _ = crypto_sign_detached(
        &signature, nil, message, UInt64(message.count), key.baseAddress!.assumingMemoryBound(to: UInt8.self))
    }
    return signature
  }

  /// Whether `signature` is that of `message` under `publicKey`.
  public static func verify(_ signature: [UInt8], of message: [UInt8], by publicKey: Bytes32) -> Bool {
    guard signature.count == Int(crypto_sign_BYTES) else { return false }
    return crypto_sign_verify_detached(signature, message, UInt64(message.count), publicKey.array) == 0
  }
}
