import Basics
import CSodium

/// SHA-256 (FIPS 180-4).
public enum SHA256 {
  /// The digest of the parts, one after the other.
  public static func digest(_ parts: [[UInt8]]) -> Bytes32 {
    var state = crypto_hash_sha256_state()
    crypto_hash_sha256_init(&state)
    for part in parts { crypto_hash_sha256_update(&state, part, UInt64(part.count)) }
    return withUnsafeTemporaryAllocation(byteCount: Bytes32.count, alignment: 8) { digest in
      crypto_hash_sha256_final(&state, digest.bound!)
      return Bytes32(loading: UnsafeRawBufferPointer(digest))
    }
  }
}

/// HMAC-SHA256 (RFC 2104).
public enum HMACSHA256 {
  /// The length of a code in bytes.
  public static let length = 32

  /// The code of the parts, one after the other, under `key`.
  public static func authenticate(key: UnsafeRawBufferPointer, parts: [[UInt8]]) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
      var state = HMACState(key: key)
      for part in parts { part.withUnsafeBytes { state.update($0) } }
      state.finish(into: UnsafeMutableRawBufferPointer(buffer))
      count = length
    }
  }

  /// The code of the parts, one after the other, under `key`.
  public static func authenticate(key: SecretBytes, parts: [[UInt8]]) -> [UInt8] {
    key.withUnsafeBytes { authenticate(key: $0, parts: parts) }
  }

  /// The code of the parts, one after the other, under `key`.
  public static func authenticate(key: [UInt8], parts: [[UInt8]]) -> [UInt8] {
    key.withUnsafeBytes { authenticate(key: $0, parts: parts) }
  }
}

/// A running HMAC; wipes its state when it finishes.
struct HMACState {
  private var state = crypto_auth_hmacsha256_state()

  init(key: UnsafeRawBufferPointer) {
    guard let bytes = key.bound else {
      var nothing: UInt8 = 0
      crypto_auth_hmacsha256_init(&state, &nothing, 0)
      return
    }
    crypto_auth_hmacsha256_init(&state, bytes, key.count)
  }

  mutating func update(_ bytes: UnsafeRawBufferPointer) {
    crypto_auth_hmacsha256_update(&state, bytes.bound, UInt64(bytes.count))
  }

  /// Writes the 32 bytes of the code. The state is of no use afterwards.
  mutating func finish(into out: UnsafeMutableRawBufferPointer) {
    precondition(out.count >= HMACSHA256.length)
    crypto_auth_hmacsha256_final(&state, out.bound!)
    sodium_memzero(&state, MemoryLayout.size(ofValue: state))
  }
}

extension UnsafeRawBufferPointer {
  /// The first byte's address as C functions want it.
  var bound: UnsafePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}

extension UnsafeMutableRawBufferPointer {
  /// The first byte's address as C functions want it.
  var bound: UnsafeMutablePointer<UInt8>? { baseAddress?.assumingMemoryBound(to: UInt8.self) }
}
