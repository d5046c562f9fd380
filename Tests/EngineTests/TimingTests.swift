import Basics
import Testing

@testable import Engine

private func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

@Suite("Round trips")
struct RoundTripEstimatorTests {
  @Test("Before any sample the estimate is that of RFC 9002, section 6.2.2")
  func initial() {
    let estimator = RoundTripEstimator()
    #expect(!estimator.isMeasured)
    #expect(estimator.smoothed == .milliseconds(333))
    #expect(estimator.probeTimeout >= .milliseconds(999))
  }

  @Test("The first sample is taken whole, later ones by an eighth (RFC 9002, section 5.3)")
  func smoothing() {
    var estimator = RoundTripEstimator()
    estimator.sample(.milliseconds(100), delay: .zero)
    #expect(estimator.smoothed == .milliseconds(100))
    #expect(estimator.variation == .milliseconds(50))
    estimator.sample(.milliseconds(180), delay: .zero)
    #expect(estimator.smoothed == .milliseconds(110))
    #expect(estimator.variation == .microseconds(57_500))
    #expect(estimator.minimum == .milliseconds(100))
  }

  @Test("The peer's delay is believed only up to its limit, and never below the smallest round trip")
  func delay() {
    var estimator = RoundTripEstimator()
    estimator.sample(.milliseconds(100), delay: .zero)
    estimator.sample(.milliseconds(108), delay: .seconds(10))
    #expect(estimator.smoothed == .microseconds(100_375))
    estimator.sample(.milliseconds(100), delay: .milliseconds(5))
    #expect(estimator.minimum == .milliseconds(100))
  }

  @Test("A sample of zero, or a negative one, does no harm")
  func degenerate() {
    var estimator = RoundTripEstimator()
    estimator.sample(.zero, delay: .zero)
    estimator.sample(.zero - .seconds(1), delay: .seconds(1))
    #expect(estimator.smoothed > .zero)
    #expect(estimator.probeTimeout >= RoundTripEstimator.granularity)
    #expect(estimator.lossDelay >= .milliseconds(1))
  }
}

extension TokenBucket {
  /// `isOpen`, asked of a copy.
  fileprivate func admits(at now: Instant) -> Bool {
    var copy = self
    return copy.isOpen(at: now)
  }
}

@Suite("Token bucket")
struct TokenBucketTests {
  @Test("It opens again when enough has flowed in, and says when")
  func refill() throws {
    var bucket = TokenBucket(bytesPerSecond: 100_000, burst: 100_000, at: at(0))
    #expect(bucket.admits(at: at(0)))
    #expect(bucket.opensAt == nil)
    bucket.take(90_000)
    #expect(!bucket.admits(at: at(0)))
    let opens = try #require(bucket.opensAt)
    #expect(!bucket.admits(at: opens - .milliseconds(1)))
    #expect(bucket.admits(at: opens))
  }

  @Test("A burst smaller than a packet does not block for ever")
  func smallBurst() throws {
    var bucket = TokenBucket(bytesPerSecond: 1_000, burst: 10, at: at(0))
    #expect(bucket.admits(at: at(0)))
    bucket.take(1_000)
    let opens = try #require(bucket.opensAt)
    #expect(bucket.admits(at: opens))
    #expect(opens - at(0) <= .milliseconds(1_010))
  }

  @Test("Idle time gives no more than the burst, and time that runs backwards gives nothing")
  func bounds() {
    var bucket = TokenBucket(bytesPerSecond: 1_000_000, burst: 70_000, at: at(1_000))
    #expect(bucket.admits(at: at(3_600_000)))
    _ = bucket.isOpen(at: at(3_600_000))
    bucket.take(70_000)
    #expect(!bucket.admits(at: at(3_600_000)))
    _ = bucket.isOpen(at: at(0))
    #expect(!bucket.admits(at: at(3_600_000)))
  }
}

extension Instant {
  fileprivate static func - (instant: Instant, interval: Interval) -> Instant {
    instant + (.zero - interval)
  }
}

@Suite("Dialling the relay again")
struct RelayScheduleTests {
  @Test("Attempts back off from 50 ms to 5 s, with jitter of half the delay at most")
  func backoff() throws {
    var random = SeededGenerator(seed: 1)
    var schedule = RelaySchedule()
    var now = at(0)
    var expected = Interval.milliseconds(50)
    var attempts = 0
    while schedule.lost(at: now, isNeeded: true, random: &random) {
      let dialAt = try #require(schedule.dialAt)
      #expect(dialAt - now >= expected)
      #expect(dialAt - now <= expected + expected / 2)
      expected = min(expected * 2, .seconds(5))
      schedule.dialling()
      #expect(schedule.dialAt == nil)
      now = dialAt
      attempts += 1
    }
    // Given up after a minute without success, not before.
    #expect(now - at(0) >= .seconds(60))
    #expect(now - at(0) <= .seconds(68))
    #expect(attempts > 10)
  }

  @Test("A success makes the next loss start afresh")
  func success() throws {
    var random = SeededGenerator(seed: 1)
    var schedule = RelaySchedule()
    for second in 0..<50 { _ = schedule.lost(at: at(Int64(second) * 1_000), isNeeded: true, random: &random) }
    schedule.established()
    let goesOn = schedule.lost(at: at(200_000), isNeeded: true, random: &random)
    #expect(goesOn)
    #expect(try #require(schedule.dialAt) - at(200_000) <= .milliseconds(75))
  }
}
