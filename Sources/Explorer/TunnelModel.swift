import SpecCompiler

/// The tunnel machine's names, as far as the model gives them a meaning.
enum TunnelNames {
  enum State: UInt8, CaseIterable {
    case idle, connecting, open, silent, resting, closed
  }
  enum Event: UInt8, CaseIterable {
    case start, established, ended, refused, silence, heard, restarted, windowElapsed, retryDue
    case networkChanged, stop
  }
  enum Guard: UInt8, CaseIterable {
    case mayRetry
  }
  enum Action: UInt8, CaseIterable {
    case startSession, endSession, armWindow, disarmWindow, armRetry, disarmRetry, resetPause
    case reportOpen, reportSilent, reportBack, reportLost, reportGivenUp, reportRefused
  }

  static let vocabulary = Vocabulary(
    states: State.allCases.map { "\($0)" }, events: Event.allCases.map { "\($0)" },
    guards: Guard.allCases.map { "\($0)" }, actions: Action.allCases.map { "\($0)" })
}

/// A client and what surrounds it.
struct TunnelWorld: PackedWorld {
  var bits: UInt64 = 0
  var digest: UInt64 { bits }

  var state: TunnelNames.State {
    get { TunnelNames.State(rawValue: bits[0, 3]) ?? .idle }
    set { bits[0, 3] = newValue.rawValue }
  }
  /// A session is there.
  var hasSession: Bool {
    get { bits[flag: 3] }
    set { bits[flag: 3] = newValue }
  }
  /// The server has let it in.
  var isLetIn: Bool {
    get { bits[flag: 4] }
    set { bits[flag: 4] = newValue }
  }
  /// The server is not heard.
  var isSilent: Bool {
    get { bits[flag: 5] }
    set { bits[flag: 5] = newValue }
  }
  var isWindowArmed: Bool {
    get { bits[flag: 6] }
    set { bits[flag: 6] = newValue }
  }
  var isRetryArmed: Bool {
    get { bits[flag: 7] }
    set { bits[flag: 7] = newValue }
  }
}

/// One client. Its server, its network and its user do whatever they like, in any order that a session can report.
struct TunnelModel: Model {
  struct Choice {
    var event: TunnelNames.Event
    var mayRetry = true
  }

  var machine: Interpreter

  /// - Throws: a diagnostic when the spec uses a name that the model does not know.
  init(_ spec: Spec) throws(Diagnostic) {
    machine = try Interpreter(spec, TunnelNames.vocabulary, errorInvariant: "TUN-I7")
  }

  var summary: String { "tunnel: 1 client; its server, network and user are arbitrary" }
  var broken: (invariant: String, reason: String)? { machine.broken }
  var rowsNotTaken: [String] { machine.rowsNotTaken }

  var goals: [Goal<TunnelWorld>] {
    [
      Goal(
        invariant: "TUN-I8", reason: "the tunnel is never open again", isPatient: true,
        concerns: { $0.state != .closed }, isReached: { $0.state == .open })
    ]
  }

  func initialWorlds() -> [TunnelWorld] { [TunnelWorld()] }

  func forEachChoice(in world: TunnelWorld, _ visit: (Choice, Weather) -> Void) {
    visit(Choice(event: .stop), .faulty)
    visit(Choice(event: .networkChanged), .faulty)
    if world.state == .idle { visit(Choice(event: .start), .healthy) }
    if world.isRetryArmed { visit(Choice(event: .retryDue), .healthy) }
    if world.isWindowArmed { visit(Choice(event: .windowElapsed), .late) }
    guard world.hasSession else { return }
    visit(Choice(event: .ended), .faulty)
    visit(Choice(event: .ended, mayRetry: false), .faulty)
    visit(Choice(event: .refused), .faulty)
    guard world.isLetIn else {
      visit(Choice(event: .established), .healthy)
      return
    }
    if world.isSilent {
      visit(Choice(event: .heard), .healthy)
      visit(Choice(event: .restarted), .faulty)
    } else {
      visit(Choice(event: .silence), .faulty)
    }
  }

  mutating func apply(_ choice: Choice, to old: TunnelWorld) -> TunnelWorld {
    var world = old
    let holding: UInt8 = choice.mayRetry ? 1 << TunnelNames.Guard.mayRetry.rawValue : 0
    happen(choice.event, in: &world)
    var actions: [TunnelNames.Action] = []
    if let row = machine.row(state: old.state.rawValue, event: choice.event.rawValue, holding: holding) {
      actions = machine.table.actions[row].map { TunnelNames.Action.allCases[Int($0)] }
      world.state = TunnelNames.State.allCases[Int(machine.table.next[row])]
    }
    for action in actions { perform(action, in: &world) }
    check(choice, old, world, actions)
    return world
  }

  /// What the event means for the surroundings, whatever the machine makes of it.
  private func happen(_ event: TunnelNames.Event, in world: inout TunnelWorld) {
    switch event {
    case .established: world.isLetIn = true
    case .ended, .refused:
      world.hasSession = false
      world.isLetIn = false
      world.isSilent = false
    case .silence: world.isSilent = true
    case .heard: world.isSilent = false
    case .windowElapsed: world.isWindowArmed = false
    case .retryDue: world.isRetryArmed = false
    case .start, .restarted, .networkChanged, .stop: break
    }
  }

  private mutating func perform(_ action: TunnelNames.Action, in world: inout TunnelWorld) {
    switch action {
    case .startSession:
      if world.hasSession { machine.fail("TUN-I1", "two sessions at once") }
      world.hasSession = true
    case .endSession:
      if !world.hasSession { machine.fail("TUN-I6", "a session is ended that is not there") }
      world.hasSession = false
      world.isLetIn = false
      world.isSilent = false
    case .armWindow: world.isWindowArmed = true
    case .disarmWindow: world.isWindowArmed = false
    case .armRetry: world.isRetryArmed = true
    case .disarmRetry: world.isRetryArmed = false
    case .resetPause, .reportOpen, .reportSilent, .reportBack, .reportLost, .reportGivenUp, .reportRefused:
      break
    }
  }

  private mutating func check(
    _ choice: Choice, _ before: TunnelWorld, _ after: TunnelWorld, _ actions: [TunnelNames.Action]
  ) {
    let event = choice.event
    if before.state == .closed {
      if after.state != .closed || !actions.isEmpty {
        machine.fail("TUN-I7", "\(event) wakes a closed client")
      }
      return
    }
    let hadLetIn = before.isLetIn
    if hadLetIn, !after.isLetIn,
      ![.ended, .refused, .restarted, .windowElapsed, .stop].contains(event)
    {
      machine.fail("TUN-I3", "\(event) ends what is open")
    }
    if event == .stop || event == .refused || event == .ended && !choice.mayRetry, after.state != .closed,
      before.hasSession || event == .stop
    {
      machine.fail("TUN-I4", "\(event) does not end the client")
    }
    func hold(_ action: TunnelNames.Action, _ isWanted: Bool, _ invariant: String) {
      let count = actions.count { $0 == action }
      if count != (isWanted ? 1 : 0) { machine.fail(invariant, "\(action) \(count) times at \(event)") }
    }
    let isOver = after.state == .closed
    hold(.reportOpen, event == .established, "TUN-I4")
    hold(.reportSilent, event == .silence, "TUN-I4")
    hold(.reportBack, event == .heard, "TUN-I4")
    hold(
      .reportLost, event == .restarted || event == .windowElapsed || event == .ended && choice.mayRetry,
      "TUN-I4")
    hold(.reportGivenUp, isOver && event == .ended, "TUN-I4")
    hold(.reportRefused, event == .refused, "TUN-I4")
    hold(
      .resetPause, event == .established || event == .networkChanged && before.state == .resting, "TUN-I5")
    hold(
      .endSession,
      before.hasSession && (event == .stop || event == .restarted || event == .windowElapsed), "TUN-I6")
  }

  mutating func checkWorld(_ world: TunnelWorld) {
    let isWithSession = [.connecting, .open, .silent].contains(world.state)
    if world.hasSession != isWithSession {
      machine.fail("TUN-I1", "session \(world.hasSession) in \(world.state)")
    }
    if world.isWindowArmed != (world.state == .silent) { machine.fail("TUN-I2", "window in \(world.state)") }
    if world.isRetryArmed != (world.state == .resting) { machine.fail("TUN-I2", "retry in \(world.state)") }
    if world.isLetIn != [.open, .silent].contains(world.state) {
      machine.fail("TUN-I3", "let in \(world.isLetIn) in \(world.state)")
    }
    if world.isSilent != (world.state == .silent) {
      machine.fail("TUN-I4", "silent \(world.isSilent) in \(world.state)")
    }
  }

  func trace(of choice: Choice, in world: TunnelWorld) -> [String] {
    var copy = self
    copy.machine.startTracing()
    _ = copy.apply(choice, to: world)
    return copy.machine.steps
  }
}
