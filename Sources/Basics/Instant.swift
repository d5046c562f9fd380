/// A point on a monotonic time line, in nanoseconds from an arbitrary origin.
///
/// The pure rooms never read a clock: the reactor passes the monotonic clock's reading, the simulator its
/// virtual time. Two instants may be compared only when they come from the same source.
public struct Instant: Comparable, Hashable, Sendable {
  /// Nanoseconds since the origin of the time line.
  public var nanoseconds: Int64

  /// Makes an instant from nanoseconds since the origin.
  @inlinable
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  /// The origin of the time line.
  public static let zero = Instant(nanoseconds: 0)

  @inlinable
  public static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

  /// The instant that lies `interval` after this one; saturates at the end of the time line.
  @inlinable
  public static func + (instant: Instant, interval: Interval) -> Instant {
    let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(interval.nanoseconds)
    return Instant(nanoseconds: overflow ? (interval.nanoseconds > 0 ? .max : .min) : sum)
  }

  /// The interval from `earlier` to `later`.
  @inlinable
  public static func - (later: Instant, earlier: Instant) -> Interval {
    Interval(nanoseconds: later.nanoseconds &- earlier.nanoseconds)
  }
}

/// A length of time in whole nanoseconds; 64 bits, cheap enough for per-packet arithmetic.
public struct Interval: Comparable, Hashable, Sendable {
  /// The length in nanoseconds; may be negative.
  public var nanoseconds: Int64

  @inlinable
  public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  public static let zero = Interval(nanoseconds: 0)

  @inlinable
  public static func microseconds(_ count: Int64) -> Interval { Interval(nanoseconds: count &* 1_000) }
  @inlinable
  public static func milliseconds(_ count: Int64) -> Interval { Interval(nanoseconds: count &* 1_000_000) }
  @inlinable
  public static func seconds(_ count: Int64) -> Interval { Interval(nanoseconds: count &* 1_000_000_000) }

  /// The length in seconds, for printing and for rates.
  @inlinable
  public var inSeconds: Double { Double(nanoseconds) / 1e9 }
  /// The length in whole milliseconds, rounded towards zero.
  @inlinable
  public var inMilliseconds: Int64 { nanoseconds / 1_000_000 }
  /// The length in whole microseconds, rounded towards zero.
  @inlinable
  public var inMicroseconds: Int64 { nanoseconds / 1_000 }

  @inlinable
  public static func < (left: Interval, right: Interval) -> Bool { left.nanoseconds < right.nanoseconds }
  @inlinable
  public static func + (left: Interval, right: Interval) -> Interval {
    Interval(nanoseconds: left.nanoseconds &+ right.nanoseconds)
  }
  @inlinable
  public static func - (left: Interval, right: Interval) -> Interval {
    Interval(nanoseconds: left.nanoseconds &- right.nanoseconds)
  }
  @inlinable
  public static func * (interval: Interval, factor: Int64) -> Interval {
    Interval(nanoseconds: interval.nanoseconds &* factor)
  }
  @inlinable
  public static func / (interval: Interval, divisor: Int64) -> Interval {
    Interval(nanoseconds: interval.nanoseconds / divisor)
  }
}
