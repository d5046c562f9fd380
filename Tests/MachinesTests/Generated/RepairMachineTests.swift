// Generated from specs/repair.md by spec-compiler. Do not edit: change the table instead.

import Testing

@testable import Machines

@Suite struct RepairMachineTests {
  typealias M = RepairMachine

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
    var testDescription: String { "\(state) x \(event)" }
  }

  static let rowCases: [RowCase] = [
    RowCase(
      row: 0, from: .complete, event: .gapFound, holding: [],
      to: .missing, actions: [.noteGap],
      rule: "RPR-1"),
    RowCase(
      row: 1, from: .complete, event: .tailSilent, holding: [.budgetIsSpent],
      to: .complete, actions: [],
      rule: "RPR-5"),
    RowCase(
      row: 2, from: .complete, event: .tailSilent, holding: [],
      to: .complete, actions: [.sendProbe],
      rule: "RPR-4"),
    RowCase(
      row: 3, from: .complete, event: .endAcknowledged, holding: [],
      to: .repaired, actions: [.reportFinished],
      rule: "RPR-7"),
    RowCase(
      row: 4, from: .complete, event: .sessionEnded, holding: [],
      to: .abandoned, actions: [],
      rule: "RPR-7"),
    RowCase(
      row: 5, from: .missing, event: .gapFound, holding: [.triesAreSpent],
      to: .abandoned, actions: [.reportAbandoned],
      rule: "RPR-6"),
    RowCase(
      row: 6, from: .missing, event: .gapFound, holding: [],
      to: .missing, actions: [.noteGap],
      rule: "RPR-1"),
    RowCase(
      row: 7, from: .missing, event: .repairsSent, holding: [],
      to: .repairing, actions: [],
      rule: "RPR-2"),
    RowCase(
      row: 8, from: .missing, event: .gapsClosed, holding: [.gapsRemain],
      to: .repairing, actions: [],
      rule: "RPR-3"),
    RowCase(
      row: 9, from: .missing, event: .gapsClosed, holding: [],
      to: .complete, actions: [.clearGaps],
      rule: "RPR-3"),
    RowCase(
      row: 10, from: .missing, event: .tailSilent, holding: [.budgetIsSpent],
      to: .missing, actions: [],
      rule: "RPR-5"),
    RowCase(
      row: 11, from: .missing, event: .tailSilent, holding: [],
      to: .missing, actions: [.sendProbe],
      rule: "RPR-4"),
    RowCase(
      row: 12, from: .missing, event: .endAcknowledged, holding: [],
      to: .repaired, actions: [.reportFinished],
      rule: "RPR-7"),
    RowCase(
      row: 13, from: .missing, event: .sessionEnded, holding: [],
      to: .abandoned, actions: [],
      rule: "RPR-7"),
    RowCase(
      row: 14, from: .repairing, event: .gapFound, holding: [.triesAreSpent],
      to: .abandoned, actions: [.reportAbandoned],
      rule: "RPR-6"),
    RowCase(
      row: 15, from: .repairing, event: .gapFound, holding: [],
      to: .missing, actions: [.noteGap],
      rule: "RPR-2"),
    RowCase(
      row: 16, from: .repairing, event: .gapsClosed, holding: [],
      to: .complete, actions: [.clearGaps],
      rule: "RPR-3"),
    RowCase(
      row: 17, from: .repairing, event: .tailSilent, holding: [.budgetIsSpent],
      to: .repairing, actions: [],
      rule: "RPR-5"),
    RowCase(
      row: 18, from: .repairing, event: .tailSilent, holding: [],
      to: .repairing, actions: [.sendProbe],
      rule: "RPR-4"),
    RowCase(
      row: 19, from: .repairing, event: .endAcknowledged, holding: [],
      to: .repaired, actions: [.reportFinished],
      rule: "RPR-7"),
    RowCase(
      row: 20, from: .repairing, event: .sessionEnded, holding: [],
      to: .abandoned, actions: [],
      rule: "RPR-7"),
  ]

  static let defaultCases: [DefaultCase] = [
    DefaultCase(state: .complete, event: .repairsSent, kind: .protocolError, rule: "RPR-8"),
    DefaultCase(state: .complete, event: .gapsClosed, kind: .protocolError, rule: "RPR-8"),
    DefaultCase(state: .repairing, event: .repairsSent, kind: .protocolError, rule: "RPR-8"),
    DefaultCase(state: .repaired, event: .gapFound, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .repaired, event: .repairsSent, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .repaired, event: .gapsClosed, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .repaired, event: .tailSilent, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .repaired, event: .endAcknowledged, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .repaired, event: .sessionEnded, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .abandoned, event: .gapFound, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .abandoned, event: .repairsSent, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .abandoned, event: .gapsClosed, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .abandoned, event: .tailSilent, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .abandoned, event: .endAcknowledged, kind: .ignored, rule: "RPR-7"),
    DefaultCase(state: .abandoned, event: .sessionEnded, kind: .ignored, rule: "RPR-7"),
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
    #expect(M().state == .complete)
    #expect(M.rowCount == 21)
    #expect(M.rowNames.count == M.rowCount)
  }

  @Test(arguments: M.State.allCases)
  func finality(_ state: M.State) {
    let final: [M.State] = [.repaired, .abandoned]
    #expect(M.isTerminal(state) == final.contains(state))
  }
}
