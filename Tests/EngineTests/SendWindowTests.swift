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

@Suite("Send window of a direct path")
struct DirectSendWindowTests {
  @Test("Frames keep their size, 32 go out at first and 10 at least")
  func small() {
    var window = SendWindow(framePayload: 1_164)
    #expect(window.size(minimumRoundTrip: nil) == 32 * 1_164)
    window.delivered(acknowledged: 1_164, bytesPerSecond: 10_000, sourceLimited: false)
    #expect(window.framePayload == 1_164)
    for _ in 0..<100 {
      window.lost(inFlight: 1_164)
      window.roundEnded()
    }
    let least = window.size(minimumRoundTrip: .milliseconds(1))
    #expect(least >= 10 * 1_164 && least < 16 * 1_164)
    window.resizeFrames(1_400)
    #expect(window.framePayload == 1_400)
  }
}
