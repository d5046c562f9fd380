import Basics

/// Payload bytes that were read from the source and are not yet acknowledged.
///
/// Offsets are positions in the whole stream. Plaintext stays here until it is acknowledged, so a lost frame is
/// sealed anew under a new packet number.
struct SendBuffer: ~Copyable {
  private var store: BlockStore
  private let capacity: Int
  private var isPooled = false

  /// The lowest offset that is still held.
  private(set) var base: UInt64 = 0
  /// The offset behind the last byte read from the source.
  private(set) var end: UInt64 = 0

  /// - Parameter capacity: the most bytes that are held.
  init(capacity: Int, blockSize: Int = BlockStore.usualSize) {
    precondition(capacity > 0)
    self.capacity = capacity
    store = BlockStore(blockSize: blockSize)
  }

  /// - Parameter pool: where its memory comes from, shared with others; while nothing is held it has none of it.
  init(capacity: Int, pool: BlockPool) {
    precondition(capacity > 0)
    self.capacity = capacity
    store = BlockStore(pool: pool)
    isPooled = true
  }

  /// The most bytes that `bytes(at:length:)` gives at once.
  var pieceLimit: Int { store.blockSize }

  /// How many bytes can be added.
  var freeSpace: Int { capacity - Int(end - base) }

  /// Lets `fill` write into a contiguous free part of at most `limit` bytes and appends as many as it says.
  mutating func append(limit: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    let length = min(freeSpace, limit)
    guard length > 0 else { return 0 }
    let room = store.makePiece(at: end, limit: length)
    let added = fill(room)
    precondition(added >= 0 && added <= room.count)
    end += UInt64(added)
    return added
  }

  /// The `length` bytes from `offset` on, which must be held: in one piece, or in two where blocks meet.
  func bytes(at offset: UInt64, length: Int) -> (UnsafeRawBufferPointer, UnsafeRawBufferPointer) {
    precondition(offset >= base && UInt64(length) <= end - offset && length <= store.blockSize)
    let none = UnsafeRawBufferPointer(start: nil, count: 0)
    guard length > 0 else { return (none, none) }
    let first = store.piece(at: offset, limit: length)
    guard first.count < length else { return (UnsafeRawBufferPointer(first), none) }
    let second = store.piece(at: offset + UInt64(first.count), limit: length - first.count)
    return (UnsafeRawBufferPointer(first), UnsafeRawBufferPointer(second))
  }

  /// Forgets the bytes below `offset`.
  mutating func release(below offset: UInt64) {
    precondition(offset <= end)
    guard offset > base else { return }
    base = offset
    if isPooled, base == end { store.releaseAll(upTo: end) } else { store.release(below: offset) }
  }
}
