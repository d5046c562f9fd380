// Generated from specs/probing.md by spec-compiler. Do not edit: change the table instead.

import Basics

/// The `probing` machine of `specs/probing.md`, where its rules stand.
public struct ProbingMachine: TransitionMachine {
  /// Where the machine stands.
  public enum State: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Nothing has been sent to the candidate
    case unknown
    /// Probes are sent until one is answered or the time is over
    case sounding
    /// A probe was answered
    case proven
    /// The candidate did not answer, and rests
    case suppressed
    /// The candidate is withdrawn, not allowed, or the session is over
    case retired

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .unknown: "unknown"
      case .sounding: "sounding"
      case .proven: "proven"
      case .suppressed: "suppressed"
      case .retired: "retired"
      }
    }
  }

  /// What can happen to it.
  public enum Event: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The candidate was told by the peer, or learnt from a packet
    case candidateSeen
    /// The probe timer fired
    case probeDue
    /// An authentic answer to a probe arrived over the pair
    case answer
    /// The sounding timer fired
    case soundingOver
    /// The rest timer fired
    case restOver
    /// The refresh timer fired
    case refreshDue
    /// An authentic and new packet of the peer came from this address, or it asked for probes
    case peerAsked
    /// The session lost its direct path, or promotion gives this pair back
    case searchResumed
    /// The local addresses or routes changed
    case networkChanged
    /// The candidate is no longer wanted, or the session is over
    case withdrawn

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .candidateSeen: "candidateSeen"
      case .probeDue: "probeDue"
      case .answer: "answer"
      case .soundingOver: "soundingOver"
      case .restOver: "restOver"
      case .refreshDue: "refreshDue"
      case .peerAsked: "peerAsked"
      case .searchResumed: "searchResumed"
      case .networkChanged: "networkChanged"
      case .withdrawn: "withdrawn"
      }
    }
  }

  /// What a row may depend on.
  public enum Guard: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Policy and caps allow the candidate (PRB-1)
    case isAllowed
    /// A probe of this pair still waits for the budgets or for payload (PRB-2, PRB-3)
    case isWaiting
    /// The answer's nonce is outstanding for this pair and unanswered (PRB-4)
    case isFresh
    /// The session has a healthy direct path (PRB-11)
    case isDirect

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .isAllowed: "isAllowed"
      case .isWaiting: "isWaiting"
      case .isFresh: "isFresh"
      case .isDirect: "isDirect"
      }
    }
  }

  /// What the host has to do, in the order given.
  public enum Action: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Put a probe with a new nonce into the queue; one that waits there already is not joined by a second
    case sendProbe
    /// Start the probe timer anew: twice the last length, up to 1 s, with jitter
    case armProbe
    /// Start the sounding timer, and let the probe timer begin with its shortest length
    case armSounding
    /// Start the rest timer: twice the last length, up to 5 min; a pair that was proven before rests 5 s at
    /// first and 1 min at most, and no longer than 5 s while payload flows
    case armRest
    /// Start the refresh timer
    case armRefresh
    /// Stop all timers of the pair
    case disarmTimers
    /// Record the round trip that the answer shows
    case noteRoundTrip
    /// Tell promotion that the pair is proven
    case reportProven
    /// Count a candidate that is not allowed
    case countRefused
    /// Count an answer that proves nothing
    case countStale

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .sendProbe: "sendProbe"
      case .armProbe: "armProbe"
      case .armSounding: "armSounding"
      case .armRest: "armRest"
      case .armRefresh: "armRefresh"
      case .disarmTimers: "disarmTimers"
      case .noteRoundTrip: "noteRoundTrip"
      case .reportProven: "reportProven"
      case .countRefused: "countRefused"
      case .countStale: "countStale"
      }
    }
  }

  /// How long each timer runs before it fires, once.
  public enum Timers {
    /// Fires as `probeDue`; started by `armProbe`.
    public static let probe = Interval.milliseconds(100)
    /// Fires as `soundingOver`; started by `armSounding`.
    public static let sounding = Interval.milliseconds(4000)
    /// Fires as `restOver`; started by `armRest`.
    public static let rest = Interval.milliseconds(10000)
    /// Fires as `refreshDue`; started by `armRefresh`.
    public static let refresh = Interval.milliseconds(25000)
  }

  public typealias Step = MachineStep<State, Event, Action>

  /// Where the machine stands now.
  public private(set) var state: State

  /// Starts a machine in its initial state, `unknown`.
  public init() { state = .unknown }

  /// Starts a machine elsewhere, for tests.
  init(state: State) { self.state = state }

  public static let name = "probing"

  /// Whether `state` is final: nothing changes it any more.
  public static func isTerminal(_ state: State) -> Bool {
    switch state {
    case .retired: true
    case .unknown, .sounding, .proven, .suppressed: false
    }
  }

  /// Takes one event; `holds` is asked for a guard when a row of the pair has one.
  public mutating func handle(_ event: Event, holds: (Guard) -> Bool) -> Step {
    let from = state
    switch Self.select(from, event, holds) {
    case .row(let index):
      let row = Self.rows[index]
      state = row.to
      return Step(
        machine: Self.name, from: from, event: event, to: row.to, actions: row.actions,
        rule: row.rule, row: index, kind: .moved)
    case .ignored(let rule):
      return Step(
        machine: Self.name, from: from, event: event, to: from, actions: [], rule: rule, row: nil,
        kind: .ignored)
    case .protocolError(let rule):
      return Step(
        machine: Self.name, from: from, event: event, to: from, actions: [], rule: rule, row: nil,
        kind: .protocolError)
    }
  }

  private static func select(
    _ state: State, _ event: Event, _ holds: (Guard) -> Bool
  ) -> RowSelection {
    switch state {
    case .unknown:
      switch event {
      case .candidateSeen:
        if holds(.isAllowed) { return .row(0) }
        return .row(1)
      case .probeDue, .soundingOver, .restOver, .refreshDue, .withdrawn: return .protocolError("PRB-10")
      case .answer, .peerAsked, .searchResumed, .networkChanged: return .ignored("PRB-1")
      }
    case .sounding:
      switch event {
      case .probeDue:
        if holds(.isWaiting) { return .row(2) }
        return .row(3)
      case .answer:
        if holds(.isFresh) { return .row(4) }
        return .row(5)
      case .soundingOver: return .row(6)
      case .networkChanged: return .row(7)
      case .withdrawn: return .row(8)
      case .candidateSeen: return .ignored("PRB-5")
      case .restOver, .refreshDue: return .protocolError("PRB-10")
      case .peerAsked: return .ignored("PRB-13")
      case .searchResumed: return .ignored("PRB-12")
      }
    case .proven:
      switch event {
      case .answer:
        if holds(.isFresh) { return .row(9) }
        return .row(10)
      case .refreshDue:
        if holds(.isDirect) { return .row(11) }
        return .row(12)
      case .searchResumed: return .row(13)
      case .networkChanged: return .row(14)
      case .withdrawn: return .row(15)
      case .candidateSeen: return .ignored("PRB-5")
      case .probeDue, .soundingOver, .restOver: return .protocolError("PRB-10")
      case .peerAsked: return .ignored("PRB-13")
      }
    case .suppressed:
      switch event {
      case .answer:
        if holds(.isFresh) { return .row(18) }
        return .row(19)
      case .restOver:
        if holds(.isDirect) { return .row(16) }
        return .row(17)
      case .peerAsked:
        if holds(.isDirect) { return .row(20) }
        return .row(21)
      case .searchResumed: return .row(22)
      case .networkChanged: return .row(23)
      case .withdrawn: return .row(24)
      case .candidateSeen: return .ignored("PRB-5")
      case .probeDue, .soundingOver, .refreshDue: return .protocolError("PRB-10")
      }
    case .retired:
      switch event {
      case .candidateSeen, .probeDue, .answer, .soundingOver, .restOver,
        .refreshDue, .peerAsked, .searchResumed, .networkChanged, .withdrawn:
        return .ignored("PRB-9")
      }
    }
  }

  /// How many rows the table has; `Step.row` counts from 0.
  public static let rowCount = 25

  /// What each row is, for coverage reports.
  public static let rowNames: [String] = [
    "unknown --candidateSeen [isAllowed]--> sounding [PRB-1]",
    "unknown --candidateSeen--> retired [PRB-1]",
    "sounding --probeDue [isWaiting]--> sounding [PRB-2]",
    "sounding --probeDue--> sounding [PRB-5]",
    "sounding --answer [isFresh]--> proven [PRB-4]",
    "sounding --answer--> sounding [PRB-4]",
    "sounding --soundingOver--> suppressed [PRB-5]",
    "sounding --networkChanged--> sounding [PRB-8]",
    "sounding --withdrawn--> retired [PRB-9]",
    "proven --answer [isFresh]--> proven [PRB-4]",
    "proven --answer--> proven [PRB-4]",
    "proven --refreshDue [isDirect]--> proven [PRB-11]",
    "proven --refreshDue--> sounding [PRB-7]",
    "proven --searchResumed--> sounding [PRB-12]",
    "proven --networkChanged--> sounding [PRB-8]",
    "proven --withdrawn--> retired [PRB-9]",
    "suppressed --restOver [isDirect]--> suppressed [PRB-11]",
    "suppressed --restOver--> sounding [PRB-6]",
    "suppressed --answer [isFresh]--> proven [PRB-4]",
    "suppressed --answer--> suppressed [PRB-4]",
    "suppressed --peerAsked [isDirect]--> suppressed [PRB-11]",
    "suppressed --peerAsked--> sounding [PRB-13]",
    "suppressed --searchResumed--> sounding [PRB-12]",
    "suppressed --networkChanged--> sounding [PRB-8]",
    "suppressed --withdrawn--> retired [PRB-9]",
  ]

  private static let rows: [(to: State, actions: [Action], rule: String)] = [
    (.sounding, [.sendProbe, .armSounding, .armProbe], "PRB-1"),
    (.retired, [.countRefused], "PRB-1"),
    (.sounding, [.armProbe], "PRB-2"),
    (.sounding, [.sendProbe, .armProbe], "PRB-5"),
    (.proven, [.disarmTimers, .noteRoundTrip, .armRefresh, .reportProven], "PRB-4"),
    (.sounding, [.countStale], "PRB-4"),
    (.suppressed, [.disarmTimers, .armRest], "PRB-5"),
    (.sounding, [.disarmTimers, .sendProbe, .armSounding, .armProbe], "PRB-8"),
    (.retired, [.disarmTimers], "PRB-9"),
    (.proven, [.noteRoundTrip], "PRB-4"),
    (.proven, [.countStale], "PRB-4"),
    (.proven, [.armRefresh], "PRB-11"),
    (.sounding, [.sendProbe, .armSounding, .armProbe], "PRB-7"),
    (.sounding, [.disarmTimers, .sendProbe, .armSounding, .armProbe], "PRB-12"),
    (.sounding, [.disarmTimers, .sendProbe, .armSounding, .armProbe], "PRB-8"),
    (.retired, [.disarmTimers], "PRB-9"),
    (.suppressed, [.armRest], "PRB-11"),
    (.sounding, [.sendProbe, .armSounding, .armProbe], "PRB-6"),
    (.proven, [.disarmTimers, .noteRoundTrip, .armRefresh, .reportProven], "PRB-4"),
    (.suppressed, [.countStale], "PRB-4"),
    (.suppressed, [], "PRB-11"),
    (.sounding, [.disarmTimers, .sendProbe, .armSounding, .armProbe], "PRB-13"),
    (.sounding, [.disarmTimers, .sendProbe, .armSounding, .armProbe], "PRB-12"),
    (.sounding, [.disarmTimers, .sendProbe, .armSounding, .armProbe], "PRB-8"),
    (.retired, [.disarmTimers], "PRB-9"),
  ]
}
