/// A variable-length integer of QUIC (RFC 9000, section 16): the two highest bits of its first byte tell its length,
/// and 62 bits in network byte order remain for the value.
public enum QUICInteger {
  /// The largest value.
  public static let maximum: UInt64 = 1 << 62 - 1
  /// The most bytes of a value.
  public static let maximumLength = 8

  /// How many bytes the shortest form of the value has.
  public static func length(of value: UInt64) -> Int {
    precondition(value <= maximum)
    return switch value {
    case ..<(1 << 6): 1
    case ..<(1 << 14): 2
    case ..<(1 << 30): 4
    default: 8
    }
  }

  /// Puts the shortest form at the front of `buffer`, which has room for it; how many bytes that were.
  @discardableResult
  public static func store(_ value: UInt64, into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let length = length(of: value)
    for index in 0..<length {
      buffer[index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (length - 1 - index)))
    }
    buffer[0] |= UInt8(length.trailingZeroBitCount) << 6
    return length
  }

  /// Reads the value at the front and how many bytes it takes; nil when it is cut short. Longer forms than the shortest
  /// are values, too (RFC 9000, section 16).
  public static func load(_ bytes: UnsafeRawBufferPointer) -> (value: UInt64, length: Int)? {
    guard let first = bytes.first else { return nil }
    let length = 1 << Int(first >> 6)
    guard bytes.count >= length else { return nil }
    let value = bytes[1..<length].reduce(UInt64(first & 0x3f)) { $0 << 8 | UInt64($1) }
    return (value, length)
  }
}
