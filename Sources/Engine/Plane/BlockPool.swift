/// Blocks of memory of one size. The block that was given back last is used first, because the processor's cache knows
/// it best.
final class BlockPool {
  /// As many blocks are kept for later use; they are what a fast path of a short round trip needs.
  static let usualSpare = 64

  /// The size of a block in bytes.
  let blockSize: Int
  private let maximumSpare: Int
  private var spare: [UnsafeMutableRawPointer] = []

  init(blockSize: Int, maximumSpare: Int = BlockPool.usualSpare) {
    self.blockSize = blockSize
    self.maximumSpare = maximumSpare
  }

  deinit {
    for block in spare { destroy(block) }
  }

  func take() -> UnsafeMutableRawPointer {
    spare.popLast() ?? .allocate(byteCount: blockSize, alignment: 4_096)
  }

  func give(_ block: UnsafeMutableRawPointer) {
    if spare.count < maximumSpare { spare.append(block) } else { destroy(block) }
  }

  /// The content is somebody's data: it does not stay behind in freed memory.
  private func destroy(_ block: UnsafeMutableRawPointer) {
    block.initializeMemory(as: UInt8.self, repeating: 0, count: blockSize)
    block.deallocate()
  }
}
