import SpecCompiler

/// The rate machine's names, as far as the model gives them a meaning.
enum RateNames {
  enum State: UInt8, CaseIterable {
    case startup, draining, cruising, raising, lowering, sounding
  }
  enum Event: UInt8, CaseIterable {
    case plateauReached, congested, drained, cruiseOver, raiseOver, baseStale, baseSounded
  }
  enum Guard: UInt8, CaseIterable {
    case isGrowing, isUseless
  }
  enum Action: UInt8, CaseIterable {
    case lowerCeiling, restrain, release, stepUp, beginPhase, lengthenCruise, shortenCruise, refreshBase
  }

  static let vocabulary = Vocabulary(
    states: State.allCases.map { "\($0)" }, events: Event.allCases.map { "\($0)" },
    guards: Guard.allCases.map { "\($0)" }, actions: Action.allCases.map { "\($0)" })
}

/// Where one path's rate control stands.
struct RateWorld: PackedWorld {
  var bits: UInt64 = 0
  var digest: UInt64 { bits }

  var state: RateNames.State {
    get { RateNames.State(rawValue: bits[0, 3]) ?? .startup }
    set { bits[0, 3] = newValue.rawValue }
  }
  /// Whether the first search was left.
  var hasSearched: Bool {
    get { bits[flag: 3] }
    set { bits[flag: 3] = newValue }
  }
  /// Whether the pace is restrained.
  var isRestrained: Bool {
    get { bits[flag: 4] }
    set { bits[flag: 4] = newValue }
  }
}

/// One path whose rate, losses and queue do whatever they like, in any order that the host can report.
///
/// The machine sees no figures; that the law reaches its goals is for the model of bottlenecks in the simulator.
struct RateModel: Model {
  /// Something that the host reports, and what holds then.
  struct Choice {
    var event: RateNames.Event
    var isGrowing = false
    var isUseless = false
  }

  var machine: Interpreter

  /// - Throws: a diagnostic when the spec uses a name that the model does not know.
  init(_ spec: Spec) throws(Diagnostic) {
    machine = try Interpreter(spec, RateNames.vocabulary, errorInvariant: "RTE-I9")
  }

  var summary: String { "rate: 1 path; what it delivers, loses and delays is arbitrary" }
  var broken: (invariant: String, reason: String)? { machine.broken }
  var rowsNotTaken: [String] { machine.rowsNotTaken }

  var goals: [Goal<RateWorld>] {
    [
      Goal(
        invariant: "RTE-I2", reason: "cruising is never reached again", isPatient: true,
        concerns: { _ in true }, isReached: { $0.state == .cruising })
    ]
  }

  func initialWorlds() -> [RateWorld] { [RateWorld()] }

  func forEachChoice(in world: RateWorld, _ visit: (Choice, Weather) -> Void) {
    visit(Choice(event: .congested), .faulty)
    switch world.state {
    case .startup: visit(Choice(event: .plateauReached), .healthy)
    case .draining, .lowering: visit(Choice(event: .drained), .healthy)
    case .cruising:
      visit(Choice(event: .cruiseOver), .healthy)
      visit(Choice(event: .baseStale), .late)
    case .raising:
      visit(Choice(event: .raiseOver), .healthy)
      visit(Choice(event: .raiseOver, isUseless: true), .faulty)
      visit(Choice(event: .raiseOver, isGrowing: true), .faulty)
    case .sounding: visit(Choice(event: .baseSounded), .healthy)
    }
  }

  mutating func apply(_ choice: Choice, to old: RateWorld) -> RateWorld {
    var world = old
    var holding: UInt8 = 0
    if choice.isGrowing { holding |= 1 << RateNames.Guard.isGrowing.rawValue }
    if choice.isUseless { holding |= 1 << RateNames.Guard.isUseless.rawValue }
    var actions: [RateNames.Action] = []
    if let row = machine.row(state: old.state.rawValue, event: choice.event.rawValue, holding: holding) {
      actions = machine.table.actions[row].map { RateNames.Action.allCases[Int($0)] }
      world.state = RateNames.State.allCases[Int(machine.table.next[row])]
    }
    if world.state != .startup { world.hasSearched = true }
    if actions.contains(.release) { world.isRestrained = false }
    if actions.contains(.restrain) { world.isRestrained = true }
    checkWay(choice, old.state, world.state)
    checkActions(choice, old.state, world.state, actions)
    return world
  }

  /// Where the state may lead, by what.
  private mutating func checkWay(_ choice: Choice, _ before: RateNames.State, _ after: RateNames.State) {
    if before == .startup, after != .draining {
      machine.fail("RTE-I1", "the first search leads to \(after)")
    }
    if after == .startup { machine.fail("RTE-I1", "searches anew") }
    let isCongested = choice.event == .congested
    if isCongested {
      let expected: RateNames.State =
        before == .startup ? .draining : before == .raising ? .lowering : before
      if after != expected { machine.fail("RTE-I4", "congestion leads from \(before) to \(after)") }
      return
    }
    let expected: RateNames.State
    switch before {
    case .startup: return
    case .draining, .lowering: expected = .cruising
    case .cruising:
      if choice.event == .baseStale || after == .sounding {
        if choice.event != .baseStale || after != .sounding {
          machine.fail("RTE-I7", "\(choice.event) leads to \(after)")
        }
        return
      }
      expected = .raising
    case .raising: expected = choice.isGrowing ? .raising : .lowering
    case .sounding:
      if after != .cruising { machine.fail("RTE-I7", "a sounding leads to \(after)") }
      return
    }
    if after != expected { machine.fail("RTE-I3", "\(before) leads to \(after)") }
  }

  /// What has to be done meanwhile, and nothing else.
  private mutating func checkActions(
    _ choice: Choice, _ before: RateNames.State, _ after: RateNames.State, _ actions: [RateNames.Action]
  ) {
    let isCongested = choice.event == .congested
    let endsTrial = choice.event == .raiseOver || isCongested && before == .raising
    let isVain = isCongested || choice.isUseless
    func hold(_ action: RateNames.Action, _ isWanted: Bool, _ invariant: String) {
      let count = actions.count { $0 == action }
      if count != (isWanted ? 1 : 0) { machine.fail(invariant, "\(action) \(count) times in \(before)") }
    }
    hold(.lowerCeiling, isCongested, "RTE-I4")
    hold(.restrain, isCongested && (before == .cruising || before == .lowering), "RTE-I5")
    hold(.release, choice.event == .cruiseOver, "RTE-I5")
    hold(.stepUp, endsTrial && choice.isGrowing, "RTE-I6")
    hold(.lengthenCruise, endsTrial && isVain, "RTE-I6")
    hold(.shortenCruise, endsTrial && !isVain, "RTE-I6")
    hold(.refreshBase, choice.event == .baseSounded, "RTE-I7")
    hold(.beginPhase, after != before || endsTrial, "RTE-I8")
  }

  mutating func checkWorld(_ world: RateWorld) {
    if world.state == .startup, world.hasSearched { machine.fail("RTE-I1", "searches anew") }
    if world.state == .raising, world.isRestrained { machine.fail("RTE-I5", "a restrained trial") }
  }

  func trace(of choice: Choice, in world: RateWorld) -> [String] {
    var copy = self
    copy.machine.startTracing()
    _ = copy.apply(choice, to: world)
    return copy.machine.steps
  }
}
