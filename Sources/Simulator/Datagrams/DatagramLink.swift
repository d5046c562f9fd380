import Basics

/// One direction of a party's access: a drop-tail queue in front of a line with a rate and a delay.
struct DatagramLink {
  let delay: Interval
  let bytesPerSecond: Int64
  /// The most bytes that wait for the line.
  let queueBytes: Int64
  private var busyUntil = Instant.zero
  /// Packets that found the queue full.
  private(set) var dropped: UInt64 = 0

  init(delay: Interval, bytesPerSecond: Int, queueBytes: Int) {
    self.delay = delay
    self.bytesPerSecond = Int64(bytesPerSecond)
    self.queueBytes = Int64(queueBytes)
  }

  /// Bytes that wait for the line or are being put on it.
  func backlog(at now: Instant) -> Int64 {
    guard busyUntil > now else { return 0 }
    return (busyUntil - now).nanoseconds / 1_000 * bytesPerSecond / 1_000_000
  }

  /// When the backlog will have shrunk to so many bytes, if nothing is added.
  func drains(to bytes: Int64, at now: Instant) -> Instant {
    max(now, busyUntil + Interval(nanoseconds: -transmissionTime(bytes).nanoseconds))
  }

  /// Puts a packet on the line; returns when it arrives, or nil when the queue has no room for it. A packet that finds
  /// the line free never needs room.
  mutating func send(_ bytes: Int, at now: Instant) -> Instant? {
    let waiting = backlog(at: now)
    guard waiting == 0 || waiting + Int64(bytes) <= queueBytes else {
      dropped += 1
      return nil
    }
    busyUntil = max(now, busyUntil) + transmissionTime(Int64(bytes))
    return busyUntil + delay
  }

  private func transmissionTime(_ bytes: Int64) -> Interval {
    Interval(nanoseconds: bytes * 1_000_000_000 / bytesPerSecond)
  }
}
