import Basics

/// A link of limited rate with a finite queue in front of it, as Linux' tbf makes one: a bucket lets short bursts
/// pass at once, then bytes leave at the rate, and what finds the queue full is dropped.
struct Bottleneck {
  /// Bytes a second.
  let rate: Double
  /// The most bytes that wait.
  let queueLimit: Int
  /// What the bucket holds, in bytes.
  let bucket: Int

  /// When everything that waits will have left; may lie in the past by what the bucket holds.
  private var freeAt = Instant.zero
  private(set) var dropped: UInt64 = 0
  private var waits = 0.0
  private var packets = 0
  private(set) var longestWait = Interval.zero

  init(rate: Double, queueLimit: Int, bucket: Int) {
    self.rate = rate
    self.queueLimit = queueLimit
    self.bucket = bucket
  }

  private func time(of bytes: Int) -> Interval { Interval(nanoseconds: Int64(Double(bytes) / rate * 1e9)) }

  /// When a packet that comes now has left; nil when it is dropped.
  mutating func pass(_ bytes: Int, at now: Instant) -> Instant? {
    let start = max(freeAt, now + time(of: bucket) * -1)
    let wait = max(start - now, .zero)
    if wait + time(of: bytes) > time(of: queueLimit) {
      dropped += 1
      return nil
    }
    freeAt = start + time(of: bytes)
    waits += wait.inSeconds
    packets += 1
    longestWait = max(longestWait, wait)
    return max(freeAt, now)
  }

  var meanWait: Interval {
    Interval(nanoseconds: packets > 0 ? Int64(waits / Double(packets) * 1e9) : 0)
  }
}
