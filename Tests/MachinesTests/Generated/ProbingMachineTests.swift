// Generated from specs/probing.md by spec-compiler. Do not edit: change the table instead.

import Testing

@testable import Machines

@Suite struct ProbingMachineTests {
  typealias M = ProbingMachine

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
      row: 0, from: .unknown, event: .candidateSeen, holding: [.isAllowed],
      to: .sounding, actions: [.sendProbe, .armSounding, .armProbe],
      rule: "PRB-1"),
    RowCase(
      row: 1, from: .unknown, event: .candidateSeen, holding: [],
      to: .retired, actions: [.countRefused],
      rule: "PRB-1"),
    RowCase(
      row: 2, from: .sounding, event: .probeDue, holding: [.isWaiting],
      to: .sounding, actions: [.armProbe],
      rule: "PRB-2"),
    RowCase(
      row: 3, from: .sounding, event: .probeDue, holding: [],
      to: .sounding, actions: [.sendProbe, .armProbe],
      rule: "PRB-5"),
    RowCase(
      row: 4, from: .sounding, event: .answer, holding: [.isFresh],
      to: .proven, actions: [.disarmTimers, .noteRoundTrip, .armRefresh, .reportProven],
      rule: "PRB-4"),
    RowCase(
      row: 5, from: .sounding, event: .answer, holding: [],
      to: .sounding, actions: [.countStale],
      rule: "PRB-4"),
    RowCase(
      row: 6, from: .sounding, event: .soundingOver, holding: [],
      to: .suppressed, actions: [.disarmTimers, .armRest],
      rule: "PRB-5"),
    RowCase(
      row: 7, from: .sounding, event: .networkChanged, holding: [],
      to: .sounding, actions: [.disarmTimers, .sendProbe, .armSounding, .armProbe],
      rule: "PRB-8"),
    RowCase(
      row: 8, from: .sounding, event: .withdrawn, holding: [],
      to: .retired, actions: [.disarmTimers],
      rule: "PRB-9"),
    RowCase(
      row: 9, from: .proven, event: .answer, holding: [.isFresh],
      to: .proven, actions: [.noteRoundTrip],
      rule: "PRB-4"),
    RowCase(
      row: 10, from: .proven, event: .answer, holding: [],
      to: .proven, actions: [.countStale],
      rule: "PRB-4"),
    RowCase(
      row: 11, from: .proven, event: .refreshDue, holding: [.isDirect],
      to: .proven, actions: [.armRefresh],
      rule: "PRB-11"),
    RowCase(
      row: 12, from: .proven, event: .refreshDue, holding: [],
      to: .sounding, actions: [.sendProbe, .armSounding, .armProbe],
      rule: "PRB-7"),
    RowCase(
      row: 13, from: .proven, event: .searchResumed, holding: [],
      to: .sounding, actions: [.disarmTimers, .sendProbe, .armSounding, .armProbe],
      rule: "PRB-12"),
    RowCase(
      row: 14, from: .proven, event: .networkChanged, holding: [],
      to: .sounding, actions: [.disarmTimers, .sendProbe, .armSounding, .armProbe],
      rule: "PRB-8"),
    RowCase(
      row: 15, from: .proven, event: .withdrawn, holding: [],
      to: .retired, actions: [.disarmTimers],
      rule: "PRB-9"),
    RowCase(
      row: 16, from: .suppressed, event: .restOver, holding: [.isDirect],
      to: .suppressed, actions: [.armRest],
      rule: "PRB-11"),
    RowCase(
      row: 17, from: .suppressed, event: .restOver, holding: [],
      to: .sounding, actions: [.sendProbe, .armSounding, .armProbe],
      rule: "PRB-6"),
    RowCase(
      row: 18, from: .suppressed, event: .answer, holding: [.isFresh],
      to: .proven, actions: [.disarmTimers, .noteRoundTrip, .armRefresh, .reportProven],
      rule: "PRB-4"),
    RowCase(
      row: 19, from: .suppressed, event: .answer, holding: [],
      to: .suppressed, actions: [.countStale],
      rule: "PRB-4"),
    RowCase(
      row: 20, from: .suppressed, event: .peerAsked, holding: [.isDirect],
      to: .suppressed, actions: [],
      rule: "PRB-11"),
    RowCase(
      row: 21, from: .suppressed, event: .peerAsked, holding: [],
      to: .sounding, actions: [.disarmTimers, .sendProbe, .armSounding, .armProbe],
      rule: "PRB-13"),
    RowCase(
      row: 22, from: .suppressed, event: .searchResumed, holding: [],
      to: .sounding, actions: [.disarmTimers, .sendProbe, .armSounding, .armProbe],
      rule: "PRB-12"),
    RowCase(
      row: 23, from: .suppressed, event: .networkChanged, holding: [],
      to: .sounding, actions: [.disarmTimers, .sendProbe, .armSounding, .armProbe],
      rule: "PRB-8"),
    RowCase(
      row: 24, from: .suppressed, event: .withdrawn, holding: [],
      to: .retired, actions: [.disarmTimers],
      rule: "PRB-9"),
  ]

  static let defaultCases: [DefaultCase] = [
    DefaultCase(state: .unknown, event: .probeDue, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .unknown, event: .answer, kind: .ignored, rule: "PRB-1"),
    DefaultCase(state: .unknown, event: .soundingOver, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .unknown, event: .restOver, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .unknown, event: .refreshDue, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .unknown, event: .peerAsked, kind: .ignored, rule: "PRB-1"),
    DefaultCase(state: .unknown, event: .searchResumed, kind: .ignored, rule: "PRB-1"),
    DefaultCase(state: .unknown, event: .networkChanged, kind: .ignored, rule: "PRB-1"),
    DefaultCase(state: .unknown, event: .withdrawn, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .sounding, event: .candidateSeen, kind: .ignored, rule: "PRB-5"),
    DefaultCase(state: .sounding, event: .restOver, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .sounding, event: .refreshDue, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .sounding, event: .peerAsked, kind: .ignored, rule: "PRB-13"),
    DefaultCase(state: .sounding, event: .searchResumed, kind: .ignored, rule: "PRB-12"),
    DefaultCase(state: .proven, event: .candidateSeen, kind: .ignored, rule: "PRB-5"),
    DefaultCase(state: .proven, event: .probeDue, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .proven, event: .soundingOver, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .proven, event: .restOver, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .proven, event: .peerAsked, kind: .ignored, rule: "PRB-13"),
    DefaultCase(state: .suppressed, event: .candidateSeen, kind: .ignored, rule: "PRB-5"),
    DefaultCase(state: .suppressed, event: .probeDue, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .suppressed, event: .soundingOver, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .suppressed, event: .refreshDue, kind: .protocolError, rule: "PRB-10"),
    DefaultCase(state: .retired, event: .candidateSeen, kind: .ignored, rule: "PRB-9"),
    DefaultCase(state: .retired, event: .probeDue, kind: .ignored, rule: "PRB-9"),
    DefaultCase(state: .retired, event: .answer, kind: .ignored, rule: "PRB-9"),
    DefaultCase(state: .retired, event: .soundingOver, kind: .ignored, rule: "PRB-9"),
    DefaultCase(state: .retired, event: .restOver, kind: .ignored, rule: "PRB-9"),
    DefaultCase(state: .retired, event: .refreshDue, kind: .ignored, rule: "PRB-9"),
    DefaultCase(state: .retired, event: .peerAsked, kind: .ignored, rule: "PRB-9"),
    DefaultCase(state: .retired, event: .searchResumed, kind: .ignored, rule: "PRB-9"),
    DefaultCase(state: .retired, event: .networkChanged, kind: .ignored, rule: "PRB-9"),
    DefaultCase(state: .retired, event: .withdrawn, kind: .ignored, rule: "PRB-9"),
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
    #expect(M().state == .unknown)
    #expect(M.rowCount == 25)
    #expect(M.rowNames.count == M.rowCount)
  }

  @Test(arguments: M.State.allCases)
  func finality(_ state: M.State) {
    let final: [M.State] = [.retired]
    #expect(M.isTerminal(state) == final.contains(state))
  }
}
