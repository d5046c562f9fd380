import Basics

/// Smoothed round trip and its variation, as RFC 9002 section 5 computes them.
struct RoundTripEstimator {
  /// The estimate before any sample (RFC 9002 section 6.2.2).
  static let initial = Interval.milliseconds(333)
  /// How long the peer may hold an acknowledgement back.
  static let maximumAcknowledgementDelay = Interval.milliseconds(5)
  /// Timers are never finer than this; it absorbs the scheduling of a busy machine.
  static let granularity = Interval.milliseconds(20)

  private(set) var smoothed = RoundTripEstimator.initial
  private(set) var variation = RoundTripEstimator.initial / 2
  private(set) var latest = RoundTripEstimator.initial
  /// The smallest sample so far.
  private(set) var minimum: Interval?

  /// Whether any sample was taken.
  var isMeasured: Bool { minimum != nil }

  /// Takes a sample; `delay` is how long the peer says that it held its answer back.
  mutating func sample(_ roundTrip: Interval, delay: Interval) {
    let measured = max(roundTrip, .microseconds(1))
    latest = measured
    guard let lowest = minimum else {
      minimum = measured
      smoothed = measured
      variation = measured / 2
      return
    }
    minimum = min(lowest, measured)
    var adjusted = measured
    let honoured = min(delay, Self.maximumAcknowledgementDelay)
    if measured - honoured >= lowest { adjusted = measured - honoured }
    let difference = max(smoothed - adjusted, adjusted - smoothed)
    variation = (variation * 3 + difference) / 4
    smoothed = (smoothed * 7 + adjusted) / 8
  }

  /// How long to wait for an acknowledgement before a probe is sent (RFC 9002 section 6.2.1), without back-off.
  var probeTimeout: Interval {
    smoothed + max(variation * 4, Self.granularity) + Self.maximumAcknowledgementDelay
  }

  /// A packet sent before an acknowledged one is lost after this long (RFC 9002 section 6.1.2).
  var lossDelay: Interval {
    max(max(smoothed, latest) * 9 / 8, .milliseconds(1))
  }
}
