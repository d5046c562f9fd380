/// A growable run of bytes, filled at the end and taken from the front, outside Swift's arrays so that bytes can
/// be rewritten where they lie and the room is kept between uses.
final class ByteStore {
  private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var start = 0
  private var end = 0

  deinit { storage.deallocate() }

  var count: Int { end - start }
  var isEmpty: Bool { end == start }

  /// The bytes; valid until the next call that changes something.
  var bytes: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: storage[start..<end])
  }

  /// Copies `more` to the end.
  func append(_ more: UnsafeRawBufferPointer) {
    reserve(more.count)
    UnsafeMutableRawBufferPointer(rebasing: storage[end..<end + more.count]).copyMemory(from: more)
    end += more.count
  }

  /// Copies `more` to the end.
  func append(_ more: [UInt8]) { more.withUnsafeBytes { append($0) } }

  /// Forgets `length` bytes at the front.
  func removeFirst(_ length: Int) {
    start += length
    if start == end { (start, end) = (0, 0) }
  }

  /// Forgets the bytes and gives the room back.
  func release() {
    storage.deallocate()
    storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    (start, end) = (0, 0)
  }

  private func reserve(_ more: Int) {
    guard end + more > storage.count else { return }
    let needed = count + more
    if needed <= storage.count {
      storage.copyMemory(from: UnsafeRawBufferPointer(bytes))
    } else {
      let larger = UnsafeMutableRawBufferPointer.allocate(
        byteCount: max(needed, storage.count * 2, 256), alignment: 16)
      larger.copyMemory(from: UnsafeRawBufferPointer(bytes))
      storage.deallocate()
      storage = larger
    }
    end -= start
    start = 0
  }
}
