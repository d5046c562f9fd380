/// How many bytes may move now so that no more than a given rate moves in the long run: a token bucket that is never
/// overdrawn.
public struct ByteAllowance: Sendable {
  /// Bytes a second, from 1 to 2^60.
  public let bytesPerSecond: UInt64
  /// The most bytes that may move at once after a pause: what the rate moves in 50 ms, between 64 bytes and 16 MiB.
  /// A larger burst would fill queues along the path, a smaller one would wake the process for nothing.
  public let burst: Int
  private var available: Int
  /// Up to when the rate is credited.
  private var creditedAt: Instant
  /// What has been credited of the next byte, in billionths: nothing is lost however often it is asked.
  private var fraction: UInt64 = 0

  /// A full allowance.
  public init(bytesPerSecond: UInt64, at now: Instant) {
    self.bytesPerSecond = max(1, min(bytesPerSecond, 1 << 60))
    burst = Int(max(64, min(self.bytesPerSecond / 20, 16 << 20)))
    available = burst
    creditedAt = now
  }

  /// How many bytes may move now, at most `burst`.
  public mutating func bytes(at now: Instant) -> Int {
    let elapsed = (now - creditedAt).nanoseconds
    guard elapsed > 0 else { return available }
    creditedAt = now
    let product = bytesPerSecond.multipliedFullWidth(by: UInt64(elapsed))
    let (low, carry) = product.low.addingReportingOverflow(fraction)
    let high = product.high + (carry ? 1 : 0)
    // A quotient that does not fit is more than a burst anyway.
    if high < Self.billion {
      let (gained, rest) = Self.billion.dividingFullWidth((high, low))
      if gained < UInt64(burst - available) {
        available += Int(gained)
        fraction = rest
        return available
      }
    }
    available = burst
    fraction = 0
    return available
  }

  /// Takes what moved; no more than `bytes(at:)` said.
  public mutating func take(_ count: Int) {
    precondition(count >= 0 && count <= available)
    available -= count
  }

  /// When so many bytes, or a whole burst if that is less, may move; rounded up to a nanosecond.
  public func time(for count: Int) -> Instant {
    let missing = UInt64(max(0, min(count, burst) - available)) * Self.billion
    guard missing > fraction else { return creditedAt }
    let nanoseconds = (missing - fraction + bytesPerSecond - 1) / bytesPerSecond
    return creditedAt + Interval(nanoseconds: Int64(nanoseconds))
  }

  private static let billion: UInt64 = 1_000_000_000
}
