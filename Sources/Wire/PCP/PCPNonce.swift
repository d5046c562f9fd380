import Basics

/// The twelve bytes that tie a mapping to the client that asked for it: without them nobody else can renew or
/// remove it, nor answer in the server's place (RFC 6887, section 11.2).
public struct PCPNonce: Hashable, Sendable {
  /// Bytes of a nonce.
  public static let count = 12

  let high: UInt64
  let low: UInt32

  /// Draws a nonce.
  public init(random generator: inout some RandomNumberGenerator) {
    high = generator.next()
    low = UInt32(truncatingIfNeeded: generator.next())
  }

  /// Copies twelve bytes; nil when `bytes` holds another number of them.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.count else { return nil }
    high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// The bytes.
  public var array: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: high)
    bytes.append(bigEndian: low)
    return bytes
  }
}
