import Basics

/// Payload that arrived out of order, or that the output could not take yet, bounded by the window.
struct ReceiveBuffer: ~Copyable {
  private let capacity: Int
  private let mask: UInt64
  /// Allocated when it is first needed: payload that arrives in order for a ready output never passes through.
  private var memory: UnsafeMutableRawBufferPointer?
  /// The offsets held, all at or above the next offset to deliver.
  private(set) var held = IntervalSet()

  /// Makes a buffer for a window of `capacity` bytes, a power of two.
  init(capacity: Int) {
    precondition(capacity > 0 && capacity & (capacity - 1) == 0)
    self.capacity = capacity
    mask = UInt64(capacity - 1)
  }

  deinit {
    memory?.initializeMemory(as: UInt8.self, repeating: 0)
    memory?.deallocate()
  }

  var isEmpty: Bool { held.isEmpty }

  /// Keeps `bytes` that belong at `offset`. The caller has checked that they lie within the window.
  mutating func store(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) {
    precondition(bytes.count <= capacity)
    guard !bytes.isEmpty else { return }
    let ring = memory ?? .allocate(byteCount: capacity, alignment: 4096)
    memory = ring
    let start = Int(offset & mask)
    let first = min(bytes.count, capacity - start)
    UnsafeMutableRawBufferPointer(rebasing: ring[start..<start + first])
      .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[..<first]))
    if first < bytes.count {
      UnsafeMutableRawBufferPointer(rebasing: ring[..<(bytes.count - first)])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[first...]))
    }
    held.insert(offset..<offset + UInt64(bytes.count))
  }

  /// The bytes held from exactly `offset` on that lie in one piece; empty when that byte has not arrived.
  func contiguous(from offset: UInt64) -> UnsafeRawBufferPointer {
    guard let ring = memory, let range = held.first, range.contains(offset) else {
      return UnsafeRawBufferPointer(start: nil, count: 0)
    }
    let start = Int(offset & mask)
    let length = min(Int(range.upperBound - offset), capacity - start)
    return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(ring)[start..<start + length])
  }

  /// Forgets everything below `offset`.
  mutating func release(below offset: UInt64) {
    held.remove(0..<offset)
  }
}
