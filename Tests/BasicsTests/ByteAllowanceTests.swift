import Testing

@testable import Basics

@Suite struct ByteAllowanceTests {
  private func at(_ nanoseconds: Int64) -> Instant { Instant(nanoseconds: nanoseconds) }

  @Test func aPauseAllowsOneBurst() {
    var allowance = ByteAllowance(bytesPerSecond: 1_000_000, at: .zero)
    #expect(allowance.burst == 50_000)
    let first = allowance.bytes(at: .zero)
    allowance.take(first)
    let none = allowance.bytes(at: .zero)
    let late = allowance.bytes(at: .zero + .seconds(3_600))
    #expect([first, none, late] == [50_000, 0, 50_000])
  }

  @Test func timeAndBytesAgree() {
    for rate in [1, 3, 999, 1_000_003, 12_345_678_901, UInt64.max] as [UInt64] {
      var allowance = ByteAllowance(bytesPerSecond: rate, at: .zero)
      allowance.take(allowance.burst)
      for part in [1, allowance.burst / 3, allowance.burst] where part > 0 {
        let time = allowance.time(for: part)
        var early = allowance
        let before = early.bytes(at: time + Interval(nanoseconds: -1))
        let there = early.bytes(at: time)
        #expect(before < part || rate >= 1_000_000_000)
        #expect(there >= part, "\(rate) \(part)")
      }
    }
  }

  /// However often it is asked, no byte is lost or won.
  @Test(arguments: [7, 1_000, 999_983, 123_456_789] as [UInt64])
  func theRateHoldsInTheLongRun(rate: UInt64) {
    var random = SeededGenerator(seed: rate)
    var allowance = ByteAllowance(bytesPerSecond: rate, at: .zero)
    var now = Int64(0)
    var moved = UInt64(0)
    allowance.take(allowance.bytes(at: .zero))
    while now < 20_000_000_000 {
      now += Int64.random(in: 1...20_000_000, using: &random)
      let count = allowance.bytes(at: at(now))
      allowance.take(count)
      moved += UInt64(count)
    }
    let expected = Double(rate) * Double(now) / 1e9
    #expect(Double(moved) <= expected)
    #expect(Double(moved) >= expected - 2)
  }

  @Test func timeThatRunsBackwardsGivesNothing() {
    var allowance = ByteAllowance(bytesPerSecond: 1_000, at: .zero + .seconds(5))
    allowance.take(allowance.burst)
    let count = allowance.bytes(at: .zero)
    #expect(count == 0)
  }
}
