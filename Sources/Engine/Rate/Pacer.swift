import Basics

/// Spreads packets over time (RTE-9): a budget of bytes that grows with the pace. A burst begins when the budget has
/// room for one and goes on until it is used up.
struct Pacer {
  /// How long a burst at the pace takes.
  static let burstTime = Interval.microseconds(500)
  /// The most that a late timer may make good.
  static let credit = Interval.milliseconds(5)
  /// What one system call takes, in bytes.
  static let largestBurst = 64_000.0

  private var budget = 0.0
  private var at: Instant?
  /// Whether the budget is used up and waits until there is enough for a burst.
  private var isResting = false
  /// When the next burst may begin; meaningful after `maySend` said no.
  private(set) var nextBurstAt = Instant.zero

  /// Whether a packet may leave now.
  ///
  /// - Parameters:
  ///   - pace: bytes a second.
  ///   - leastBurst: two datagrams, in bytes.
  mutating func maySend(pace: Double, leastBurst: Int, at now: Instant) -> Bool {
    let least = Double(leastBurst)
    let burst = min(max(pace * Self.burstTime.inSeconds, least), max(least, Self.largestBurst))
    if let at {
      budget = min(budget + pace * max(0, (now - at).inSeconds), max(burst, pace * Self.credit.inSeconds))
    } else {
      budget = burst
    }
    at = now
    if isResting ? budget >= burst : budget > 0 {
      isResting = false
      return true
    }
    isResting = true
    let wait = min((burst - budget) / max(pace, 1), 1)
    nextBurstAt = now + Interval(nanoseconds: Int64(wait * 1e9) + 1)
    return false
  }

  /// Bytes left.
  mutating func didSend(_ count: Int) { budget -= Double(count) }
}
