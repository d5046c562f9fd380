// Generated from specs/repair.md by spec-compiler. Do not edit: change the table instead.

/// The `repair` machine of `specs/repair.md`, where its rules stand.
public struct RepairMachine: TransitionMachine {
  /// Where the machine stands.
  public enum State: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Nothing is known to be missing
    case complete
    /// Something is missing and waits to be sent again
    case missing
    /// All that was missing has been sent again, and is not acknowledged yet
    case repairing
    /// Every byte and the end are acknowledged
    case repaired
    /// A range cannot be brought over, or the session is over
    case abandoned

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .complete: "complete"
      case .missing: "missing"
      case .repairing: "repairing"
      case .repaired: "repaired"
      case .abandoned: "abandoned"
      }
    }
  }

  /// What can happen to it.
  public enum Event: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Frames were lost whose bytes are needed
    case gapFound
    /// The last missing range has left
    case repairsSent
    /// Everything below the last gap is acknowledged, or arrived before it was sent again
    case gapsClosed
    /// The probe timeout passed with something in flight
    case tailSilent
    /// Every byte and the end are acknowledged
    case endAcknowledged
    /// The session is over
    case sessionEnded

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .gapFound: "gapFound"
      case .repairsSent: "repairsSent"
      case .gapsClosed: "gapsClosed"
      case .tailSilent: "tailSilent"
      case .endAcknowledged: "endAcknowledged"
      case .sessionEnded: "sessionEnded"
      }
    }
  }

  /// What a row may depend on.
  public enum Guard: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The lowest missing byte was lost as often as allowed (RPR-6)
    case triesAreSpent
    /// The budget does not cover a probe (RPR-5)
    case budgetIsSpent
    /// Repairs that were sent are not acknowledged yet
    case gapsRemain

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .triesAreSpent: "triesAreSpent"
      case .budgetIsSpent: "budgetIsSpent"
      case .gapsRemain: "gapsRemain"
      }
    }
  }

  /// What the host has to do, in the order given.
  public enum Action: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Remember where the last gap ends, and how often the lowest missing byte was lost
    case noteGap
    /// Send the oldest bytes in flight again
    case sendProbe
    /// Forget where the last gap ended
    case clearGaps
    /// Tell the transfer that the direction is finished
    case reportFinished
    /// Tell the session that a range cannot be brought over
    case reportAbandoned

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .noteGap: "noteGap"
      case .sendProbe: "sendProbe"
      case .clearGaps: "clearGaps"
      case .reportFinished: "reportFinished"
      case .reportAbandoned: "reportAbandoned"
      }
    }
  }

  public typealias Step = MachineStep<State, Event, Action>

  /// Where the machine stands now.
  public private(set) var state: State

  /// Starts a machine in its initial state, `complete`.
  public init() { state = .complete }

  /// Starts a machine elsewhere, for tests.
  init(state: State) { self.state = state }

  public static let name = "repair"

  /// Whether `state` is final: nothing changes it any more.
  public static func isTerminal(_ state: State) -> Bool {
    switch state {
    case .repaired, .abandoned: true
    case .complete, .missing, .repairing: false
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
    case .complete:
      switch event {
      case .gapFound: return .row(0)
      case .tailSilent:
        if holds(.budgetIsSpent) { return .row(1) }
        return .row(2)
      case .endAcknowledged: return .row(3)
      case .sessionEnded: return .row(4)
      case .repairsSent, .gapsClosed: return .protocolError("RPR-8")
      }
    case .missing:
      switch event {
      case .gapFound:
        if holds(.triesAreSpent) { return .row(5) }
        return .row(6)
      case .repairsSent: return .row(7)
      case .gapsClosed:
        if holds(.gapsRemain) { return .row(8) }
        return .row(9)
      case .tailSilent:
        if holds(.budgetIsSpent) { return .row(10) }
        return .row(11)
      case .endAcknowledged: return .row(12)
      case .sessionEnded: return .row(13)
      }
    case .repairing:
      switch event {
      case .gapFound:
        if holds(.triesAreSpent) { return .row(14) }
        return .row(15)
      case .gapsClosed: return .row(16)
      case .tailSilent:
        if holds(.budgetIsSpent) { return .row(17) }
        return .row(18)
      case .endAcknowledged: return .row(19)
      case .sessionEnded: return .row(20)
      case .repairsSent: return .protocolError("RPR-8")
      }
    case .repaired:
      switch event {
      case .gapFound, .repairsSent, .gapsClosed, .tailSilent,
        .endAcknowledged, .sessionEnded:
        return .ignored("RPR-7")
      }
    case .abandoned:
      switch event {
      case .gapFound, .repairsSent, .gapsClosed, .tailSilent,
        .endAcknowledged, .sessionEnded:
        return .ignored("RPR-7")
      }
    }
  }

  /// How many rows the table has; `Step.row` counts from 0.
  public static let rowCount = 21

  /// What each row is, for coverage reports.
  public static let rowNames: [String] = [
    "complete --gapFound--> missing [RPR-1]",
    "complete --tailSilent [budgetIsSpent]--> complete [RPR-5]",
    "complete --tailSilent--> complete [RPR-4]",
    "complete --endAcknowledged--> repaired [RPR-7]",
    "complete --sessionEnded--> abandoned [RPR-7]",
    "missing --gapFound [triesAreSpent]--> abandoned [RPR-6]",
    "missing --gapFound--> missing [RPR-1]",
    "missing --repairsSent--> repairing [RPR-2]",
    "missing --gapsClosed [gapsRemain]--> repairing [RPR-3]",
    "missing --gapsClosed--> complete [RPR-3]",
    "missing --tailSilent [budgetIsSpent]--> missing [RPR-5]",
    "missing --tailSilent--> missing [RPR-4]",
    "missing --endAcknowledged--> repaired [RPR-7]",
    "missing --sessionEnded--> abandoned [RPR-7]",
    "repairing --gapFound [triesAreSpent]--> abandoned [RPR-6]",
    "repairing --gapFound--> missing [RPR-2]",
    "repairing --gapsClosed--> complete [RPR-3]",
    "repairing --tailSilent [budgetIsSpent]--> repairing [RPR-5]",
    "repairing --tailSilent--> repairing [RPR-4]",
    "repairing --endAcknowledged--> repaired [RPR-7]",
    "repairing --sessionEnded--> abandoned [RPR-7]",
  ]

  private static let rows: [(to: State, actions: [Action], rule: String)] = [
    (.missing, [.noteGap], "RPR-1"),
    (.complete, [], "RPR-5"),
    (.complete, [.sendProbe], "RPR-4"),
    (.repaired, [.reportFinished], "RPR-7"),
    (.abandoned, [], "RPR-7"),
    (.abandoned, [.reportAbandoned], "RPR-6"),
    (.missing, [.noteGap], "RPR-1"),
    (.repairing, [], "RPR-2"),
    (.repairing, [], "RPR-3"),
    (.complete, [.clearGaps], "RPR-3"),
    (.missing, [], "RPR-5"),
    (.missing, [.sendProbe], "RPR-4"),
    (.repaired, [.reportFinished], "RPR-7"),
    (.abandoned, [], "RPR-7"),
    (.abandoned, [.reportAbandoned], "RPR-6"),
    (.missing, [.noteGap], "RPR-2"),
    (.complete, [.clearGaps], "RPR-3"),
    (.repairing, [], "RPR-5"),
    (.repairing, [.sendProbe], "RPR-4"),
    (.repaired, [.reportFinished], "RPR-7"),
    (.abandoned, [], "RPR-7"),
  ]
}
