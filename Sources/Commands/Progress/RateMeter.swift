import Basics

/// A rate that a person can read: what moved in the last seconds, older moments counting less and less.
struct RateMeter {
  /// After so long a change of the rate shows by two thirds.
  private static let memory = Interval.seconds(3)

  private var last: (bytes: UInt64, at: Instant)?
  private var weightedBytes = 0.0
  private var weightedSeconds = 0.0

  /// Bytes a second; nil before there were two readings.
  var bytesPerSecond: UInt64? {
    // Both sums fade alike, so the first readings are not biased towards zero.
    weightedSeconds > 0 ? UInt64(min(weightedBytes / weightedSeconds, 1e18)) : nil
  }

  /// Takes a reading of a counter. A counter that went backwards begins anew.
  mutating func add(_ bytes: UInt64, at now: Instant) {
    guard let last, last.bytes <= bytes else {
      self = RateMeter()
      last = (bytes, now)
      return
    }
    let seconds = (now - last.at).inSeconds
    guard seconds > 0 else { return }
    // The quotient of a linear function: 1 when no time passed, towards 0 with much of it.
    let fading = 1 / (1 + seconds / Self.memory.inSeconds)
    weightedBytes = weightedBytes * fading + Double(bytes - last.bytes)
    weightedSeconds = weightedSeconds * fading + seconds
    self.last = (bytes, now)
  }
}
