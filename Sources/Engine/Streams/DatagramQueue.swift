import Basics
import DequeModule

/// Datagrams that wait, in order, each in one piece of one ring of bytes: none costs an allocation of its own. The ring
/// is made when the first one comes.
///
/// What does not fit is refused (DGR-3), as by the buffer of a socket: what is queued is what the peer, or the host, gets next,
/// and who sends is told at once.
struct DatagramQueue: ~Copyable {
  /// As many wait at most: some milliseconds of a fast path. Whoever sends faster than the path shall notice.
  static let usualLimit = 256
  /// The most bytes that wait.
  static let usualCapacity = 1 << 20

  private let limit: Int
  private let capacity: Int
  private var ring = UnsafeMutableRawBufferPointer(start: nil, count: 0)
  private var places = Deque<Place>()

  private struct Place {
    var start: Int
    var count: Int
    /// An empty datagram takes a byte, too: no two are at one place.
    var end: Int { start + max(count, 1) }
  }

  init(limit: Int = DatagramQueue.usualLimit, capacity: Int = DatagramQueue.usualCapacity) {
    self.limit = limit
    self.capacity = capacity
  }

  deinit {
    // Somebody's data: it does not stay behind in freed memory.
    ring.initializeMemory(as: UInt8.self, repeating: 0)
    ring.deallocate()
  }

  var isEmpty: Bool { places.isEmpty }
  var count: Int { places.count }

  /// Adds a datagram; false when there is no room.
  mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard places.count < limit, let start = room(for: bytes.count) else { return false }
    if ring.baseAddress == nil {
      ring = .allocate(byteCount: capacity, alignment: 16)
      places.reserveCapacity(limit)
    }
    UnsafeMutableRawBufferPointer(rebasing: ring[start..<start + bytes.count]).copyMemory(from: bytes)
    places.append(Place(start: start, count: bytes.count))
    return true
  }

  /// Where so many bytes can lie in one piece: behind the last datagram, or from the start of the ring on. An empty
  /// queue begins there again, in memory that the processor's cache knows.
  private func room(for count: Int) -> Int? {
    guard let first = places.first, let last = places.last else { return count <= capacity ? 0 : nil }
    let isWrapped = last.start < first.start
    let count = max(count, 1)
    if last.end + count <= (isWrapped ? first.start : capacity) { return last.end }
    return !isWrapped && count <= first.start ? 0 : nil
  }

  /// The datagram that has waited longest; nil when none waits. Valid until the queue changes.
  var first: UnsafeRawBufferPointer? {
    places.first.map { UnsafeRawBufferPointer(rebasing: ring[$0.start..<$0.start + $0.count]) }
  }

  mutating func removeFirst() { places.removeFirst() }
}
