// Generated from specs/claim.md by spec-compiler. Do not edit: change the table instead.

import Testing

@testable import Machines

@Suite struct ClaimMachineTests {
  typealias M = ClaimMachine

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
      row: 0, from: .idle, event: .relayUp, holding: [],
      to: .claiming, actions: [.sendClaim, .armRetry, .armDeadline],
      rule: "CLM-2"),
    RowCase(
      row: 1, from: .idle, event: .relayLost, holding: [],
      to: .givenUp, actions: [.reportRelayLost],
      rule: "CLM-11"),
    RowCase(
      row: 2, from: .idle, event: .cancel, holding: [],
      to: .givenUp, actions: [.reportCancelled],
      rule: "CLM-10"),
    RowCase(
      row: 3, from: .claiming, event: .retryDue, holding: [],
      to: .claiming, actions: [.sendClaim, .armRetry],
      rule: "CLM-2"),
    RowCase(
      row: 4, from: .claiming, event: .decision, holding: [.decisionAccepts],
      to: .accepted, actions: [.adoptDecision],
      rule: "CLM-6"),
    RowCase(
      row: 5, from: .claiming, event: .decision, holding: [],
      to: .refused, actions: [.disarmTimers, .reportRefusal],
      rule: "CLM-8"),
    RowCase(
      row: 6, from: .claiming, event: .peerAbort, holding: [],
      to: .refused, actions: [.disarmTimers, .reportAbort],
      rule: "CLM-9"),
    RowCase(
      row: 7, from: .claiming, event: .relayDown, holding: [],
      to: .suspended, actions: [.disarmRetry],
      rule: "CLM-4"),
    RowCase(
      row: 8, from: .claiming, event: .deadline, holding: [],
      to: .givenUp, actions: [.disarmTimers, .sendAbort, .reportDeadline],
      rule: "CLM-3"),
    RowCase(
      row: 9, from: .claiming, event: .cancel, holding: [],
      to: .givenUp, actions: [.disarmTimers, .sendAbort, .reportCancelled],
      rule: "CLM-10"),
    RowCase(
      row: 10, from: .suspended, event: .relayUp, holding: [],
      to: .claiming, actions: [.sendClaim, .armRetry],
      rule: "CLM-2"),
    RowCase(
      row: 11, from: .suspended, event: .relayLost, holding: [],
      to: .givenUp, actions: [.disarmTimers, .reportRelayLost],
      rule: "CLM-11"),
    RowCase(
      row: 12, from: .suspended, event: .deadline, holding: [],
      to: .givenUp, actions: [.reportDeadline],
      rule: "CLM-3"),
    RowCase(
      row: 13, from: .suspended, event: .cancel, holding: [],
      to: .givenUp, actions: [.disarmTimers, .reportCancelled],
      rule: "CLM-4"),
    RowCase(
      row: 14, from: .accepted, event: .retryDue, holding: [],
      to: .accepted, actions: [.sendClaim, .armRetry],
      rule: "CLM-7"),
    RowCase(
      row: 15, from: .accepted, event: .confirmation, holding: [],
      to: .established, actions: [.disarmTimers],
      rule: "CLM-7"),
    RowCase(
      row: 16, from: .accepted, event: .peerAbort, holding: [],
      to: .refused, actions: [.disarmTimers, .reportAbort],
      rule: "CLM-9"),
    RowCase(
      row: 17, from: .accepted, event: .relayLost, holding: [],
      to: .givenUp, actions: [.disarmTimers, .reportRelayLost],
      rule: "CLM-11"),
    RowCase(
      row: 18, from: .accepted, event: .deadline, holding: [],
      to: .givenUp, actions: [.disarmTimers, .sendAbort, .reportDeadline],
      rule: "CLM-3"),
    RowCase(
      row: 19, from: .accepted, event: .cancel, holding: [],
      to: .givenUp, actions: [.disarmTimers, .sendAbort, .reportCancelled],
      rule: "CLM-10"),
  ]

  static let defaultCases: [DefaultCase] = [
    DefaultCase(state: .idle, event: .relayDown, kind: .protocolError, rule: "CLM-13"),
    DefaultCase(state: .idle, event: .retryDue, kind: .protocolError, rule: "CLM-13"),
    DefaultCase(state: .idle, event: .deadline, kind: .protocolError, rule: "CLM-13"),
    DefaultCase(state: .idle, event: .decision, kind: .ignored, rule: "CLM-4"),
    DefaultCase(state: .idle, event: .confirmation, kind: .ignored, rule: "CLM-6"),
    DefaultCase(state: .idle, event: .peerAbort, kind: .ignored, rule: "CLM-4"),
    DefaultCase(state: .claiming, event: .relayUp, kind: .protocolError, rule: "CLM-13"),
    DefaultCase(state: .claiming, event: .relayLost, kind: .protocolError, rule: "CLM-13"),
    DefaultCase(state: .claiming, event: .confirmation, kind: .ignored, rule: "CLM-6"),
    DefaultCase(state: .suspended, event: .relayDown, kind: .protocolError, rule: "CLM-13"),
    DefaultCase(state: .suspended, event: .retryDue, kind: .protocolError, rule: "CLM-13"),
    DefaultCase(state: .suspended, event: .decision, kind: .ignored, rule: "CLM-4"),
    DefaultCase(state: .suspended, event: .confirmation, kind: .ignored, rule: "CLM-6"),
    DefaultCase(state: .suspended, event: .peerAbort, kind: .ignored, rule: "CLM-4"),
    DefaultCase(state: .accepted, event: .relayUp, kind: .ignored, rule: "CLM-7"),
    DefaultCase(state: .accepted, event: .relayDown, kind: .ignored, rule: "CLM-7"),
    DefaultCase(state: .accepted, event: .decision, kind: .ignored, rule: "CLM-5"),
    DefaultCase(state: .established, event: .relayUp, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .established, event: .relayDown, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .established, event: .relayLost, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .established, event: .retryDue, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .established, event: .deadline, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .established, event: .decision, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .established, event: .confirmation, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .established, event: .peerAbort, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .established, event: .cancel, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .refused, event: .relayUp, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .refused, event: .relayDown, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .refused, event: .relayLost, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .refused, event: .retryDue, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .refused, event: .deadline, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .refused, event: .decision, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .refused, event: .confirmation, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .refused, event: .peerAbort, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .refused, event: .cancel, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .givenUp, event: .relayUp, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .givenUp, event: .relayDown, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .givenUp, event: .relayLost, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .givenUp, event: .retryDue, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .givenUp, event: .deadline, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .givenUp, event: .decision, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .givenUp, event: .confirmation, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .givenUp, event: .peerAbort, kind: .ignored, rule: "CLM-12"),
    DefaultCase(state: .givenUp, event: .cancel, kind: .ignored, rule: "CLM-12"),
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
    #expect(M().state == .idle)
    #expect(M.rowCount == 20)
    #expect(M.rowNames.count == M.rowCount)
  }

  @Test(arguments: M.State.allCases)
  func finality(_ state: M.State) {
    let final: [M.State] = [.established, .refused, .givenUp]
    #expect(M.isTerminal(state) == final.contains(state))
  }
}
