import CSodium

/// Key material: lives in one allocation that is never copied silently and is wiped when the last user lets go.
///
/// Immutable, so it may be shared between threads.
public final class SecretBytes: @unchecked Sendable {
  private let storage: UnsafeMutableRawBufferPointer

  /// How many bytes it holds.
  public var count: Int { storage.count }

  /// Copies `bytes`. The caller's array is the caller's to wipe (see `wipe(_:)`).
  public convenience init(_ bytes: [UInt8]) {
    self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
  }

  /// Makes `count` random bytes.
  public convenience init(random count: Int, using generator: inout some RandomNumberGenerator) {
    var words = generator.bytesForSecret(count)
    self.init(count: count) { $0.copyBytes(from: words) }
    wipe(&words)
  }

  /// Makes `count` bytes that `fill` writes; they are zero before.
  public init<E: Error>(count: Int, fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 16)
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    storage = buffer
    try fill(buffer)
  }

  deinit {
    sodium_memzero(storage.baseAddress, storage.count)
    storage.deallocate()
  }

  /// Gives `body` the bytes; the pointer must not leave it.
  public func withUnsafeBytes<Result, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> Result
  ) throws(E) -> Result {
    try body(UnsafeRawBufferPointer(storage))
  }
}

/// Overwrites the bytes with zeros in a way that the optimiser must keep, and leaves the array empty.
public func wipe(_ bytes: inout [UInt8]) {
  bytes.withUnsafeMutableBytes { sodium_memzero($0.baseAddress, $0.count) }
  bytes = []
}

/// Overwrites the bytes with zeros in a way that the optimiser must keep.
public func wipe(_ bytes: UnsafeMutableRawBufferPointer) {
  sodium_memzero(bytes.baseAddress, bytes.count)
}

/// Whether two byte strings are equal, in time that depends on their lengths alone.
public func constantTimeEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
  guard left.count == right.count else { return false }
  guard let first = left.baseAddress, let second = right.baseAddress else { return true }
  return sodium_memcmp(first, second, left.count) == 0
}

/// Whether two byte strings are equal, in time that depends on their lengths alone.
public func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
  left.withUnsafeBytes { first in right.withUnsafeBytes { second in constantTimeEqual(first, second) } }
}

extension SecretBytes {
  /// Whether both hold the same bytes, in time that depends on their lengths alone.
  public static func constantTimeEqual(_ left: SecretBytes, _ right: SecretBytes) -> Bool {
    left.withUnsafeBytes { first in
      right.withUnsafeBytes { second in Crypto.constantTimeEqual(first, second) }
    }
  }
}

extension RandomNumberGenerator {
  /// Random bytes in an array whose storage is written once and never grown, so that wiping it leaves no copy.
  mutating func bytesForSecret(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
      var offset = 0
      while offset < count {
        var word = next()
        for _ in 0..<Swift.min(8, count - offset) {
          buffer[offset] = UInt8(truncatingIfNeeded: word)
          word >>= 8
          offset += 1
        }
      }
      initialised = count
    }
  }
}
