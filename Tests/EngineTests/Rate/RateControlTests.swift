import Basics
import Machines
import Testing

@testable import Engine

/// Rate control alone, told of a path that delivers at a fixed rate.
@Suite struct RateControlTests {
  private static let frame = 1_358

  /// A path with an endless source, in rounds of ten milliseconds.
  private struct Path {
    var control = RateControl(framePayload: frame, roundTrip: .milliseconds(20), at: .zero)
    var now = Instant.zero
    var states: [RateMachine.State] = []

    /// Lets `turns` round trips pass in which the path delivers `rate` and loses a part.
    mutating func pass(
      _ turns: Int, rate: Double, loss: Double = 0, roundTrip: Interval = .milliseconds(20)
    ) {
      for _ in 0..<turns * 4 {
        now = now + roundTrip / 4
        let all = max(Int(rate * (roundTrip / 4).inSeconds), 2 * frame)
        let lost = Int(Double(all) * loss)
        if lost > 0 { control.lost(lost, inFlight: Int(rate * roundTrip.inSeconds)) }
        control.acknowledged(
          RateControl.Sample(
            delivered: all - lost, bytesPerSecond: rate * (1 - loss), roundTrip: roundTrip,
            bytesInFlight: Int(rate * roundTrip.inSeconds / 2), isLimited: false), at: now)
        if states.last != control.machine.state { states.append(control.machine.state) }
      }
    }

    /// Lets the first search find the rate, and the queue that it makes.
    mutating func search(_ rate: Double) {
      pass(6, rate: rate)
      pass(8, rate: rate, roundTrip: .milliseconds(30))
      pass(6, rate: rate)
    }
  }

  @Test("RTE-2: without a queue the search goes on, however long the rate stays the same")
  func noQueue() {
    var path = Path()
    path.pass(100, rate: 8e6)
    #expect(path.states == [.startup])
  }

  @Test("RTE-1: at first sixteen datagrams may be in flight, and ten of them leave at once")
  func theFirstWindow() {
    var control = RateControl(framePayload: Self.frame, roundTrip: .milliseconds(100), at: .zero)
    #expect(control.window == 16 * Self.frame)
    var sent = 0
    while control.maySend(at: .zero) {
      control.didSend(Self.frame)
      sent += 1
    }
    #expect(sent == 10)
    #expect(control.nextSendAt > .zero && control.nextSendAt < .zero + .milliseconds(100))
  }

  @Test("A round trip of nothing is paced like a very short one")
  func noRoundTrip() {
    var control = RateControl(framePayload: Self.frame, roundTrip: .zero, at: .zero)
    var sent = 0
    while control.maySend(at: .zero), sent < 100 {
      control.didSend(Self.frame)
      sent += 1
    }
    #expect(sent < 100)
    #expect(control.pace.isFinite)
  }

  @Test("RTE-2, RTE-4: a rate that no longer grows ends the search, and the queue is drained before cruising")
  func plateau() {
    var path = Path()
    for rate in [1e5, 2e5, 4e5, 8e5] { path.pass(1, rate: rate) }
    #expect(path.states == [.startup])
    path.pass(6, rate: 8e5, roundTrip: .milliseconds(30))
    path.pass(8, rate: 8e5)
    #expect(Array(path.states.prefix(3)) == [.startup, .draining, .cruising])
    #expect(path.control.rate == 8e5)
  }

  @Test("RTE-3: heavy loss ends the search at once, and restrains the pace later on")
  func congestion() {
    var path = Path()
    path.pass(2, rate: 8e6)
    path.pass(1, rate: 8e6, loss: 0.4)
    #expect(path.states.contains(.draining))
    path.pass(12, rate: 8e6)
    #expect(path.control.machine.state == .cruising)
    let pace = path.control.pace
    path.pass(2, rate: 8e6, loss: 0.4)
    #expect(path.control.machine.state == .cruising)
    #expect(path.control.pace < 0.85 * pace)
  }

  @Test(
    "RTE-5: trials follow each other in steps while they find more; each other one is followed by lowering")
  func trials() {
    var path = Path()
    path.search(8e6)
    var turns = 0
    while path.control.machine.state != .raising, turns < 500 {
      path.pass(1, rate: 8e6)
      turns += 1
    }
    #expect(path.control.machine.state == .raising)
    for step in 1...4 {
      path.pass(2, rate: 8e6 * (1 + Double(step) * 0.3))
      #expect(path.control.machine.state == .raising)
    }
    path.pass(5, rate: 8e6)
    #expect(
      Array(path.states.suffix(2)) == [.raising, .lowering] || path.states.suffix(3).contains(.lowering))
  }

  @Test("RTE-6: trials that only lose come later and later")
  func uselessTrials() {
    /// How many turns pass until the fourth trial.
    func turns(lossInTrials: Double) -> Int {
      var path = Path()
      path.search(8e6)
      var turns = 0
      while path.states.count(where: { $0 == .raising }) < 4, turns < 2_000 {
        path.pass(1, rate: 8e6, loss: path.control.machine.state == .raising ? lossInTrials : 0)
        turns += 1
      }
      return turns
    }
    #expect(turns(lossInTrials: 0.3) > turns(lossInTrials: 0) * 3 / 2)
  }

  @Test("RTE-7: a round trip that stays longer is sounded, and believed afterwards")
  func sounding() {
    var path = Path()
    path.search(8e6)
    let window = path.control.window
    path.pass(300, rate: 8e6, roundTrip: .milliseconds(60))
    #expect(path.states.contains(.sounding))
    #expect(path.states.last != .sounding)
    #expect(path.control.window > 2 * window)
  }

  @Test("RTE-8: loss that is always there does not lower the rate")
  func usualLoss() {
    var path = Path()
    path.pass(400, rate: 8e6, loss: 0.05)
    #expect(path.control.rate > 7.5e6)
    #expect(path.control.window > Int(2 * 7.5e6 * 0.02))
  }

  @Test("RTE-10: what the host must not tell is reported as a protocol error")
  func protocolErrors() {
    var machine = RateMachine()
    let step = machine.handle(.baseSounded) { _ in false }
    #expect(step.kind == .protocolError)
    #expect(machine.state == .startup)
  }
}
