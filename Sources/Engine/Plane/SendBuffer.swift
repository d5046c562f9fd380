import Basics

/// A ring of payload bytes that were read from the source and are not yet acknowledged.
///
/// Offsets are positions in the whole stream. Plaintext stays here until it is acknowledged, so a lost frame is
/// sealed anew under a new packet number.
struct SendBuffer: ~Copyable {
  private let memory: UnsafeMutableRawBufferPointer
  private let mask: UInt64

  /// The lowest offset that is still held.
  private(set) var base: UInt64 = 0
  /// The offset behind the last byte read from the source.
  private(set) var end: UInt64 = 0

  /// Makes a ring of `capacity` bytes, a power of two.
  init(capacity: Int) {
    precondition(capacity > 0 && capacity & (capacity - 1) == 0)
    memory = .allocate(byteCount: capacity, alignment: 4096)
    mask = UInt64(capacity - 1)
  }

  deinit {
    // The plaintext is somebody's data: it does not stay behind in freed memory.
    let touched = Int(min(end, UInt64(memory.count)))
    UnsafeMutableRawBufferPointer(rebasing: memory[..<touched]).initializeMemory(as: UInt8.self, repeating: 0)
    memory.deallocate()
  }

  /// How many bytes can be added.
  var freeSpace: Int { memory.count - Int(end - base) }

  /// Lets `fill` write into a contiguous free part of at most `limit` bytes and appends as many as it says.
  mutating func append(limit: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    let start = Int(end & mask)
    let length = min(freeSpace, memory.count - start, limit)
    guard length > 0 else { return 0 }
    let added = fill(UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + length]))
    precondition(added >= 0 && added <= length)
    end += UInt64(added)
    return added
  }

  /// The bytes from `offset` on, at most `limit`, as far as they lie in one piece.
  func bytes(at offset: UInt64, limit: Int) -> UnsafeRawBufferPointer {
    precondition(offset >= base && offset <= end)
    let start = Int(offset & mask)
    let length = min(Int(end - offset), memory.count - start, limit)
    return UnsafeRawBufferPointer(rebasing: memory[start..<start + length])
  }

  /// Forgets the bytes below `offset`.
  mutating func release(below offset: UInt64) {
    precondition(offset <= end)
    base = max(base, offset)
  }
}
