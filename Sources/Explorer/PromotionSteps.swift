/// What the actions of one step did.
private struct Done {
  var challenges = 0
  var checks = 0
  var reports = 0
  var declined = 0
  var stale = 0
  var chosen = 0
  var arms: UInt8 = 0
}

/// What happened, apart from the event's name.
private struct Occasion {
  var event: PromotionNames.Event
  var pair: Int
  var isDeclined: Bool
  var isBetter: Bool
  var isOutstanding: Bool
}

/// What a step of the promotion machine does to the world.
extension PromotionModel {
  private typealias Guard = PromotionNames.Guard

  /// The bit of the timer that causes `event`; no bit when none does.
  private func timer(_ event: PromotionNames.Event) -> UInt8 {
    machine.table.timerEvents.firstIndex(of: event.rawValue).map { 1 << $0 } ?? 0
  }

  mutating func step(
    _ event: PromotionNames.Event, pair: Int = 0, isBetter: Bool = false, isOutstanding: Bool = false,
    _ world: inout PromotionWorld
  ) {
    let before = world
    let isBarred = pair != 0 && before[pair: pair].isBarred
    let occasion = Occasion(
      event: event, pair: pair, isDeclined: before.isRelayOnly || isBarred, isBetter: isBetter && !isBarred,
      isOutstanding: isOutstanding)
    var holding: UInt8 = 0
    if occasion.isDeclined { holding |= 1 << Guard.isDeclined.rawValue }
    if occasion.isOutstanding { holding |= 1 << Guard.echoesOutstanding.rawValue }
    if occasion.isBetter { holding |= 1 << Guard.isClearlyBetter.rawValue }
    var done = Done()
    if let row = machine.row(state: before.state.rawValue, event: event.rawValue, holding: holding) {
      for number in machine.table.actions[row] {
        let action = PromotionNames.Action.allCases[Int(number)]
        if action == .armConfirming, done.arms & timer(.challengeDue) != 0 {
          machine.fail("PRM-I8", "the challenge timer starts with an old length")
        }
        world.armed = world.armed & ~machine.table.disarms[Int(number)] | machine.table.arms[Int(number)]
        done.arms |= machine.table.arms[Int(number)]
        perform(action, occasion, &done, &world)
      }
      world.state = PromotionNames.State.allCases[Int(machine.table.next[row])]
    }
    checkSending(occasion, before, world, done)
    checkChoices(occasion, before, world, done)
    checkMoves(occasion, before, world)
  }

  private mutating func perform(
    _ action: PromotionNames.Action, _ occasion: Occasion, _ done: inout Done, _ world: inout PromotionWorld
  ) {
    switch action {
    case .armChallenge, .armConfirming, .armCheck, .armSilence, .disarmChallenge, .disarmSilence: break
    case .chooseCandidate:
      done.chosen += 1
      if occasion.pair == 0 || world.candidate != 0 { machine.fail("PRM-I6", "chooses nobody, or a second") }
      world.candidate = occasion.pair
    case .adoptCandidate:
      if world.candidate == 0 { machine.fail("PRM-I6", "adopts nobody") }
      world.path = world.candidate
      world.candidate = 0
    case .barCandidate:
      if world.candidate == 0 { return machine.fail("PRM-I6", "bars nobody") }
      world[pair: world.candidate].isBarred = true
      world.candidate = 0
    case .sendChallenge:
      done.challenges += 1
      challenge(world.candidate != 0 ? world.candidate : world.payload == 0 ? world.path : 0, &world)
    case .sendCheck:
      done.checks += 1
      challenge(world.payload, &world)
    case .moveToPath:
      if world.path == 0 { machine.fail("PRM-I6", "moves to no path") }
      world.payload = world.path
    case .moveToRelay: world.payload = 0
    case .releasePath:
      if world.path == 0 { machine.fail("PRM-I6", "gives back no path") }
      // What is in flight over it would be repaired by nobody.
      if world.payload != 0 { machine.fail("PRM-I1", "gives back a path that carries payload") }
      world.path = 0
    case .reportDirect: report(world.payload, isDirect: true, &done, &world)
    case .reportRelayed: report(0, isDirect: false, &done, &world)
    case .countDeclined: done.declined += 1
    case .countStale: done.stale += 1
    }
  }

  private mutating func challenge(_ pair: Int, _ world: inout PromotionWorld) {
    if pair == 0 { return machine.fail("PRM-I8", "challenges nobody") }
    if world[pair: pair].isWorking {
      world[pair: pair].challenge = .echoInFlight
    } else if world[pair: pair].challenge == .none {
      world[pair: pair].challenge = .unanswered
    }
  }

  private mutating func report(
    _ place: Int, isDirect: Bool, _ done: inout Done, _ world: inout PromotionWorld
  ) {
    done.reports += 1
    if isDirect != (world.payload != 0) || place == world.told || done.reports > 1 {
      machine.fail("PRM-I5", "reports what did not happen, or twice")
    }
    world.told = place
  }
}

/// What a step of the promotion machine must keep.
extension PromotionModel {
  private mutating func checkSending(
    _ occasion: Occasion, _ before: PromotionWorld, _ after: PromotionWorld, _ done: Done
  ) {
    let challenges = done.arms & timer(.challengeDue) != 0 ? 1 : 0
    if done.challenges != challenges {
      machine.fail("PRM-I8", "\(done.challenges) challenges instead of \(challenges)")
    }
    let checks = occasion.event == .checkDue ? 1 : 0
    if done.checks != checks { machine.fail("PRM-I8", "\(done.checks) checks instead of \(checks)") }
    let counts = occasion.event == .challengeAnswered && occasion.isOutstanding
    let hears = (occasion.event == .pathHeard || occasion.event == .trafficResumed) && before.payload != 0
    let both = timer(.checkDue) | timer(.pathSilent)
    if counts || hears, before.state != .over, done.arms & both != both {
      machine.fail("PRM-I9", "\(occasion.event) does not start the check and silence timers")
    }
  }

  private mutating func checkChoices(
    _ occasion: Occasion, _ before: PromotionWorld, _ after: PromotionWorld, _ done: Done
  ) {
    let isAsked = occasion.event == .pathProven && (before.state == .relayed || before.state == .direct)
    let isWanted = before.state == .relayed ? !occasion.isDeclined : occasion.isBetter
    if done.chosen != (isAsked && isWanted ? 1 : 0) {
      machine.fail("PRM-I10", "chooses \(done.chosen) pairs")
    }
    if done.declined != (isAsked && !isWanted ? 1 : 0) {
      machine.fail("PRM-I10", "counts \(done.declined) declined pairs")
    }
    let isConfirming = before.candidate != 0 || before.state == .degraded
    let isStale = occasion.event == .challengeAnswered && !occasion.isOutstanding && isConfirming
    if done.stale != (isStale && before.state != .over ? 1 : 0) {
      machine.fail("PRM-I10", "counts \(done.stale) stale echoes")
    }
  }

  private mutating func checkMoves(
    _ occasion: Occasion, _ before: PromotionWorld, _ after: PromotionWorld
  ) {
    if before.state == .over {
      if before.bits != after.bits { machine.fail("PRM-I11", "the end changed") }
      return
    }
    if (after.state == .over) != (occasion.event == .sessionEnded) {
      machine.fail("PRM-I11", "\(after.state) after \(occasion.event)")
    }
    if after.state == .over { return }
    switch occasion.event {
    case .pathSilent, .pathLost:
      if after.payload != 0 { machine.fail("PRM-I7", "payload stays on the path after \(occasion.event)") }
      // A pair that is being confirmed stays so (PRM-9, PRM-11).
      if after.candidate != before.candidate { machine.fail("PRM-I12", "the candidate changed") }
    case .confirmOver, .candidateLost:
      if after.candidate != 0 { machine.fail("PRM-I12", "still a candidate after \(occasion.event)") }
      if after.payload != before.payload { machine.fail("PRM-I12", "payload moved by \(occasion.event)") }
    case .challengeAnswered where occasion.isOutstanding:
      if after.payload != occasion.pair { machine.fail("PRM-I12", "an answer that counts moves nothing") }
    default: break
    }
  }

  mutating func checkWorld(_ world: PromotionWorld) {
    if world.armed != machine.table.armedIn[Int(world.state.rawValue)] {
      machine.fail("PRM-I4", "\(world.state) with the wrong timers armed")
    }
    guard world.state != .over else { return }
    for number in [world.path, world.candidate] where number != 0 && world[pair: number].isGone {
      machine.fail("PRM-I7", "still holds pair \(number), which is gone")
    }
    if world.payload != 0 {
      if !world[pair: world.payload].hasAnswered || world.isRelayOnly {
        machine.fail("PRM-I2", "payload goes over a path that has not answered")
      }
    }
    if world.told != world.payload { machine.fail("PRM-I5", "the host was told something else") }
    let isDirect = world.state == .direct || world.state == .upgrading
    if world.payload != (isDirect ? world.path : 0) {
      machine.fail("PRM-I6", "payload goes elsewhere than \(world.state) says")
    }
    if (world.path != 0) != (isDirect || world.state == .degraded) {
      machine.fail("PRM-I6", "\(world.state) with path \(world.path)")
    }
    if (world.candidate != 0) != (world.state == .confirming || world.state == .upgrading)
      || world.candidate != 0 && world.candidate == world.path
    {
      machine.fail("PRM-I6", "\(world.state) with candidate \(world.candidate)")
    }
  }
}
