import Basics

/// The rate limit that a relay announces. The relay would silently drop what exceeds it; we wait instead.
struct TokenBucket {
  private let bytesPerSecond: Double
  private let burst: Double
  private var level: Double
  private var updatedAt: Instant

  /// - Parameters:
  ///   - bytesPerSecond: the announced rate; at least 1.
  ///   - burst: the announced burst in bytes.
  init(bytesPerSecond: Int, burst: Int, at now: Instant) {
    self.bytesPerSecond = Double(max(1, bytesPerSecond))
    self.burst = Double(max(1, burst))
    level = self.burst
    updatedAt = now
  }

  /// Whether a packet may leave now. It may be larger than what is left: the debt is waited for afterwards, so
  /// that a burst smaller than a packet cannot block for ever.
  mutating func isOpen(at now: Instant) -> Bool {
    let elapsed = max(0, (now - updatedAt).inSeconds)
    level = min(burst, level + elapsed * bytesPerSecond)
    updatedAt = max(updatedAt, now)
    return level >= min(burst, 65_573)
  }

  /// Takes the bytes of a packet that left.
  mutating func take(_ bytes: Int) { level -= Double(bytes) }

  /// When a packet may leave next.
  var opensAt: Instant? {
    let needed = min(burst, 65_573)
    guard level < needed else { return nil }
    return updatedAt + Interval(nanoseconds: Int64((needed - level) / bytesPerSecond * 1e9) + 1)
  }
}
