/// What a step of the probing machine does to the world, and which invariants it must keep.
extension ProbingModel {
  private typealias Guard = ProbingNames.Guard

  /// What the actions of one step did.
  private struct Done {
    var probes = 0
    var roundTrips = 0
    var reports = 0
    var refused = 0
    var stale = 0
    var arms: UInt8 = 0
    var actions: [ProbingNames.Action] = []
  }

  /// The bit of the timer that causes `event`; no bit when none does.
  private func timer(_ event: ProbingNames.Event) -> UInt8 {
    machine.table.timerEvents.firstIndex(of: event.rawValue).map { 1 << $0 } ?? 0
  }

  mutating func step(_ event: ProbingNames.Event, isFresh: Bool = false, _ world: inout ProbingWorld) {
    let before = world
    var holding: UInt8 = 0
    if before.isAllowed { holding |= 1 << Guard.isAllowed.rawValue }
    if before.isWaiting { holding |= 1 << Guard.isWaiting.rawValue }
    if isFresh { holding |= 1 << Guard.isFresh.rawValue }
    if before.isDirect { holding |= 1 << Guard.isDirect.rawValue }
    var done = Done()
    if let row = machine.row(state: before.state.rawValue, event: event.rawValue, holding: holding) {
      for number in machine.table.actions[row] {
        world.armed = world.armed & ~machine.table.disarms[Int(number)] | machine.table.arms[Int(number)]
        done.arms |= machine.table.arms[Int(number)]
        perform(ProbingNames.Action.allCases[Int(number)], event, &done, &world)
      }
      world.state = ProbingNames.State.allCases[Int(machine.table.next[row])]
    }
    // What waits is dropped when its pair is no longer sounded (PRB-2).
    if world.state != .sounding { world.isWaiting = false }
    checkProbes(event, before, world, done)
    checkProof(event, isFresh, before, world, done)
    checkEnds(event, before, world, done)
  }

  private mutating func perform(
    _ action: ProbingNames.Action, _ event: ProbingNames.Event, _ done: inout Done,
    _ world: inout ProbingWorld
  ) {
    switch action {
    case .armRest, .armRefresh, .disarmTimers: break
    case .armSounding:
      if done.actions.contains(.armProbe) {
        machine.fail("PRB-I8", "the probe timer starts with an old length")
      }
    case .armProbe: break
    case .sendProbe:
      done.probes += 1
      if event == .probeDue, world.isWaiting { machine.fail("PRB-I1", "a second probe waits") }
      world.isWaiting = true
    case .noteRoundTrip: done.roundTrips += 1
    case .reportProven: done.reports += 1
    case .countRefused: done.refused += 1
    case .countStale: done.stale += 1
    }
    done.actions.append(action)
  }

  private mutating func checkProbes(
    _ event: ProbingNames.Event, _ before: ProbingWorld, _ after: ProbingWorld, _ done: Done
  ) {
    if done.probes > 0, !before.isAllowed || after.state != .sounding {
      machine.fail("PRB-I6", "sends a probe and is \(after.state)")
    }
    let armsProbe = done.arms & timer(.probeDue) != 0
    let wanted = armsProbe && !(event == .probeDue && before.isWaiting) ? 1 : 0
    // A probe that waits holds up neither the timer nor the machine (PRB-I2).
    if event == .probeDue, before.state == .sounding, !armsProbe {
      machine.fail("PRB-I2", "the probe timer does not run on")
    }
    if done.probes != wanted { machine.fail("PRB-I8", "\(done.probes) probes instead of \(wanted)") }
    let soundsAnew = after.state == .sounding && (before.state != .sounding || event == .networkChanged)
    let both = timer(.probeDue) | timer(.soundingOver)
    if soundsAnew, done.arms & both != both { machine.fail("PRB-I8", "the sounding does not start anew") }
    let voids = event == .networkChanged || event == .searchResumed
    if voids, after.state == .proven || after.state == .suppressed {
      machine.fail("PRB-I9", "still \(after.state) after \(event)")
    }
    guard before.state == .suppressed || before.state == .proven else { return }
    if event == .restOver || event == .peerAsked && before.state == .suppressed || event == .refreshDue {
      if before.isDirect, after.state != before.state {
        machine.fail("PRB-I7", "\(after.state) after \(event) although the session is direct")
      }
      if !before.isDirect, after.state != .sounding {
        machine.fail("PRB-I9", "still \(after.state) after \(event)")
      }
    }
  }

  private mutating func checkProof(
    _ event: ProbingNames.Event, _ isFresh: Bool, _ before: ProbingWorld, _ after: ProbingWorld, _ done: Done
  ) {
    let takesAnswers = before.state != .unknown && before.state != .retired
    let proves = event == .answer && isFresh && takesAnswers
    if (after.state == .proven && before.state != .proven || done.reports > 0) && !proves {
      machine.fail("PRB-I3", "proven without a new answer")
    }
    if proves, after.state != .proven { machine.fail("PRB-I3", "not proven by an answer that counts") }
    let reports = proves && before.state != .proven ? 1 : 0
    if done.reports != reports { machine.fail("PRB-I3", "\(done.reports) reports instead of \(reports)") }
    if done.roundTrips != (proves ? 1 : 0) { machine.fail("PRB-I3", "\(done.roundTrips) round trips noted") }
    let stale = event == .answer && !isFresh && takesAnswers ? 1 : 0
    if done.stale != stale { machine.fail("PRB-I3", "\(done.stale) answers counted instead of \(stale)") }
  }

  private mutating func checkEnds(
    _ event: ProbingNames.Event, _ before: ProbingWorld, _ after: ProbingWorld, _ done: Done
  ) {
    let refuses = event == .candidateSeen && before.state == .unknown && !before.isAllowed
    if done.refused != (refuses ? 1 : 0) { machine.fail("PRB-I6", "\(done.refused) refusals counted") }
    let ends = refuses || event == .withdrawn
    if ends, after.state != .retired { machine.fail("PRB-I6", "still \(after.state) after \(event)") }
    if !ends, before.state != .retired, after.state == .retired {
      machine.fail("PRB-I10", "retired by \(event)")
    }
    if before.state == .retired, before != after || !done.actions.isEmpty {
      machine.fail("PRB-I10", "a retired pair changed")
    }
  }

  mutating func checkWorld(_ world: ProbingWorld) {
    if world.armed != machine.table.armedIn[Int(world.state.rawValue)] {
      machine.fail("PRB-I4", "\(world.state) with the wrong timers armed")
    }
  }
}
