import SpecCompiler

/// One pair and its surroundings: a network that breaks and mends, budgets that may keep a probe waiting for any
/// time, answers that are lost, late or doubled, a session that gains and loses its direct path.
///
/// What needs real time or more than one pair is left to the simulator: how many probes a second the budgets allow
/// (of PRB-I1 the model sees that a pair adds at most one probe to the queue), and that payload leaves first (of
/// PRB-I2 it sees that a waiting probe holds up no step of the machine).
struct ProbingModel: Model {
  enum Choice {
    case event(ProbingNames.Event)
    case timer(Int)
    /// The budgets cover the probe that waits.
    case probeLeaves
    case answerArrives(Int)
    case answerArrivesTwice(Int)
    case answerIsLost(Int)
    case nonceIsForgotten(Int)
    case networkBreaks
    case networkMends
    case directGained
    case directLost
  }

  var machine: Interpreter

  /// - Throws: a diagnostic when the spec uses a name that the model does not know.
  init(_ spec: Spec) throws(Diagnostic) {
    machine = try Interpreter(spec, ProbingNames.vocabulary, errorInvariant: "PRB-I10")
  }

  var summary: String {
    "probing: 1 pair, \(ProbingWorld.nonces) nonces remembered, 1 probe waiting; the network, the budgets and "
      + "the direct path come and go, answers are lost, late and doubled without limit"
  }
  var broken: (invariant: String, reason: String)? { machine.broken }
  var rowsNotTaken: [String] { machine.rowsNotTaken }

  var goals: [Goal<ProbingWorld>] {
    [
      Goal(
        invariant: "PRB-I5", reason: "the pair works and is never proven", isPatient: true,
        concerns: { $0.isAllowed && $0.isWorking && !$0.isDirect && $0.state != .retired },
        isReached: { $0.state == .proven })
    ]
  }

  func initialWorlds() -> [ProbingWorld] {
    [(true, true), (true, false), (false, true)].map { isAllowed, isWorking in
      var world = ProbingWorld()
      world.isAllowed = isAllowed
      world.isWorking = isWorking
      return world
    }
  }

  /// On a healthy network budgets and answers are faster than any timer.
  func forEachChoice(in world: ProbingWorld, _ visit: (Choice, Weather) -> Void) {
    let quiet = !world.isWaiting && !world.answerIsInFlight
    for index in 0..<ProbingWorld.nonces {
      switch world[nonce: index] {
      case .none: break
      case .unanswered: visit(.nonceIsForgotten(index), .faulty)
      case .answerInFlight:
        visit(.answerArrives(index), .healthy)
        visit(.answerArrivesTwice(index), .faulty)
        visit(.answerIsLost(index), .faulty)
      case .copyInFlight:
        visit(.answerArrives(index), .faulty)
        visit(.answerIsLost(index), .faulty)
      }
    }
    if world.isWaiting { visit(.probeLeaves, .healthy) }
    for (timer, event) in machine.table.timerEvents.enumerated() where world.armed >> timer & 1 == 1 {
      let isShort = event == ProbingNames.Event.probeDue.rawValue
      visit(.timer(timer), quiet ? (isShort ? .healthy : .late) : .faulty)
    }
    visit(.event(.candidateSeen), world.state == .unknown ? .healthy : .faulty)
    visit(.event(.peerAsked), .faulty)
    visit(.event(.networkChanged), .faulty)
    // A pair is made of a candidate that was seen: nothing can be withdrawn before.
    if world.state != .unknown { visit(.event(.withdrawn), .faulty) }
    if !world.isDirect { visit(.event(.searchResumed), .faulty) }
    visit(world.isWorking ? .networkBreaks : .networkMends, .faulty)
    visit(world.isDirect ? .directLost : .directGained, .faulty)
  }

  mutating func apply(_ choice: Choice, to old: ProbingWorld) -> ProbingWorld {
    var world = old
    switch choice {
    case .event(let event): step(event, &world)
    case .timer(let timer):
      world.armed &= ~(1 << UInt8(timer))
      step(ProbingNames.Event.allCases[Int(machine.table.timerEvents[timer])], &world)
    case .probeLeaves: release(&world)
    case .answerArrives(let index):
      let isFresh = world[nonce: index] == .answerInFlight
      world[nonce: index] = .none
      step(.answer, isFresh: isFresh, &world)
    case .answerArrivesTwice(let index):
      world[nonce: index] = .copyInFlight
      step(.answer, isFresh: true, &world)
    case .answerIsLost(let index):
      world[nonce: index] = world[nonce: index] == .answerInFlight ? .unanswered : .none
    case .nonceIsForgotten(let index): world[nonce: index] = .none
    case .networkBreaks: world.isWorking = false
    case .networkMends: world.isWorking = true
    case .directGained: world.isDirect = true
    case .directLost:
      world.isDirect = false
      step(.searchResumed, &world)
    }
    return world
  }

  /// The probe that waits leaves, unless its pair is sounded no longer (PRB-2).
  private func release(_ world: inout ProbingWorld) {
    world.isWaiting = false
    guard world.state == .sounding else { return }
    let slots = 0..<ProbingWorld.nonces
    let slot =
      slots.first { world[nonce: $0] == .none } ?? slots.first { world[nonce: $0] == .copyInFlight }
      ?? slots.first { world[nonce: $0] == .unanswered } ?? 0
    world[nonce: slot] = world.isWorking ? .answerInFlight : .unanswered
  }

  func trace(of choice: Choice, in world: ProbingWorld) -> [String] {
    var copy = self
    copy.machine.startTracing()
    _ = copy.apply(choice, to: world)
    let surroundings: String? =
      switch choice {
      case .event, .timer: nil
      case .probeLeaves: "queue: the probe leaves"
      case .answerArrives(let index): "network: delivers the answer to nonce \(index)"
      case .answerArrivesTwice(let index): "network: doubles the answer to nonce \(index)"
      case .answerIsLost(let index): "network: loses the answer to nonce \(index)"
      case .nonceIsForgotten(let index): "nonce \(index) is forgotten"
      case .networkBreaks: "network: breaks"
      case .networkMends: "network: mends"
      case .directGained: "session: has a direct path"
      case .directLost: "session: loses its direct path"
      }
    return (surroundings.map { [$0] } ?? []) + copy.machine.steps
  }
}
