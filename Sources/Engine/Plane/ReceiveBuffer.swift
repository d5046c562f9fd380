import Basics

/// Payload that arrived out of order, or that the output could not take yet, bounded by the window.
///
/// Memory is taken only for it: payload that arrives in order for a ready output never passes through.
struct ReceiveBuffer: ~Copyable {
  private var store: BlockStore
  /// The offsets held, all at or above the next offset to deliver.
  private(set) var held = IntervalSet()

  init(blockSize: Int = BlockStore.usualSize) { store = BlockStore(blockSize: blockSize) }

  var isEmpty: Bool { held.isEmpty }

  /// Keeps `bytes` that belong at `offset`. The caller has checked that they lie within the window.
  mutating func store(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    guard !bytes.isEmpty else { return }
    var rest = bytes
    var place = offset
    while !rest.isEmpty {
      let piece = store.makePiece(at: place, limit: rest.count)
      piece.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<piece.count]))
      rest = UnsafeRawBufferPointer(rebasing: rest[piece.count...])
      place += UInt64(piece.count)
    }
    held.insert(offset..<place)
  }

  /// The bytes held from exactly `offset` on that lie in one piece; empty when that byte has not arrived.
  func contiguous(from offset: UInt64) -> UnsafeRawBufferPointer {
    guard let range = held.first, range.contains(offset) else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    let length = min(range.upperBound - offset, UInt64(store.blockSize))
    return UnsafeRawBufferPointer(store.piece(at: offset, limit: Int(length)))
  }

  /// Forgets everything below `offset`.
  mutating func release(below offset: UInt64) {
    held.remove(0..<offset)
    store.release(below: offset)
  }
}
