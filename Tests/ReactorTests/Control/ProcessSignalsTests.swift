import Glibc
import Reactor
import Testing

@Suite struct ProcessSignalsTests {
  /// One test for all: a signal belongs to one loop at a time.
  @Test func signalsAreEventsAndTheSecondDoesNotWait() throws {
    let test = try TestLoop()
    var events: [ProcessSignals.Event] = []
    let signals = ProcessSignals(test.loop) { events.append($0) }
    for (number, count) in [(SIGHUP, 1), (SIGHUP, 2), (SIGTERM, 3)] {
      kill(getpid(), number)
      #expect(test.run { events.count == count })
    }
    // Reading files again is for those who stay.
    kill(getpid(), SIGHUP)
    kill(getpid(), SIGINT)
    #expect(test.run { events.count == 4 })
    #expect(events == [.reload, .reload, .stop(status: 143), .stopAtOnce(status: 130)])
    signals.cancel()
    var action = sigaction()
    sigaction(SIGHUP, nil, &action)
    #expect(action.__sigaction_handler.sa_handler == nil)
  }
}
