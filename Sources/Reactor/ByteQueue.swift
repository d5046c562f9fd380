/// Bytes between two places in memory: appended at the end, taken from the front, the memory given back when
/// empty. For ciphertext on its way between a socket and the TLS library; an idle connection holds none.
struct ByteQueue: ~Copyable {
  private var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var head = 0
  private var tail = 0

  deinit { memory.deallocate() }

  var isEmpty: Bool { head == tail }
  var count: Int { tail - head }

  /// The bytes in order.
  var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[head..<tail]) }

  /// Forgets the first `count` bytes.
  mutating func drop(_ count: Int) {
    head += count
    if head == tail {
      head = 0
      tail = 0
    }
  }

  /// Gives the memory back if nothing is queued.
  mutating func releaseIfEmpty() {
    guard isEmpty, memory.baseAddress != nil else { return }
    memory.deallocate()
    memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  }

  /// Room for `count` more bytes at the end, to be filled and then confirmed with `commit`.
  mutating func reserve(_ count: Int) -> UnsafeMutableRawBufferPointer {
    if memory.count - tail < count {
      let grown = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(tail - head + count, memory.count), alignment: 64)
      grown.copyMemory(from: bytes)
      memory.deallocate()
      memory = grown
      tail -= head
      head = 0
    }
    return UnsafeMutableRawBufferPointer(rebasing: memory[tail...])
  }

  /// Counts `count` bytes of the reserved room as appended.
  mutating func commit(_ count: Int) { tail += count }
}
