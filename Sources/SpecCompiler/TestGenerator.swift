/// Writes a machine's generated tests: one case per row and one per defaulted pair.
///
/// The expectations are spelled out from the spec, so they fail when table and generated code part.
public struct TestGenerator {
  /// The source of `<Name>MachineTests.swift`.
  public static func source(of spec: Spec) -> String {
    let type = spec.typePrefix + "Machine"
    var text = """
      // Generated from specs/\(spec.name).md by spec-compiler. Do not edit: change the table instead.

      import Testing

      @testable import Machines

      @Suite struct \(type)Tests {
        typealias M = \(type)

        struct RowCase: Sendable, CustomTestStringConvertible {
          var row: Int
          var from: M.State
          var event: M.Event
          var holding: [M.Guard]
          var to: M.State
          var actions: [M.Action]
          var rule: String
          var testDescription: String { M.rowNames[row] }
        }

        struct DefaultCase: Sendable, CustomTestStringConvertible {
          var state: M.State
          var event: M.Event
          var kind: MachineStepKind
          var rule: String
          var testDescription: String { "\\(state) x \\(event)" }
        }

        static let rowCases: [RowCase] = [

      """
    for (index, row) in spec.rows.enumerated() {
      let holding = row.guardName.map { "[.\($0)]" } ?? "[]"
      text += """
            RowCase(
              row: \(index), from: .\(row.state), event: .\(row.event), holding: \(holding),
        \(outcomeLines(of: row).joined(separator: "\n"))
              rule: "\(row.rule)"),

        """
    }
    text += """
        ]

        static let defaultCases: [DefaultCase] = [

      """
    for state in spec.states.map(\.name) {
      for event in spec.events.map(\.name) where spec.rowIndices(state: state, event: event).isEmpty {
        guard let entry = spec.defaultRow(state: state, event: event) else { continue }
        let kind = entry.outcome == .ignored ? "ignored" : "protocolError"
        text += """
              DefaultCase(state: .\(state), event: .\(event), kind: .\(kind), rule: "\(entry.rule)"),

          """
      }
    }
    text += """
        ]

        @Test(arguments: rowCases)
        func row(_ expected: RowCase) {
          var machine = M(state: expected.from)
          let step = machine.handle(expected.event) { expected.holding.contains($0) }
          #expect(machine.state == expected.to)
          #expect(step.from == expected.from)
          #expect(step.event == expected.event)
          #expect(step.to == expected.to)
          #expect(step.actions == expected.actions)
          #expect(step.rule == expected.rule)
          #expect(step.row == expected.row)
          #expect(step.kind == .moved)
        }

        @Test(arguments: defaultCases)
        func defaulted(_ expected: DefaultCase) {
          var machine = M(state: expected.state)
          let step = machine.handle(expected.event) { _ in true }
          #expect(machine.state == expected.state)
          #expect(step.to == expected.state)
          #expect(step.actions.isEmpty)
          #expect(step.rule == expected.rule)
          #expect(step.row == nil)
          #expect(step.kind == expected.kind)
        }

        @Test func startsWhereTheSpecSays() {
          #expect(M().state == .\(spec.initialState))
          #expect(M.rowCount == \(spec.rows.count))
          #expect(M.rowNames.count == M.rowCount)
        }

        @Test(arguments: M.State.allCases)
        func finality(_ state: M.State) {
          let final: [M.State] = [\(spec.finalStates.map { "." + $0 }.joined(separator: ", "))]
          #expect(M.isTerminal(state) == final.contains(state))
        }
      }

      """
    return text
  }

  /// Where a row leads and what it does, in one line where that fits.
  private static func outcomeLines(of row: Spec.Row) -> [String] {
    let actions = row.actions.map { "." + $0 }
    let short = "      to: .\(row.next), actions: [\(actions.joined(separator: ", "))],"
    if short.count <= generatedLineLength { return [short] }
    return ["      to: .\(row.next),"] + arrayLines(actions, indent: 6, label: "actions: ")
  }
}
