import Wire

/// What a peer did that ends a transfer. The description is one line for a person and holds no words of the peer.
public enum TransferFault: Error, Hashable, Sendable, CustomStringConvertible {
  /// A message that cannot be read.
  case message(TransferError)
  /// A message out of its place.
  case unexpected(TransferMessage.Kind)
  /// A manifest that is refused.
  case manifest(TreeError)
  /// A manifest whose count or sizes are not those of the offer.
  case otherSum
  /// Ranges beyond the content, or out of order.
  case outOfBounds
  /// More than a peer may ask for or announce.
  case tooMuch
  /// More or fewer bytes of content than were agreed.
  case otherLength
  /// The stream ended before the transfer did.
  case cutShort

  public var description: String {
    switch self {
    case .message(let error): "it sent \(error)"
    case .unexpected(let kind): "it sent a message out of place (\(kind))"
    case .manifest(let error): "its list of files has \(error)"
    case .otherSum: "its list of files is not what it offered"
    case .outOfBounds: "it named ranges that do not exist"
    case .tooMuch: "it named too many ranges"
    case .otherLength: "its content has another length than agreed"
    case .cutShort: "it ended in the middle of a transfer"
    }
  }
}

/// Pieces of one file whose digests are to be computed.
public struct TransferPieces: Hashable, Sendable {
  /// The file's place in the manifest; 0 for a single file.
  public var item: Int
  /// Numbers of pieces of `TransferDigests.pieceLength` bytes.
  public var pieces: Range<UInt64>

  public init(item: Int, pieces: Range<UInt64>) {
    self.item = item
    self.pieces = pieces
  }

  /// The bytes of a piece of a file of `size` bytes.
  public static func bytes(of piece: UInt64, size: UInt64) -> Range<UInt64> {
    let lower = piece * TransferDigests.pieceLength
    return lower..<min(size, lower + TransferDigests.pieceLength)
  }
}

/// What both sides know from the offer: sizes and bounds.
struct TransferShape {
  let offer: TransferOffer
  var entries: [TreeEntry]

  /// The bound of ranges in holdings and wants: bytes of a file, entries of a manifest.
  var bound: UInt64 {
    switch offer.kind {
    case .file: offer.size ?? 0
    case .directory, .several: UInt64(entries.count)
    case .text, .stream: 0
    }
  }

  /// The pieces that stand for a range of holdings, item by item.
  func pieces(of holdings: [Range<UInt64>]) -> PieceSequence { PieceSequence(self, holdings) }

  func size(of item: Int) -> UInt64 { offer.hasEntries ? entries[item].size : offer.size ?? 0 }

  /// Whether holdings may name this range: a single file's prefix is whole pieces, or all of it.
  func mayHold(_ range: Range<UInt64>) -> Bool {
    guard range.upperBound <= bound else { return false }
    if offer.hasEntries { return true }
    return range.lowerBound == 0
      && (range.upperBound == bound || range.upperBound % TransferDigests.pieceLength == 0)
  }
}

/// Goes through the pieces of holdings in the order in which digests travel.
struct PieceSequence {
  /// The most pieces of one step: computing their digests takes some tens of milliseconds.
  static let step: UInt64 = 64

  private let shape: TransferShape
  private var rest: ArraySlice<Range<UInt64>>
  private var item = 0
  private var left: Range<UInt64> = 0..<0

  init(_ shape: TransferShape, _ holdings: [Range<UInt64>]) {
    self.shape = shape
    rest = holdings[...]
  }

  /// The next pieces, all of one file; nil at the end.
  mutating func next() -> TransferPieces? {
    while left.isEmpty {
      guard let range = rest.first else { return nil }
      if shape.offer.hasEntries {
        item = Int(range.lowerBound)
        rest[rest.startIndex] = range.lowerBound + 1..<range.upperBound
        if rest[rest.startIndex].isEmpty { rest.removeFirst() }
        left = 0..<TransferDigests.pieces(of: shape.size(of: item))
      } else {
        rest.removeFirst()
        left = 0..<TransferDigests.pieces(of: range.upperBound)
      }
    }
    let upper = min(left.upperBound, left.lowerBound + Self.step)
    defer { left = upper..<left.upperBound }
    return TransferPieces(item: item, pieces: left.lowerBound..<upper)
  }
}

/// Messages on their way out.
struct TransferOutbox {
  private var bytes: [UInt8] = []
  private var sent = 0

  var isEmpty: Bool { sent == bytes.count }

  mutating func put(_ message: TransferMessage) {
    if isEmpty {
      bytes.removeAll(keepingCapacity: true)
      sent = 0
    }
    bytes += message.serialized()
  }

  /// Moves bytes into `buffer` and says how many.
  mutating func take(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, bytes.count - sent)
    UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]).copyBytes(from: bytes[sent..<sent + count])
    sent += count
    return count
  }
}

/// Ranges of a peer that come in several messages.
struct RangeCollector {
  /// A file has at most as many gaps as pieces; a manifest as entries.
  static let mostRanges = TreeCheck.mostEntries

  private(set) var ranges: [Range<UInt64>] = []
  private(set) var isComplete = false

  /// Takes one message; `isAllowed` looks at each range.
  mutating func add(
    _ message: TransferRanges, isAllowed: (Range<UInt64>) -> Bool
  ) throws(TransferFault) {
    guard ranges.count + message.ranges.count <= Self.mostRanges else { throw .tooMuch }
    for range in message.ranges {
      guard ranges.last.map({ $0.upperBound < range.lowerBound }) ?? true, isAllowed(range) else {
        throw .outOfBounds
      }
      ranges.append(range)
    }
    isComplete = message.isLast
  }

  /// The messages that carry `ranges`.
  static func messages(
    _ ranges: [Range<UInt64>], _ make: (TransferRanges) -> TransferMessage
  ) -> [TransferMessage] {
    var messages: [TransferMessage] = []
    var rest = ranges[...]
    repeat {
      let part = rest.prefix(TransferRanges.mostRanges)
      rest = rest.dropFirst(part.count)
      messages.append(make(TransferRanges(ranges: Array(part), isLast: rest.isEmpty)))
    } while !rest.isEmpty
    return messages
  }
}
