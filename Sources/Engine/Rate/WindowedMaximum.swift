import Basics

/// The highest value of a moving span of time, from three samples: Kathleen Nichols' algorithm, as Linux has it in
/// lib/win_minmax.c. The second and third best are kept so that something is there when the best one grows too old.
struct WindowedMaximum {
  private struct Sample {
    var value: Double
    var at: Instant
  }

  private var best = Sample(value: 0, at: .zero)
  private var second = Sample(value: 0, at: .zero)
  private var third = Sample(value: 0, at: .zero)

  var value: Double { best.value }

  /// Forgets all samples for this one.
  mutating func reset(_ value: Double, at now: Instant) {
    best = Sample(value: value, at: now)
    second = best
    third = best
  }

  /// Takes a sample; what is older than `span` no longer counts.
  mutating func update(_ value: Double, span: Interval, at now: Instant) {
    let sample = Sample(value: value, at: now)
    if value >= best.value || now - third.at > span {
      return reset(value, at: now)
    }
    if value >= second.value {
      second = sample
      third = sample
    } else if value >= third.value {
      third = sample
    }
    age(sample, span)
  }

  private mutating func age(_ sample: Sample, _ span: Interval) {
    let now = sample.at
    if now - best.at > span {
      best = second
      second = third
      third = sample
      if now - best.at > span {
        best = second
        second = third
      }
    } else if second.at == best.at, now - best.at > span / 4 {
      second = sample
      third = sample
    } else if third.at == second.at, now - best.at > span / 2 {
      third = sample
    }
  }
}
