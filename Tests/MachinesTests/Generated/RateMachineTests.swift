// Generated from specs/rate.md by spec-compiler. Do not edit: change the table instead.

import Testing

@testable import Machines

@Suite struct RateMachineTests {
  typealias M = RateMachine

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
      row: 0, from: .startup, event: .plateauReached, holding: [],
      to: .draining, actions: [.beginPhase],
      rule: "RTE-2"),
    RowCase(
      row: 1, from: .startup, event: .congested, holding: [],
      to: .draining, actions: [.lowerCeiling, .beginPhase],
      rule: "RTE-3"),
    RowCase(
      row: 2, from: .draining, event: .drained, holding: [],
      to: .cruising, actions: [.beginPhase],
      rule: "RTE-4"),
    RowCase(
      row: 3, from: .draining, event: .congested, holding: [],
      to: .draining, actions: [.lowerCeiling],
      rule: "RTE-3"),
    RowCase(
      row: 4, from: .cruising, event: .cruiseOver, holding: [],
      to: .raising, actions: [.release, .beginPhase],
      rule: "RTE-5"),
    RowCase(
      row: 5, from: .cruising, event: .congested, holding: [],
      to: .cruising, actions: [.restrain, .lowerCeiling],
      rule: "RTE-3"),
    RowCase(
      row: 6, from: .cruising, event: .baseStale, holding: [],
      to: .sounding, actions: [.beginPhase],
      rule: "RTE-7"),
    RowCase(
      row: 7, from: .raising, event: .raiseOver, holding: [.isGrowing],
      to: .raising, actions: [.stepUp, .shortenCruise, .beginPhase],
      rule: "RTE-5"),
    RowCase(
      row: 8, from: .raising, event: .raiseOver, holding: [.isUseless],
      to: .lowering, actions: [.lengthenCruise, .beginPhase],
      rule: "RTE-6"),
    RowCase(
      row: 9, from: .raising, event: .raiseOver, holding: [],
      to: .lowering, actions: [.shortenCruise, .beginPhase],
      rule: "RTE-5"),
    RowCase(
      row: 10, from: .raising, event: .congested, holding: [],
      to: .lowering, actions: [.lowerCeiling, .lengthenCruise, .beginPhase],
      rule: "RTE-3"),
    RowCase(
      row: 11, from: .lowering, event: .drained, holding: [],
      to: .cruising, actions: [.beginPhase],
      rule: "RTE-5"),
    RowCase(
      row: 12, from: .lowering, event: .congested, holding: [],
      to: .lowering, actions: [.restrain, .lowerCeiling],
      rule: "RTE-3"),
    RowCase(
      row: 13, from: .sounding, event: .baseSounded, holding: [],
      to: .cruising, actions: [.refreshBase, .beginPhase],
      rule: "RTE-7"),
    RowCase(
      row: 14, from: .sounding, event: .congested, holding: [],
      to: .sounding, actions: [.lowerCeiling],
      rule: "RTE-3"),
  ]

  static let defaultCases: [DefaultCase] = [
    DefaultCase(state: .startup, event: .drained, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .startup, event: .cruiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .startup, event: .raiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .startup, event: .baseStale, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .startup, event: .baseSounded, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .draining, event: .plateauReached, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .draining, event: .cruiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .draining, event: .raiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .draining, event: .baseStale, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .draining, event: .baseSounded, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .cruising, event: .plateauReached, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .cruising, event: .drained, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .cruising, event: .raiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .cruising, event: .baseSounded, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .raising, event: .plateauReached, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .raising, event: .drained, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .raising, event: .cruiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .raising, event: .baseStale, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .raising, event: .baseSounded, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .lowering, event: .plateauReached, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .lowering, event: .cruiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .lowering, event: .raiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .lowering, event: .baseStale, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .lowering, event: .baseSounded, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .sounding, event: .plateauReached, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .sounding, event: .drained, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .sounding, event: .cruiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .sounding, event: .raiseOver, kind: .protocolError, rule: "RTE-10"),
    DefaultCase(state: .sounding, event: .baseStale, kind: .protocolError, rule: "RTE-10"),
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
    #expect(M().state == .startup)
    #expect(M.rowCount == 15)
    #expect(M.rowNames.count == M.rowCount)
  }

  @Test(arguments: M.State.allCases)
  func finality(_ state: M.State) {
    let final: [M.State] = []
    #expect(M.isTerminal(state) == final.contains(state))
  }
}
