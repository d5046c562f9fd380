import Basics

/// Half-open ranges, rising and not touching: bytes of a file, or places in a manifest.
///
/// Body: a flag (1, 1: no more follow), then each range as lower (8) and upper (8).
public struct TransferRanges: Hashable, Sendable {
  /// The most ranges of one message.
  public static let mostRanges = 2_048

  public var ranges: [Range<UInt64>]
  /// Whether this is the last message of its kind.
  public var isLast: Bool

  public init(ranges: [Range<UInt64>], isLast: Bool) {
    self.ranges = ranges
    self.isLast = isLast
  }

  static func parse(_ body: UnsafeRawBufferPointer) throws(TransferError) -> TransferRanges {
    var reader = ByteReader(body)
    guard let flag = reader.integer(UInt8.self), flag <= 1, reader.remaining % 16 == 0 else {
      throw .malformed
    }
    var ranges: [Range<UInt64>] = []
    while let lower = reader.integer(UInt64.self), let upper = reader.integer(UInt64.self) {
      guard lower < upper, upper <= TransferOffer.mostBytes,
        ranges.last.map({ $0.upperBound < lower }) ?? true
      else { throw .malformed }
      ranges.append(lower..<upper)
    }
    return TransferRanges(ranges: ranges, isLast: flag == 1)
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(isLast ? 1 : 0)
    for range in ranges {
      bytes.append(bigEndian: range.lowerBound)
      bytes.append(bigEndian: range.upperBound)
    }
  }
}

/// Digests of consecutive pieces of a file, for a receiver that has some of it already.
///
/// Body: the file's place in the manifest (4, 0 for a single file), the first piece (8), then SHA-256 of each piece.
public struct TransferDigests: Hashable, Sendable {
  /// How many bytes a digest stands for; the last piece of a file may be shorter.
  public static let pieceLength: UInt64 = 1 << 20
  /// The most digests of one message.
  public static let mostDigests = 1_024

  public var item: UInt32
  public var firstPiece: UInt64
  public var digests: [Bytes32]

  public init(item: UInt32, firstPiece: UInt64, digests: [Bytes32]) {
    self.item = item
    self.firstPiece = firstPiece
    self.digests = digests
  }

  /// How many pieces a file of `size` bytes has.
  public static func pieces(of size: UInt64) -> UInt64 {
    size / pieceLength + (size % pieceLength == 0 ? 0 : 1)
  }

  static func parse(_ body: UnsafeRawBufferPointer) throws(TransferError) -> TransferDigests {
    var reader = ByteReader(body)
    guard let item = reader.integer(UInt32.self), let first = reader.integer(UInt64.self),
      first <= TransferOffer.mostBytes / pieceLength, reader.remaining % Bytes32.count == 0,
      reader.remaining > 0
    else { throw .malformed }
    var digests: [Bytes32] = []
    while let digest = reader.bytes32() { digests.append(digest) }
    return TransferDigests(item: item, firstPiece: first, digests: digests)
  }

  func append(to bytes: inout [UInt8]) {
    bytes.append(bigEndian: item)
    bytes.append(bigEndian: firstPiece)
    for digest in digests { bytes += digest.array }
  }
}
