/// Thirty-two bytes as a trivially copyable value: public keys, digests, identifiers.
///
/// Not for secrets: values of this type are copied freely and never wiped.
public struct Bytes32: Hashable, Sendable {
  /// The bytes in big-endian words, so that comparing words compares byte strings.
  public var words: (UInt64, UInt64, UInt64, UInt64)

  /// How many bytes a value holds.
  public static let count = 32
  /// All bytes zero.
  public static let zero = Bytes32(words: (0, 0, 0, 0))

  @inlinable
  public init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

  /// Copies 32 bytes; nil when `bytes` holds another number of them.
  @inlinable
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.count else { return nil }
    let copy = Array(bytes)
    self = copy.withUnsafeBytes { Bytes32(loading: $0) }
  }

  /// Loads from the first 32 bytes of `buffer`, which must hold at least that many.
  @inlinable
  public init(loading buffer: UnsafeRawBufferPointer) {
    precondition(buffer.count >= Self.count)
    words = (
      UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
      UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
      UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
      UInt64(bigEndian: buffer.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
    )
  }

  /// Stores into the first 32 bytes of `buffer`, which must hold at least that many.
  @inlinable
  public func store(into buffer: UnsafeMutableRawBufferPointer) {
    precondition(buffer.count >= Self.count)
    buffer.storeBytes(of: words.0.bigEndian, toByteOffset: 0, as: UInt64.self)
    buffer.storeBytes(of: words.1.bigEndian, toByteOffset: 8, as: UInt64.self)
    buffer.storeBytes(of: words.2.bigEndian, toByteOffset: 16, as: UInt64.self)
    buffer.storeBytes(of: words.3.bigEndian, toByteOffset: 24, as: UInt64.self)
  }

  /// The bytes as an array.
  public var array: [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.count) { buffer, count in
      store(into: UnsafeMutableRawBufferPointer(buffer))
      count = Self.count
    }
  }

  /// The bytes as 64 lower-case hex digits.
  public var hex: String { Hex.encode(array) }

  @inlinable
  public static func == (left: Bytes32, right: Bytes32) -> Bool { left.words == right.words }

  @inlinable
  public func hash(into hasher: inout Hasher) {
    hasher.combine(words.0)
    hasher.combine(words.1)
    hasher.combine(words.2)
    hasher.combine(words.3)
  }
}

extension Bytes32: Comparable {
  @inlinable
  public static func < (left: Bytes32, right: Bytes32) -> Bool { left.words < right.words }
}

/// Sixteen bytes as a trivially copyable value: session, client and token identifiers.
public struct Bytes16: Hashable, Sendable {
  /// The bytes in big-endian words.
  public var high: UInt64
  public var low: UInt64

  /// How many bytes a value holds.
  public static let count = 16
  /// All bytes zero.
  public static let zero = Bytes16(high: 0, low: 0)

  @inlinable
  public init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Copies 16 bytes; nil when `bytes` holds another number of them.
  @inlinable
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.count else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for (index, byte) in bytes.enumerated() {
      if index < 8 { high = high << 8 | UInt64(byte) } else { low = low << 8 | UInt64(byte) }
    }
    self.init(high: high, low: low)
  }

  /// The bytes as an array.
  public var array: [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: high >> (56 - 8 * $0)) }
      + (0..<8).map { UInt8(truncatingIfNeeded: low >> (56 - 8 * $0)) }
  }

  /// The bytes as 32 lower-case hex digits.
  public var hex: String { Hex.encode(array) }
}
