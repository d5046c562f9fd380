/// Writes a machine's Swift source: its types and its total transition function.
///
/// Every pair of state and event is written out, without a catch-all, so the compiler proves the function total.
public struct SwiftGenerator {
  private let spec: Spec
  private var output = ""

  /// The source of `<Name>Machine.swift`.
  public static func source(of spec: Spec) -> String {
    var generator = SwiftGenerator(spec: spec)
    generator.writeMachine()
    return generator.output
  }

  private init(spec: Spec) { self.spec = spec }

  private var typeName: String { spec.typePrefix + "Machine" }

  private mutating func line(_ text: String = "") { output += text + "\n" }

  private mutating func writeMachine() {
    line("// Generated from specs/\(spec.name).md by spec-compiler. Do not edit: change the table instead.")
    line()
    if !spec.timers.isEmpty {
      line("import Basics")
      line()
    }
    line("/// The `\(spec.name)` machine of `specs/\(spec.name).md`, where its rules stand.")
    line("public struct \(typeName): TransitionMachine {")
    writeEnum("State", "Where the machine stands.", spec.states.map { ($0.name, $0.meaning) })
    line()
    writeEnum("Event", "What can happen to it.", spec.events.map { ($0.name, $0.meaning) })
    line()
    writeEnum("Guard", "What a row may depend on.", spec.guards.map { ($0.name, $0.meaning) })
    line()
    writeEnum(
      "Action", "What the host has to do, in the order given.", spec.actions.map { ($0.name, $0.meaning) })
    line()
    writeTimers()
    line("  public typealias Step = MachineStep<State, Event, Action>")
    line()
    line("  /// Where the machine stands now.")
    line("  public private(set) var state: State")
    line()
    line("  /// Starts a machine in its initial state, `\(spec.initialState)`.")
    line("  public init() { state = .\(spec.initialState) }")
    line()
    line("  /// Starts a machine elsewhere, for tests.")
    line("  init(state: State) { self.state = state }")
    line()
    line("  public static let name = \"\(spec.name)\"")
    line()
    writeIsTerminal()
    line()
    writeHandle()
    line()
    writeSelect()
    line()
    writeRows()
    line("}")
  }

  private mutating func writeEnum(_ name: String, _ comment: String, _ cases: [(String, String)]) {
    line("  /// \(comment)")
    if cases.isEmpty {
      line("  public enum \(name): CaseIterable, Sendable {}")
      return
    }
    line("  public enum \(name): UInt8, CaseIterable, Sendable, CustomStringConvertible {")
    for (name, meaning) in cases {
      for part in wrapped(meaning, width: 100) { line("    /// \(part)") }
      line("    case \(name)")
    }
    line()
    line("    /// The spelling of the spec.")
    line("    public var description: String {")
    line("      switch self {")
    for (name, _) in cases { line("      case .\(name): \"\(name)\"") }
    line("      }")
    line("    }")
    line("  }")
  }

  private mutating func writeTimers() {
    guard !spec.timers.isEmpty else { return }
    line("  /// How long each timer runs before it fires, once.")
    line("  public enum Timers {")
    for timer in spec.timers {
      line(
        "    /// Fires as `\(timer.event)`; started by \(timer.armedBy.map { "`\($0)`" }.joined(separator: ", "))."
      )
      line("    public static let \(timer.name) = Interval.milliseconds(\(timer.milliseconds ?? 0))")
    }
    line("  }")
    line()
  }

  private mutating func writeIsTerminal() {
    line("  /// Whether `state` is final: nothing changes it any more.")
    line("  public static func isTerminal(_ state: State) -> Bool {")
    guard !spec.finalStates.isEmpty else {
      line("    false")
      line("  }")
      return
    }
    line("    switch state {")
    line("    case \(spec.finalStates.map { "." + $0 }.joined(separator: ", ")): true")
    let others = spec.states.filter { $0.kind != .final }.map { "." + $0.name }
    for part in wrapped("case \(others.joined(separator: ", ")): false", width: 90) { line("    \(part)") }
    line("    }")
    line("  }")
  }

  private mutating func writeHandle() {
    line("  /// Takes one event; `holds` is asked for a guard when a row of the pair has one.")
    line("  public mutating func handle(_ event: Event, holds: (Guard) -> Bool) -> Step {")
    line("    let from = state")
    line("    switch Self.select(from, event, holds) {")
    line("    case .row(let index):")
    line("      let row = Self.rows[index]")
    line("      state = row.to")
    line("      return Step(")
    line("        machine: Self.name, from: from, event: event, to: row.to, actions: row.actions,")
    line("        rule: row.rule, row: index, kind: .moved)")
    line("    case .ignored(let rule):")
    line("      return Step(")
    line("        machine: Self.name, from: from, event: event, to: from, actions: [], rule: rule, row: nil,")
    line("        kind: .ignored)")
    line("    case .protocolError(let rule):")
    line("      return Step(")
    line("        machine: Self.name, from: from, event: event, to: from, actions: [], rule: rule, row: nil,")
    line("        kind: .protocolError)")
    line("    }")
    line("  }")
  }

  private mutating func writeSelect() {
    line("  private static func select(")
    line("    _ state: State, _ event: Event, _ holds: (Guard) -> Bool")
    line("  ) -> RowSelection {")
    line("    switch state {")
    for state in spec.states.map(\.name) {
      line("    case .\(state):")
      line("      switch event {")
      for event in spec.events.map(\.name) {
        let indices = spec.rowIndices(state: state, event: event)
        guard !indices.isEmpty else { continue }
        if indices.count == 1, spec.rows[indices[0]].guardName == nil {
          line("      case .\(event): return .row(\(indices[0]))")
          continue
        }
        line("      case .\(event):")
        for index in indices {
          if let name = spec.rows[index].guardName {
            line("        if holds(.\(name)) { return .row(\(index)) }")
          } else {
            line("        return .row(\(index))")
          }
        }
      }
      writeDefaults(of: state)
      line("      }")
    }
    line("    }")
    line("  }")
  }

  /// The state's pairs without rows, those with the same outcome and rule together.
  private mutating func writeDefaults(of state: String) {
    var groups: [(entry: Spec.DefaultRow, events: [String])] = []
    for event in spec.events.map(\.name) where spec.rowIndices(state: state, event: event).isEmpty {
      guard let entry = spec.defaultRow(state: state, event: event) else { continue }
      if let index = groups.firstIndex(where: { $0.entry == entry }) {
        groups[index].events.append(event)
      } else {
        groups.append((entry, [event]))
      }
    }
    for (entry, events) in groups {
      let outcome = entry.outcome == .ignored ? "ignored" : "protocolError"
      let pattern = "case " + events.map { "." + $0 }.joined(separator: ", ") + ":"
      let result = "return .\(outcome)(\"\(entry.rule)\")"
      let parts = wrapped(pattern, width: 70)
      if parts.count == 1 {
        line("      \(pattern) \(result)")
        continue
      }
      for (index, part) in parts.enumerated() { line("      \(index == 0 ? "" : "  ")\(part)") }
      line("        \(result)")
    }
  }

  private mutating func writeRows() {
    line("  /// How many rows the table has; `Step.row` counts from 0.")
    line("  public static let rowCount = \(spec.rows.count)")
    line()
    line("  /// What each row is, for coverage reports.")
    line("  public static let rowNames: [String] = [")
    for row in spec.rows { line("    \"\(row.title) [\(row.rule)]\",") }
    line("  ]")
    line()
    line("  private static let rows: [(to: State, actions: [Action], rule: String)] = [")
    for row in spec.rows {
      let actions = row.actions.map { "." + $0 }
      let short = "    (.\(row.next), [\(actions.joined(separator: ", "))], \"\(row.rule)\"),"
      guard short.count > generatedLineLength else {
        line(short)
        continue
      }
      line("    (")
      line("      .\(row.next),")
      for part in arrayLines(actions, indent: 6) { line(part) }
      line("      \"\(row.rule)\"")
      line("    ),")
    }
    line("  ]")
  }
}

extension Spec.Row {
  /// The row in one line: `claiming --decision [decisionAccepts]--> accepted`.
  public var title: String {
    "\(state) --\(event)\(guardName.map { " [\($0)]" } ?? "")--> \(next)"
  }
}

/// The longest line that generated Swift may have: what is generated is linted like the rest.
let generatedLineLength = 110

/// The lines of an array literal and the comma after it, in one line where that fits.
///
/// - Parameter label: what stands before it, such as `actions: `.
func arrayLines(_ elements: [String], indent: Int, label: String = "") -> [String] {
  let margin = String(repeating: " ", count: indent)
  let list = elements.joined(separator: ", ")
  let short = "\(margin)\(label)[\(list)],"
  // The formatter counts the comma that a broken literal would have after its last element.
  if short.count < generatedLineLength { return [short] }
  let parts = wrapped(list + ",", width: generatedLineLength - indent - 2).map { "\(margin)  \($0)" }
  return ["\(margin)\(label)["] + parts + ["\(margin)],"]
}

/// `text` in lines of at most `width` characters, broken at spaces.
func wrapped(_ text: String, width: Int) -> [String] {
  var lines: [String] = []
  for word in text.split(separator: " ") {
    if let last = lines.last, last.count + 1 + word.count <= width {
      lines[lines.count - 1] += " " + word
    } else {
      lines.append(String(word))
    }
  }
  return lines
}
