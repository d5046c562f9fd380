import DequeModule

/// Memory for a moving window of a stream, in blocks that come and go with the window.
///
/// A window may grow to what a long path needs, while a short one stays in a few blocks that the processor's cache
/// knows. The block that was given back last is used first.
struct BlockStore: ~Copyable {
  /// The size of a block in bytes, except in tests.
  static let usualSize = 256 << 10
  /// As many blocks are kept for later use; they are what a fast path of a short round trip needs.
  static let maximumSpare = 64

  /// The size of a block in bytes.
  let blockSize: Int
  /// The blocks from the lowest in use on; nil where nothing has been put yet.
  private var blocks = Deque<UnsafeMutableRawPointer?>()
  /// The number of `blocks.first`: its offset in the stream in units of blocks.
  private var firstNumber: UInt64 = 0
  private var spare: [UnsafeMutableRawPointer] = []

  init(blockSize: Int = BlockStore.usualSize) { self.blockSize = blockSize }

  deinit {
    // The content is somebody's data: it does not stay behind in freed memory.
    for block in blocks {
      if let block { destroy(block) }
    }
    for block in spare { destroy(block) }
  }

  /// The memory of the stream's bytes from `offset` on, at most `limit` of them and no further than the end of their
  /// block. It must have been made, and not released since.
  func piece(at offset: UInt64, limit: Int) -> UnsafeMutableRawBufferPointer {
    let (number, start) = place(of: offset)
    guard let block = blocks[Int(number - firstNumber)] else {
      preconditionFailure("bytes that were never put")
    }
    return UnsafeMutableRawBufferPointer(start: block + start, count: min(limit, blockSize - start))
  }

  /// The same, with a new block when there was none. The offset must not have been released.
  mutating func makePiece(at offset: UInt64, limit: Int) -> UnsafeMutableRawBufferPointer {
    let (number, _) = place(of: offset)
    precondition(number >= firstNumber, "the offset was released")
    while UInt64(blocks.count) <= number - firstNumber { blocks.append(nil) }
    if blocks[Int(number - firstNumber)] == nil {
      blocks[Int(number - firstNumber)] =
        spare.popLast() ?? .allocate(byteCount: blockSize, alignment: 4_096)
    }
    return piece(at: offset, limit: limit)
  }

  /// Gives the blocks back that lie wholly below `offset`.
  mutating func release(below offset: UInt64) {
    let (number, _) = place(of: offset)
    while firstNumber < number, let block = blocks.popFirst() {
      firstNumber += 1
      guard let block else { continue }
      if spare.count < Self.maximumSpare { spare.append(block) } else { destroy(block) }
    }
    if blocks.isEmpty { firstNumber = max(firstNumber, number) }
  }

  private func place(of offset: UInt64) -> (number: UInt64, start: Int) {
    (offset / UInt64(blockSize), Int(offset % UInt64(blockSize)))
  }

  private func destroy(_ block: UnsafeMutableRawPointer) {
    block.initializeMemory(as: UInt8.self, repeating: 0, count: blockSize)
    block.deallocate()
  }
}
