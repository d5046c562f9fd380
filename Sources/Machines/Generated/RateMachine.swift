// Generated from specs/rate.md by spec-compiler. Do not edit: change the table instead.

/// The `rate` machine of `specs/rate.md`, where its rules stand.
public struct RateMachine: TransitionMachine {
  /// Where the machine stands.
  public enum State: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The rate is unknown: it doubles every round trip
    case startup
    /// The queue that the search made is emptied
    case draining
    /// Payload flows at the rate
    case cruising
    /// A higher rate is tried
    case raising
    /// The queue that the trial made is emptied
    case lowering
    /// The flight is small so that the base shows
    case sounding

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .startup: "startup"
      case .draining: "draining"
      case .cruising: "cruising"
      case .raising: "raising"
      case .lowering: "lowering"
      case .sounding: "sounding"
      }
    }
  }

  /// What can happen to it.
  public enum Event: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Three turns brought no quarter of growth
    case plateauReached
    /// The losses of a turn show congestion; at most once a turn
    case congested
    /// No more is in flight than the pipe holds, and two turns have passed; or four turns have
    case drained
    /// The cruise has lasted its round trips
    case cruiseOver
    /// The trial has lasted two turns, the second of which shows what came of the first
    case raiseOver
    /// The base is older than it may be, and the queue seems to stand
    case baseStale
    /// The flight was small for long enough
    case baseSounded

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .plateauReached: "plateauReached"
      case .congested: "congested"
      case .drained: "drained"
      case .cruiseOver: "cruiseOver"
      case .raiseOver: "raiseOver"
      case .baseStale: "baseStale"
      case .baseSounded: "baseSounded"
      }
    }
  }

  /// What a row may depend on.
  public enum Guard: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The trial found a rate that is a tenth higher than when it began
    case isGrowing
    /// The trial met more loss than the path usually loses and found no higher rate
    case isUseless

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .isGrowing: "isGrowing"
      case .isUseless: "isUseless"
      }
    }
  }

  /// What the host has to do, in the order given.
  public enum Action: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Lower the ceiling of the window to 0.85 of what was in flight
    case lowerCeiling
    /// Pace at 0.8 of what it was, until the next trial
    case restrain
    /// Pace by the estimate again, and let the first step of the trial be 1.25
    case release
    /// Let the next step of the trial be a larger one
    case stepUp
    /// Note when the state was entered and what was delivered until then; begin a turn
    case beginPhase
    /// Let the next cruise last twice as long, up to sixteen times its least length
    case lengthenCruise
    /// Let the next cruise last half as long, down to its least length
    case shortenCruise
    /// Take the smallest round trip of the sounding as the base
    case refreshBase

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .lowerCeiling: "lowerCeiling"
      case .restrain: "restrain"
      case .release: "release"
      case .stepUp: "stepUp"
      case .beginPhase: "beginPhase"
      case .lengthenCruise: "lengthenCruise"
      case .shortenCruise: "shortenCruise"
      case .refreshBase: "refreshBase"
      }
    }
  }

  public typealias Step = MachineStep<State, Event, Action>

  /// Where the machine stands now.
  public private(set) var state: State

  /// Starts a machine in its initial state, `startup`.
  public init() { state = .startup }

  /// Starts a machine elsewhere, for tests.
  init(state: State) { self.state = state }

  public static let name = "rate"

  /// Whether `state` is final: nothing changes it any more.
  public static func isTerminal(_ state: State) -> Bool {
    false
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
    case .startup:
      switch event {
      case .plateauReached: return .row(0)
      case .congested: return .row(1)
      case .drained, .cruiseOver, .raiseOver, .baseStale, .baseSounded: return .protocolError("RTE-10")
      }
    case .draining:
      switch event {
      case .congested: return .row(3)
      case .drained: return .row(2)
      case .plateauReached, .cruiseOver, .raiseOver, .baseStale,
        .baseSounded:
        return .protocolError("RTE-10")
      }
    case .cruising:
      switch event {
      case .congested: return .row(5)
      case .cruiseOver: return .row(4)
      case .baseStale: return .row(6)
      case .plateauReached, .drained, .raiseOver, .baseSounded: return .protocolError("RTE-10")
      }
    case .raising:
      switch event {
      case .congested: return .row(10)
      case .raiseOver:
        if holds(.isGrowing) { return .row(7) }
        if holds(.isUseless) { return .row(8) }
        return .row(9)
      case .plateauReached, .drained, .cruiseOver, .baseStale, .baseSounded: return .protocolError("RTE-10")
      }
    case .lowering:
      switch event {
      case .congested: return .row(12)
      case .drained: return .row(11)
      case .plateauReached, .cruiseOver, .raiseOver, .baseStale,
        .baseSounded:
        return .protocolError("RTE-10")
      }
    case .sounding:
      switch event {
      case .congested: return .row(14)
      case .baseSounded: return .row(13)
      case .plateauReached, .drained, .cruiseOver, .raiseOver, .baseStale: return .protocolError("RTE-10")
      }
    }
  }

  /// How many rows the table has; `Step.row` counts from 0.
  public static let rowCount = 15

  /// What each row is, for coverage reports.
  public static let rowNames: [String] = [
    "startup --plateauReached--> draining [RTE-2]",
    "startup --congested--> draining [RTE-3]",
    "draining --drained--> cruising [RTE-4]",
    "draining --congested--> draining [RTE-3]",
    "cruising --cruiseOver--> raising [RTE-5]",
    "cruising --congested--> cruising [RTE-3]",
    "cruising --baseStale--> sounding [RTE-7]",
    "raising --raiseOver [isGrowing]--> raising [RTE-5]",
    "raising --raiseOver [isUseless]--> lowering [RTE-6]",
    "raising --raiseOver--> lowering [RTE-5]",
    "raising --congested--> lowering [RTE-3]",
    "lowering --drained--> cruising [RTE-5]",
    "lowering --congested--> lowering [RTE-3]",
    "sounding --baseSounded--> cruising [RTE-7]",
    "sounding --congested--> sounding [RTE-3]",
  ]

  private static let rows: [(to: State, actions: [Action], rule: String)] = [
    (.draining, [.beginPhase], "RTE-2"),
    (.draining, [.lowerCeiling, .beginPhase], "RTE-3"),
    (.cruising, [.beginPhase], "RTE-4"),
    (.draining, [.lowerCeiling], "RTE-3"),
    (.raising, [.release, .beginPhase], "RTE-5"),
    (.cruising, [.restrain, .lowerCeiling], "RTE-3"),
    (.sounding, [.beginPhase], "RTE-7"),
    (.raising, [.stepUp, .shortenCruise, .beginPhase], "RTE-5"),
    (.lowering, [.lengthenCruise, .beginPhase], "RTE-6"),
    (.lowering, [.shortenCruise, .beginPhase], "RTE-5"),
    (.lowering, [.lowerCeiling, .lengthenCruise, .beginPhase], "RTE-3"),
    (.cruising, [.beginPhase], "RTE-5"),
    (.lowering, [.restrain, .lowerCeiling], "RTE-3"),
    (.cruising, [.refreshBase, .beginPhase], "RTE-7"),
    (.sounding, [.lowerCeiling], "RTE-3"),
  ]
}
