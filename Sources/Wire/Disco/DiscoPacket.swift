import Basics

/// A discovery packet: a probe of a candidate pair, or the answer to one.
///
/// Layout: magic (16), kind (1), nonce (16), MAC (32): HMAC-SHA256 over the first 33 bytes. Nothing in it is secret.
public struct DiscoPacket: Hashable, Sendable {
  /// Bytes of every discovery packet.
  public static let length = 65
  /// Bytes that the MAC covers.
  public static let authenticatedLength = 33
  static let magic: [UInt8] = [0] + Array("derphole-disco1".utf8)

  /// What the packet asks or answers.
  public enum Kind: UInt8, Sendable, CaseIterable {
    /// Asks whether the pair carries packets.
    case probe = 1
    /// Repeats the nonce of a probe.
    case answer = 2
  }

  public var kind: Kind
  /// Random for each probe; the answer repeats it.
  public var nonce: Bytes16

  public init(kind: Kind, nonce: Bytes16) {
    self.kind = kind
    self.nonce = nonce
  }

  /// Whether a datagram has the length and the magic of a discovery packet, authentic or not.
  public static func isDisco(_ datagram: UnsafeRawBufferPointer) -> Bool {
    datagram.count == length && datagram.prefix(magic.count).elementsEqual(magic)
  }

  /// Reads a datagram without judging its MAC, which is its last 32 bytes; nil for anything that is no discovery
  /// packet or has an unknown kind.
  public init?(_ datagram: UnsafeRawBufferPointer) {
    guard Self.isDisco(datagram), let kind = Kind(rawValue: datagram[16]) else { return nil }
    self.kind = kind
    nonce = Bytes16(
      high: UInt64(bigEndian: datagram.loadUnaligned(fromByteOffset: 17, as: UInt64.self)),
      low: UInt64(bigEndian: datagram.loadUnaligned(fromByteOffset: 25, as: UInt64.self)))
  }

  /// The 33 bytes that the MAC covers; the MAC follows them.
  public var authenticatedBytes: [UInt8] {
    Self.magic + [kind.rawValue] + nonce.array
  }
}
