import Basics
import CSodium

/// A Curve25519 private key (RFC 7748), wiped when the last copy goes.
public struct X25519PrivateKey: Sendable {
  /// The length of a private key in bytes.
  public static let length = 32

  private let scalar: SecretBytes
  /// The public key that belongs to it.
  public let publicKey: Bytes32

  /// Makes a key from 32 random bytes.
  public init(random generator: inout some RandomNumberGenerator) {
    var raw = generator.bytesForSecret(Self.length)
    self.init(clamped: Self.clamp(raw))
    wipe(&raw)
  }

  /// Makes the key of 32 given bytes, clamped as RFC 7748, section 5 has it; nil for another length.
  public init?(clamping raw: [UInt8]) {
    guard raw.count == Self.length else { return nil }
    self.init(clamped: Self.clamp(raw))
  }

  private init(clamped scalar: SecretBytes) {
    Sodium.prepare()
    self.scalar = scalar
    publicKey = withUnsafeTemporaryAllocation(byteCount: Bytes32.count, alignment: 8) { out in
      _ = scalar.withUnsafeBytes { crypto_scalarmult_base(out.bound!, $0.bound!) }
      return Bytes32(loading: UnsafeRawBufferPointer(out))
    }
  }

  private static func clamp(_ raw: [UInt8]) -> SecretBytes {
    SecretBytes(count: length) { out in
      out.copyBytes(from: raw)
      out[0] &= 248
      out[31] = out[31] & 127 | 64
    }
  }

  /// The X25519 secret shared with the owner of `peer`; an all-zero result is refused.
  public func sharedSecret(with peer: Bytes32) throws(CryptoError) -> SecretBytes {
    try SecretBytes(count: 32) { (out) throws(CryptoError) in
      let status = scalar.withUnsafeBytes { secret in
        withUnsafeTemporaryAllocation(byteCount: Bytes32.count, alignment: 8) { point in
          peer.store(into: point)
          return crypto_scalarmult(out.bound!, secret.bound!, UnsafeRawBufferPointer(point).bound!)
        }
      }
      guard status == 0 else { throw .weakPublicKey }
    }
  }

  /// Gives `body` the clamped scalar, for writing a key file; the pointer must not leave it.
  public func withUnsafeBytes<Result, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> Result
  ) throws(E) -> Result {
    try scalar.withUnsafeBytes(body)
  }
}
