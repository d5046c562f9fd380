import Basics
import CSodium

/// NaCl's `crypto_box`: X25519, HSalsa20, XSalsa20-Poly1305. What DERP seals its handshake with.
public enum NaClBox {
  /// The length of a nonce in bytes.
  public static let nonceLength = 24
  /// How much longer than the message the output is: the nonce and the tag of 16 bytes.
  public static let overhead = nonceLength + 16

  /// Seals `message`; the result is nonce, tag, ciphertext. The nonce must be fresh for this pair of keys.
  public static func seal(
    _ message: [UInt8], nonce: [UInt8], to receiver: Bytes32, from sender: X25519PrivateKey
  ) throws(CryptoError) -> [UInt8] {
    guard nonce.count == nonceLength else { throw .invalidLength }
    let key = try boxKey(sender, receiver)
    var status: Int32 = 0
    let sealed = [UInt8](unsafeUninitializedCapacity: message.count + overhead) { out, count in
      nonce.withUnsafeBytes { UnsafeMutableRawBufferPointer(out).copyMemory(from: $0) }
      status = key.withUnsafeBytes { secret in
        crypto_box_easy_afternm(
          out.baseAddress! + nonceLength, message, UInt64(message.count), nonce, secret.bound!)
      }
      count = message.count + overhead
    }
    guard status == 0 else { throw .library(status) }
    return sealed
  }

  /// Opens nonce, tag, ciphertext.
  public static func open(
    _ sealed: [UInt8], from sender: Bytes32, to receiver: X25519PrivateKey
  ) throws(CryptoError) -> [UInt8] {
    guard sealed.count >= overhead else { throw .invalidLength }
    let key = try boxKey(receiver, sender)
    let length = sealed.count - overhead
    var status: Int32 = 0
    let message = [UInt8](unsafeUninitializedCapacity: max(length, 1)) { out, count in
      status = sealed.withUnsafeBufferPointer { input in
        key.withUnsafeBytes { secret in
          crypto_box_open_easy_afternm(
            out.baseAddress!, input.baseAddress! + nonceLength, UInt64(sealed.count - nonceLength),
            input.baseAddress!, secret.bound!)
        }
      }
      count = status == 0 ? length : 0
    }
    guard status == 0 else { throw .notAuthentic }
    return message
  }

  /// The secret that seals and opens between the two keys: HSalsa20 of the X25519 secret.
  static func boxKey(_ own: X25519PrivateKey, _ peer: Bytes32) throws(CryptoError) -> SecretBytes {
    Sodium.prepare()
    return try SecretBytes(count: 32) { (out) throws(CryptoError) in
      let status = own.withUnsafeBytes { secret in
        withUnsafeTemporaryAllocation(byteCount: Bytes32.count, alignment: 8) { point in
          peer.store(into: point)
          return crypto_box_beforenm(out.bound!, UnsafeRawBufferPointer(point).bound!, secret.bound!)
        }
      }
      guard status == 0 else { throw .weakPublicKey }
    }
  }
}
