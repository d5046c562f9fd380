import Basics
import Testing

@testable import Engine

@Suite struct SendWindowTests {
  /// A transfer of a gigabyte through a relay that dropped once ended in an overflow of the ceiling.
  @Test func theCeilingOfOneLossIsForgottenInTheLongRun() {
    var window = SendWindow()
    let roundTrip = Interval.milliseconds(10)
    window.delivered(acknowledged: 1_000_000, bytesPerSecond: 1e9, sourceLimited: false)
    window.lost(inFlight: 1_000_000)
    window.roundEnded()
    let afterLoss = window.size(minimumRoundTrip: roundTrip)
    for _ in 0..<10_000 {
      window.delivered(acknowledged: 1_000_000, bytesPerSecond: 1e9, sourceLimited: false)
      window.roundEnded()
    }
    #expect(window.size(minimumRoundTrip: roundTrip) > afterLoss)
    #expect(window.size(minimumRoundTrip: roundTrip) == 20_000_000)
  }

  @Test func framesShrinkOnASlowLinkAndGrowOnAFastOne() {
    var slow = SendWindow()
    slow.delivered(acknowledged: 8_192, bytesPerSecond: 125_000, sourceLimited: false)
    #expect(slow.framePayload == SendWindow.minimumPayload)
    var fast = SendWindow()
    fast.delivered(acknowledged: 8_192, bytesPerSecond: 1e9, sourceLimited: false)
    #expect(fast.framePayload > 65_000)
  }

  @Test func beforeAnyMeasurementTwentyFourSmallFramesMayBeInFlight() {
    #expect(SendWindow().size(minimumRoundTrip: nil) == 24 * 8_192)
  }
}
