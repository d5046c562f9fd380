import Basics
import Testing

@testable import Engine

@Suite("Pacing (RTE-9)") struct PacerTests {
  private static let datagram = 1_358

  /// What leaves until `end` when the pacer is asked at every `step`, or when it says, whichever is later.
  private static func sent(pace: Double, step: Interval, until end: Interval) -> (
    bytes: Int, longestBurst: Int
  ) {
    var pacer = Pacer()
    var now = Instant.zero
    var bytes = 0
    var longest = 0
    while now - .zero < end {
      var burst = 0
      while pacer.maySend(pace: pace, leastBurst: 2 * datagram, at: now) {
        pacer.didSend(datagram)
        burst += datagram
      }
      bytes += burst
      longest = max(longest, burst)
      now = max(pacer.nextBurstAt, now + step)
    }
    return (bytes, longest)
  }

  @Test func thePaceIsKeptAtEveryRate() {
    for pace in [125_000.0, 1_250_000, 12_500_000, 125_000_000, 1_000_000_000] {
      let (bytes, longest) = Self.sent(pace: pace, step: .microseconds(10), until: .seconds(1))
      #expect(Double(bytes) > 0.98 * pace && Double(bytes) < 1.03 * pace, "\(pace) B/s: \(bytes)")
      #expect(Double(longest) <= max(pace * 0.0006, 3 * Double(Self.datagram)), "\(pace) B/s: \(longest)")
    }
  }

  @Test func aTimerThatIsLateByAMillisecondLosesNothing() {
    let (bytes, _) = Self.sent(pace: 100_000_000, step: .milliseconds(1), until: .seconds(1))
    #expect(bytes > 98_000_000)
  }

  @Test func aLongSleepIsNotMadeGood() {
    let (bytes, longest) = Self.sent(pace: 100_000_000, step: .milliseconds(100), until: .seconds(1))
    #expect(longest <= 500_000 + Self.datagram)
    #expect(bytes < 7_000_000)
  }

  @Test func theHighestOfASpanIsForgottenWithIt() {
    var rates = WindowedMaximum()
    rates.update(100, span: .seconds(1), at: .zero)
    for tenth in 1...9 { rates.update(50, span: .seconds(1), at: .zero + .milliseconds(Int64(tenth * 100))) }
    #expect(rates.value == 100)
    for tenth in 10...21 {
      rates.update(50, span: .seconds(1), at: .zero + .milliseconds(Int64(tenth * 100)))
    }
    #expect(rates.value == 50)
    rates.reset(20, at: .zero + .seconds(3))
    #expect(rates.value == 20)
  }
}
