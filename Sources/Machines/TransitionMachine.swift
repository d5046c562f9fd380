/// What all generated machines have in common, for hosts that print transitions and count taken rows.
public protocol TransitionMachine: Sendable {
  associatedtype State: Hashable, Sendable
  associatedtype Event: Hashable, Sendable
  associatedtype Guard: Hashable, Sendable
  associatedtype Action: Hashable, Sendable

  /// The machine's name, as its spec is called.
  static var name: String { get }
  /// How many rows its table has.
  static var rowCount: Int { get }
  /// One line per row, in the table's order.
  static var rowNames: [String] { get }
  /// Whether `state` is final.
  static func isTerminal(_ state: State) -> Bool

  /// Starts in the initial state.
  init()
  /// Where the machine stands.
  var state: State { get }
  /// Takes one event and says what to do.
  mutating func handle(_ event: Event, holds: (Guard) -> Bool) -> MachineStep<State, Event, Action>
}

/// How a machine took an event.
public enum MachineStepKind: UInt8, Sendable {
  /// A row of the table was taken (it may lead back to the same state).
  case moved
  /// The pair has no row and its default is to do nothing.
  case ignored
  /// The pair has no row and must not happen: host or peer broke the protocol.
  case protocolError
}

/// What a machine did with one event.
public struct MachineStep<State: Sendable, Event: Sendable, Action: Sendable>: Sendable {
  /// The machine's name.
  public let machine: String
  /// The state before.
  public let from: State
  /// What happened.
  public let event: Event
  /// The state after.
  public let to: State
  /// What the host has to do, in this order; a static table, so nothing is allocated.
  public let actions: [Action]
  /// The rule that the row or the default obeys, by its name in the spec.
  public let rule: String
  /// The row's index in the table, or nil when the pair has none.
  public let row: Int?
  /// Whether a row was taken, or which default applied.
  public let kind: MachineStepKind

  /// Puts a step together; only generated machines do.
  init(
    machine: String, from: State, event: Event, to: State, actions: [Action], rule: String, row: Int?,
    kind: MachineStepKind
  ) {
    self.machine = machine
    self.from = from
    self.event = event
    self.to = to
    self.actions = actions
    self.rule = rule
    self.row = row
    self.kind = kind
  }
}

extension MachineStep: CustomStringConvertible {
  /// The step as `--verbose` prints it: `claim: claiming --decision--> accepted [rule]`.
  public var description: String {
    let note =
      switch kind {
      case .moved: ""
      case .ignored: " (ignored)"
      case .protocolError: " (protocol error)"
      }
    return "\(machine): \(from) --\(event)--> \(to) [\(rule)]\(note)"
  }
}

/// What a generated transition function chose: a row, or a default with its rule.
enum RowSelection {
  case row(Int)
  case ignored(String)
  case protocolError(String)
}
