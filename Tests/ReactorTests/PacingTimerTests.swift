import Basics
import Testing

@testable import Reactor

@Suite("A timer for pacing")
struct PacingTimerTests {
  @Test("It fires in order of its deadlines, never early, near and far", arguments: [0, 300, 2_900, 5_000])
  func order(microseconds: Int64) throws {
    let loop = try EventLoop()
    var fired: [Instant] = []
    var due: [Instant] = []
    var timer: PacingTimer?
    timer = PacingTimer(loop) {
      fired.append(loop.now)
      guard fired.count < 5 else { return loop.stop() }
      due.append(loop.now + .microseconds(microseconds))
      timer?.arm(at: due[fired.count])
    }
    due.append(loop.now + .microseconds(microseconds))
    timer?.arm(at: due[0])
    loop.run()
    for (instant, deadline) in zip(fired, due) { #expect(instant >= deadline) }
    #expect(fired.count == 5)
    #expect(timer?.deadline == nil)
  }

  @Test("A deadline that is moved counts, earlier or later; one that is forgotten does not")
  func moved() throws {
    let loop = try EventLoop()
    var order: [String] = []
    let forgotten = PacingTimer(loop) { order.append("forgotten") }
    let earlier = PacingTimer(loop) { order.append("earlier") }
    let later = PacingTimer(loop) {
      order.append("later")
      loop.stop()
    }
    let now = loop.now
    forgotten.arm(at: now + .milliseconds(1))
    earlier.arm(at: now + .milliseconds(2))
    later.arm(at: now + .microseconds(500))
    earlier.arm(at: now + .milliseconds(1))
    later.arm(at: now + .milliseconds(8))
    forgotten.disarm()
    loop.run()
    #expect(order == ["earlier", "later"])
  }
}
