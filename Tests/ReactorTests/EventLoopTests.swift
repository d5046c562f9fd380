import Basics
import Glibc
import Reactor
import Testing

@Suite struct EventLoopTests {
  @Test func aStopThatCameBeforeCounts() throws {
    let test = try TestLoop()
    test.loop.stop()
    #expect(test.run())
    var ran = false
    test.loop.defer {
      ran = true
      test.loop.stop()
    }
    #expect(test.run())
    #expect(ran)
  }

  @Test func timersFireInOrderAndNeverEarly() throws {
    let test = try TestLoop()
    let loop = test.loop
    let start = loop.now
    var fired: [(Int, Instant)] = []
    var timers: [LoopTimer] = []
    for delay in [12, 3, 7] {
      let timer = loop.makeTimer {
        fired.append((delay, loop.now))
        if fired.count == 3 { loop.stop() }
      }
      timer.arm(at: start + .milliseconds(Int64(delay)))
      timers.append(timer)
    }
    #expect(test.run())
    #expect(fired.map(\.0) == [3, 7, 12])
    for (delay, at) in fired { #expect(at >= start + .milliseconds(Int64(delay))) }
    #expect(timers.allSatisfy { $0.deadline == nil })
  }

  @Test func aTimerMovedLaterOrEarlierFiresOnceAtItsLastDeadline() throws {
    let test = try TestLoop()
    let loop = test.loop
    let start = loop.now
    var fired: [Instant] = []
    let timer = loop.makeTimer {
      fired.append(loop.now)
      loop.stop()
    }
    timer.arm(at: start + .milliseconds(2))
    timer.arm(at: start + .milliseconds(10))
    #expect(test.run())
    #expect(fired.count == 1 && fired[0] >= start + .milliseconds(10))
    timer.arm(after: .seconds(10))
    timer.arm(after: .milliseconds(1))
    #expect(test.run())
    #expect(fired.count == 2 && fired[1] < start + .seconds(5))
  }

  @Test func aDisarmedOrDroppedTimerNeverFires() throws {
    let test = try TestLoop()
    let loop = test.loop
    var fired = 0
    let disarmed = loop.makeTimer { fired += 1 }
    disarmed.arm(after: .milliseconds(1))
    disarmed.disarm()
    var dropped: LoopTimer? = loop.makeTimer { fired += 1 }
    dropped?.arm(after: .milliseconds(1))
    dropped = nil
    let end = loop.makeTimer { loop.stop() }
    end.arm(after: .milliseconds(5))
    #expect(test.run())
    #expect(fired == 0)
  }

  @Test func deferredWorkRunsBeforeWaitingAndLetsEventsThrough() throws {
    let test = try TestLoop()
    let loop = test.loop
    let (near, far) = socketPair()
    defer { close(near); close(far) }
    var rounds = 0
    // Work that queues itself for ever must not keep the descriptor's event from being seen.
    func again() {
      rounds += 1
      loop.defer(again)
    }
    let watcher = loop.watch(near) { _ in loop.stop() }
    watcher.interest = .writable
    loop.defer(again)
    #expect(test.run())
    #expect(rounds >= 1)
  }

  @Test func aWatcherCancelledInItsOwnHandlerOrByAnotherIsNotCalledAgain() throws {
    let test = try TestLoop()
    let loop = test.loop
    let (near, far) = socketPair()
    defer { close(near); close(far) }
    var calls: [String] = []
    var watchers: [IOWatcher] = []
    // Both are ready in one round; whichever comes first cancels both and drops the last references.
    for name in ["a", "b"] {
      let watcher = loop.watch(near) { _ in
        calls.append(name)
        for watcher in watchers { watcher.cancel() }
        watchers = []
        loop.defer { loop.stop() }
      }
      watchers.append(watcher)
    }
    for watcher in watchers { watcher.interest = .writable }
    #expect(test.run())
    #expect(calls.count == 1)
  }

  @Test func aDroppedWatcherLetsGoOfWhatItsHandlerHeld() throws {
    final class Owner {}
    let loop = try EventLoop()
    let (near, far) = socketPair()
    defer { close(near); close(far) }
    weak var observed: Owner?
    do {
      let owner = Owner()
      observed = owner
      let watcher = loop.watch(near) { _ in _ = owner }
      watcher.interest = .readable
    }
    #expect(observed == nil)
  }

  @Test func theLoopIsFreedWithItsLastWatcher() throws {
    weak var observed: EventLoop?
    do {
      let loop = try EventLoop()
      observed = loop
      let timer = loop.makeTimer {}
      timer.arm(after: .seconds(1))
      loop.defer { loop.stop() }
      loop.run()
    }
    #expect(observed == nil)
  }

  @Test func aDescriptorClosedUnderItsWatcherIsReportedNotWaitedFor() throws {
    let test = try TestLoop()
    let loop = test.loop
    let (near, far) = socketPair()
    defer { close(far) }
    var events: IOEvents?
    let watcher = loop.watch(near) { ready in
      events = ready
      loop.stop()
    }
    close(near)
    watcher.interest = .readable
    #expect(test.run())
    #expect(events == [.readable, .writable])
    #expect(watcher.interest == [])
  }

  @Test func aRegularFileIsAlwaysReady() throws {
    let test = try TestLoop()
    let descriptor = open("/proc/self/exe", O_RDONLY)
    defer { close(descriptor) }
    let watcher = test.loop.watch(descriptor) { _ in test.loop.stop() }
    watcher.interest = .readable
    #expect(test.run())
  }

  @Test func signalsArriveOnTheLoopAndTheDefaultReturnsAfterwards() throws {
    let test = try TestLoop()
    var count = 0
    let watcher = test.loop.onSignal(SIGUSR2) {
      count += 1
      test.loop.stop()
    }
    kill(getpid(), SIGUSR2)
    #expect(test.run())
    #expect(count == 1)
    watcher.cancel()
    var action = sigaction()
    sigaction(SIGUSR2, nil, &action)
    #expect(action.__sigaction_handler.sa_handler == nil)
  }
}
