import Basics
import CNamespaces
import Glibc

/// A link with a delay: what one TUN device sends comes out of the other one later, in order.
///
/// netem is not in every kernel; two devices and a queue are. A direction's delay is the same for all its packets,
/// so a queue in order of arrival is in order of departure too, and no timer wheel is needed.
struct DelayLine {
  /// One way, both ways the same.
  let delay: Interval
  /// How many packets of 10,000 are lost each way, drawn from a generator with a seed.
  let lossPer10000: Int

  private var random: SeededGenerator
  private let queues: (PacketQueue, PacketQueue)
  private var descriptors: [pollfd]

  /// How many packets one direction takes before the other has its turn.
  private static let batch = 64

  /// A line between two open TUN devices.
  init(between one: Int32, and other: Int32, delay: Interval, lossPer10000: Int, seed: UInt64) {
    self.delay = delay
    self.lossPer10000 = lossPer10000
    random = SeededGenerator(seed: seed)
    queues = (PacketQueue(from: one, to: other), PacketQueue(from: other, to: one))
    descriptors = [one, other].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
  }

  /// Carries packets until the process is ended.
  mutating func run() throws {
    while true {
      let now = Self.now
      queues.0.deliver(at: now)
      queues.1.deliver(at: now)
      let due = [queues.0.nextDue, queues.1.nextDue].compactMap { $0 }.min()
      // What cannot be written now is no reason to spin.
      let wait = due.map { max(($0 - now).nanoseconds, 20_000) } ?? -1
      let ready = derphole_poll(&descriptors, 2, wait)
      guard ready >= 0 || errno == EINTR else { throw LabError.system("poll") }
      guard ready > 0 else { continue }
      let arrival = Self.now
      if descriptors[0].revents != 0 { take(queues.0, at: arrival) }
      if descriptors[1].revents != 0 { take(queues.1, at: arrival) }
    }
  }

  private mutating func take(_ queue: PacketQueue, at now: Instant) {
    for _ in 0..<Self.batch {
      let isLost = lossPer10000 > 0 && Int.random(in: 0..<10_000, using: &random) < lossPer10000
      guard queue.take(due: now + delay, discarding: isLost) else { return }
    }
  }

  private static var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}

/// The packets that are on their way in one direction: a ring of slots, each as large as a packet can be here,
/// and one more for packets that are thrown away.
private final class PacketQueue {
  private static let slotCount = 32_768
  private static let slotSize = 2_048

  private let source: Int32
  private let target: Int32
  private let slots = UnsafeMutableRawBufferPointer.allocate(
    byteCount: (slotCount + 1) * slotSize, alignment: 64)
  private var lengths = [Int](repeating: 0, count: slotCount)
  private var dues = [Instant](repeating: .zero, count: slotCount)
  private var head = 0
  private var count = 0

  init(from source: Int32, to target: Int32) {
    self.source = source
    self.target = target
  }

  deinit { slots.deallocate() }

  /// When the first packet leaves.
  var nextDue: Instant? { count > 0 ? dues[head] : nil }

  /// Takes one packet from the source; false when there is none. A full queue loses the newest, as a router does.
  func take(due: Instant, discarding isLost: Bool) -> Bool {
    let tail = (head + count) % Self.slotCount
    let isKept = !isLost && count < Self.slotCount
    let slot = isKept ? tail : Self.slotCount
    let length = read(source, slots.baseAddress! + slot * Self.slotSize, Self.slotSize)
    guard length > 0 else { return false }
    guard isKept else { return true }
    lengths[tail] = length
    dues[tail] = due
    count += 1
    return true
  }

  /// Hands over everything that is due.
  func deliver(at now: Instant) {
    while count > 0, dues[head] <= now {
      let written = write(target, slots.baseAddress! + head * Self.slotSize, lengths[head])
      if written < 0, errno == EAGAIN { return }
      head = (head + 1) % Self.slotCount
      count -= 1
    }
  }
}
