/// One machine, or one set of rules without a machine, as its Markdown file describes it.
///
/// The order of every list is the order of the file, so everything made from a spec is deterministic.
public struct Spec: Equatable, Sendable {
  /// How far the spec is: a draft is parsed and checked, a complete one is generated, explored and cited.
  public enum Status: String, Sendable {
    case draft, complete
  }

  /// What the file describes: a machine, or rules alone, which are only numbered and cited.
  public enum Kind: String, Sendable {
    case machine, rules
  }

  /// The file's path as it was given, for messages.
  public var file: String
  /// The machine's name, the file's first heading, such as `claim`.
  public var name: String
  public var kind: Kind
  public var status: Status
  /// What its rules' names begin with, such as `CLM`.
  public var prefix: String
  public var rules: [Rule]
  public var states: [StateDeclaration]
  public var events: [Declaration]
  public var guards: [Declaration]
  public var actions: [Declaration]
  public var timers: [TimerDeclaration]
  public var rows: [Row]
  public var defaults: [DefaultRow]
  public var invariants: [Rule]
  public var survivors: [Survivor]
  /// The Mermaid text between the diagram markers, as it stands in the file.
  public var diagram: String
  /// Rule names that the file mentions anywhere outside the lists that declare them.
  public var mentions: [Mention]

  /// A numbered rule or invariant.
  public struct Rule: Equatable, Sendable {
    /// Its name, such as `CLM-4` or `CLM-I2`.
    public var id: String
    public var text: String
    public var line: Int
  }

  /// An event, guard or action.
  public struct Declaration: Equatable, Sendable {
    public var name: String
    public var meaning: String
    public var line: Int
  }

  /// A state and whether the machine starts or ends in it.
  public struct StateDeclaration: Equatable, Sendable {
    public enum Kind: String, Sendable {
      case initial, ordinary, final
    }
    public var name: String
    public var kind: Kind
    public var meaning: String
    public var line: Int
  }

  /// A timer: the actions that start and stop it, the event that it causes, and the states in which it runs.
  public struct TimerDeclaration: Equatable, Sendable {
    public var name: String
    public var length: String
    public var event: String
    public var armedBy: [String]
    public var disarmedBy: [String]
    public var armedIn: [String]
    public var line: Int

    /// The length in milliseconds when it is one number with a unit (`250 ms`, `30 s`, `5 min`), else nil; a draft
    /// may describe it in words.
    public var milliseconds: Int64? {
      let parts = length.split(separator: " ")
      let units: [(String, Int64)] = [("ms", 1), ("s", 1_000), ("min", 60_000)]
      guard parts.count == 2, let number = Int64(parts[0]), (1...1_000_000).contains(number),
        let unit = units.first(where: { $0.0 == parts[1] })
      else { return nil }
      return number * unit.1
    }
  }

  /// A row of the transition table.
  public struct Row: Equatable, Sendable {
    public var state: String
    public var event: String
    /// The guard that must hold, or nil.
    public var guardName: String?
    public var next: String
    public var actions: [String]
    /// The rule that the row obeys.
    public var rule: String
    public var line: Int
  }

  /// A line of the defaults table: what happens in pairs that no row lists. `*` stands for all.
  public struct DefaultRow: Equatable, Sendable {
    public var states: [String]
    public var events: [String]
    public var outcome: DefaultOutcome
    public var rule: String
    public var line: Int
  }

  /// What an unlisted pair means.
  public enum DefaultOutcome: String, Sendable {
    case ignored
    case protocolError = "protocol error"
  }

  /// A mutation that no check can notice, and why.
  public struct Survivor: Equatable, Sendable {
    public var mutation: String
    public var reason: String
    public var line: Int

    public init(mutation: String, reason: String, line: Int) {
      self.mutation = mutation
      self.reason = reason
      self.line = line
    }
  }

  /// A place that names a rule.
  public struct Mention: Equatable, Sendable {
    public var id: String
    public var line: Int
  }
}

extension Spec {
  /// The state that the machine starts in; the checker sees to it that there is exactly one.
  public var initialState: String {
    states.first { $0.kind == .initial }?.name ?? states.first?.name ?? ""
  }

  /// The names of the states in which the machine ends.
  public var finalStates: [String] { states.filter { $0.kind == .final }.map(\.name) }

  /// The indices of the rows of a pair, in the table's order.
  public func rowIndices(state: String, event: String) -> [Int] {
    rows.indices.filter { rows[$0].state == state && rows[$0].event == event }
  }

  /// The first line of the defaults table that covers a pair.
  public func defaultRow(state: String, event: String) -> DefaultRow? {
    defaults.first {
      ($0.states == ["*"] || $0.states.contains(state)) && ($0.events == ["*"] || $0.events.contains(event))
    }
  }

  /// The machine's name as the first part of a Swift type, such as `Claim`.
  public var typePrefix: String { name.prefix(1).uppercased() + name.dropFirst() }
}
