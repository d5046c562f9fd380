import DequeModule

/// Memory for a moving window of a stream, in blocks that come and go with the window.
///
/// A window may grow to what a long path needs, while a short one stays in a few blocks that the processor's cache
/// knows.
struct BlockStore: ~Copyable {
  /// The size of a block in bytes, except in tests.
  static let usualSize = 256 << 10

  /// The size of a block in bytes.
  let blockSize: Int
  private let pool: BlockPool
  /// The blocks from the lowest in use on; nil where nothing has been put yet.
  private var blocks = Deque<UnsafeMutableRawPointer?>()
  /// The number of `blocks.first`: its offset in the stream in units of blocks.
  private var firstNumber: UInt64 = 0

  init(blockSize: Int = BlockStore.usualSize) { self.init(pool: BlockPool(blockSize: blockSize)) }

  /// Takes its blocks from a pool that it may share with others.
  init(pool: BlockPool) {
    self.pool = pool
    blockSize = pool.blockSize
  }

  deinit {
    for block in blocks {
      if let block { pool.give(block) }
    }
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
      blocks[Int(number - firstNumber)] = pool.take()
    }
    return piece(at: offset, limit: limit)
  }

  /// Gives the blocks back that lie wholly below `offset`.
  mutating func release(below offset: UInt64) {
    let (number, _) = place(of: offset)
    while firstNumber < number, let block = blocks.popFirst() {
      firstNumber += 1
      guard let block else { continue }
      pool.give(block)
    }
    if blocks.isEmpty { firstNumber = max(firstNumber, number) }
  }

  /// Gives all blocks back; what is put next begins at `offset` or above.
  mutating func releaseAll(upTo offset: UInt64) {
    while let block = blocks.popFirst() {
      if let block { pool.give(block) }
    }
    firstNumber = place(of: offset).number
  }

  private func place(of offset: UInt64) -> (number: UInt64, start: Int) {
    (offset / UInt64(blockSize), Int(offset % UInt64(blockSize)))
  }
}
