/// How much memory the queues of all clients may take together.
final class MemoryBudget {
  private var available: Int

  init(_ bytes: Int) { available = bytes }

  func take(_ bytes: Int) -> Bool {
    guard bytes <= available else { return false }
    available -= bytes
    return true
  }

  func giveBack(_ bytes: Int) { available += bytes }
}

/// The packets that wait for one client: whole frames in one buffer, first in, first out; the oldest gives way.
///
/// A frame never wraps round the end of the buffer, so frames that lie one after the other go out in one write.
/// The buffer grows by doubling and is kept while the client has traffic: no allocation per packet.
final class PacketQueue {
  /// The most packets that wait, as in Tailscale's relays.
  static let limit = 32
  /// Enough for `limit` packets of the largest size, whatever is lost where the buffer wraps.
  private static let maximumCapacity = 4 << 20
  private static let minimumCapacity = 16 << 10

  private struct Frame {
    var offset: Int32 = 0
    var length: Int32 = 0
    var end: Int { Int(offset) + Int(length) }
  }

  private let budget: MemoryBudget
  private var storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var frames = [Frame](repeating: Frame(), count: limit)
  private var first = 0
  private(set) var count = 0

  init(budget: MemoryBudget) { self.budget = budget }

  deinit { release() }

  var isEmpty: Bool { count == 0 }

  /// Adds a copy of a frame and returns how many packets were dropped for it: the oldest ones, or the frame
  /// itself when there is no memory for it at all.
  func append(_ frame: UnsafeRawBufferPointer) -> Int {
    var dropped = 0
    while count >= Self.limit {
      removeFirst()
      dropped += 1
    }
    while true {
      if let offset = place(frame.count) {
        UnsafeMutableRawBufferPointer(rebasing: storage[offset..<offset + frame.count]).copyMemory(
          from: frame)
        frames[(first + count) % Self.limit] = Frame(offset: Int32(offset), length: Int32(frame.count))
        count += 1
        return dropped
      }
      if grow(for: frame.count) { continue }
      dropped += 1
      guard count > 0 else { return dropped }
      removeFirst()
    }
  }

  /// The oldest frame and those that follow it in memory without a gap.
  var contiguous: UnsafeRawBufferPointer {
    guard count > 0 else { return UnsafeRawBufferPointer(start: nil, count: 0) }
    var end = frames[first].end
    for index in 1..<Self.limit where index < count {
      let frame = frames[(first + index) % Self.limit]
      guard Int(frame.offset) == end else { break }
      end = frame.end
    }
    return UnsafeRawBufferPointer(rebasing: storage[Int(frames[first].offset)..<end])
  }

  /// Forgets the oldest frames that make up `length` bytes.
  func removeFirst(bytes length: Int) {
    var left = length
    while left > 0, count > 0 {
      left -= Int(frames[first].length)
      removeFirst()
    }
  }

  /// Forgets all packets and gives the memory back.
  func release() {
    budget.giveBack(storage.count)
    storage.deallocate()
    storage = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    count = 0
  }

  private func removeFirst() {
    first = (first + 1) % Self.limit
    count -= 1
  }

  private func place(_ length: Int) -> Int? {
    guard count > 0 else { return length <= storage.count ? 0 : nil }
    let head = Int(frames[first].offset)
    let last = frames[(first + count - 1) % Self.limit]
    if Int(last.offset) >= head {
      if storage.count - last.end >= length { return last.end }
      return head >= length ? 0 : nil
    }
    return head - last.end >= length ? last.end : nil
  }

  private func grow(for length: Int) -> Bool {
    let used = (0..<count).reduce(0) { $0 + Int(frames[(first + $1) % Self.limit].length) }
    var capacity = max(storage.count * 2, Self.minimumCapacity)
    while capacity < used + length { capacity *= 2 }
    guard capacity <= Self.maximumCapacity, budget.take(capacity - storage.count) else { return false }
    let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    var offset = 0
    for index in 0..<count {
      let slot = (first + index) % Self.limit
      let frame = frames[slot]
      UnsafeMutableRawBufferPointer(rebasing: larger[offset..<offset + Int(frame.length)])
        .copyMemory(from: UnsafeRawBufferPointer(rebasing: storage[Int(frame.offset)..<frame.end]))
      frames[slot].offset = Int32(offset)
      offset += Int(frame.length)
    }
    storage.deallocate()
    storage = larger
    return true
  }
}
