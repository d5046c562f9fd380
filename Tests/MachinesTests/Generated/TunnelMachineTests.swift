// Generated from specs/tunnel.md by spec-compiler. Do not edit: change the table instead.

import Testing

@testable import Machines

@Suite struct TunnelMachineTests {
  typealias M = TunnelMachine

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
      row: 0, from: .idle, event: .start, holding: [],
      to: .connecting, actions: [.startSession],
      rule: "TUN-1"),
    RowCase(
      row: 1, from: .idle, event: .stop, holding: [],
      to: .closed, actions: [],
      rule: "TUN-9"),
    RowCase(
      row: 2, from: .connecting, event: .established, holding: [],
      to: .open, actions: [.resetPause, .reportOpen],
      rule: "TUN-2"),
    RowCase(
      row: 3, from: .connecting, event: .ended, holding: [.mayRetry],
      to: .resting, actions: [.armRetry, .reportLost],
      rule: "TUN-3"),
    RowCase(
      row: 4, from: .connecting, event: .ended, holding: [],
      to: .closed, actions: [.reportGivenUp],
      rule: "TUN-3"),
    RowCase(
      row: 5, from: .connecting, event: .refused, holding: [],
      to: .closed, actions: [.reportRefused],
      rule: "TUN-7"),
    RowCase(
      row: 6, from: .connecting, event: .stop, holding: [],
      to: .closed, actions: [.endSession],
      rule: "TUN-9"),
    RowCase(
      row: 7, from: .open, event: .silence, holding: [],
      to: .silent, actions: [.armWindow, .reportSilent],
      rule: "TUN-4"),
    RowCase(
      row: 8, from: .open, event: .ended, holding: [.mayRetry],
      to: .resting, actions: [.armRetry, .reportLost],
      rule: "TUN-3"),
    RowCase(
      row: 9, from: .open, event: .ended, holding: [],
      to: .closed, actions: [.reportGivenUp],
      rule: "TUN-3"),
    RowCase(
      row: 10, from: .open, event: .refused, holding: [],
      to: .closed, actions: [.reportRefused],
      rule: "TUN-7"),
    RowCase(
      row: 11, from: .open, event: .stop, holding: [],
      to: .closed, actions: [.endSession],
      rule: "TUN-9"),
    RowCase(
      row: 12, from: .silent, event: .heard, holding: [],
      to: .open, actions: [.disarmWindow, .reportBack],
      rule: "TUN-4"),
    RowCase(
      row: 13, from: .silent, event: .restarted, holding: [],
      to: .connecting, actions: [.disarmWindow, .endSession, .reportLost, .startSession],
      rule: "TUN-5"),
    RowCase(
      row: 14, from: .silent, event: .windowElapsed, holding: [],
      to: .connecting, actions: [.endSession, .reportLost, .startSession],
      rule: "TUN-6"),
    RowCase(
      row: 15, from: .silent, event: .ended, holding: [.mayRetry],
      to: .resting, actions: [.disarmWindow, .armRetry, .reportLost],
      rule: "TUN-3"),
    RowCase(
      row: 16, from: .silent, event: .ended, holding: [],
      to: .closed, actions: [.disarmWindow, .reportGivenUp],
      rule: "TUN-3"),
    RowCase(
      row: 17, from: .silent, event: .refused, holding: [],
      to: .closed, actions: [.disarmWindow, .reportRefused],
      rule: "TUN-7"),
    RowCase(
      row: 18, from: .silent, event: .stop, holding: [],
      to: .closed, actions: [.disarmWindow, .endSession],
      rule: "TUN-9"),
    RowCase(
      row: 19, from: .resting, event: .retryDue, holding: [],
      to: .connecting, actions: [.startSession],
      rule: "TUN-3"),
    RowCase(
      row: 20, from: .resting, event: .networkChanged, holding: [],
      to: .connecting, actions: [.disarmRetry, .resetPause, .startSession],
      rule: "TUN-8"),
    RowCase(
      row: 21, from: .resting, event: .stop, holding: [],
      to: .closed, actions: [.disarmRetry],
      rule: "TUN-9"),
  ]

  static let defaultCases: [DefaultCase] = [
    DefaultCase(state: .idle, event: .established, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .idle, event: .ended, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .idle, event: .refused, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .idle, event: .silence, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .idle, event: .heard, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .idle, event: .restarted, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .idle, event: .windowElapsed, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .idle, event: .retryDue, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .idle, event: .networkChanged, kind: .ignored, rule: "TUN-8"),
    DefaultCase(state: .connecting, event: .start, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .connecting, event: .silence, kind: .ignored, rule: "TUN-2"),
    DefaultCase(state: .connecting, event: .heard, kind: .ignored, rule: "TUN-2"),
    DefaultCase(state: .connecting, event: .restarted, kind: .ignored, rule: "TUN-2"),
    DefaultCase(state: .connecting, event: .windowElapsed, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .connecting, event: .retryDue, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .connecting, event: .networkChanged, kind: .ignored, rule: "TUN-8"),
    DefaultCase(state: .open, event: .start, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .open, event: .established, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .open, event: .heard, kind: .ignored, rule: "TUN-4"),
    DefaultCase(state: .open, event: .restarted, kind: .ignored, rule: "TUN-4"),
    DefaultCase(state: .open, event: .windowElapsed, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .open, event: .retryDue, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .open, event: .networkChanged, kind: .ignored, rule: "TUN-8"),
    DefaultCase(state: .silent, event: .start, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .silent, event: .established, kind: .ignored, rule: "TUN-4"),
    DefaultCase(state: .silent, event: .silence, kind: .ignored, rule: "TUN-4"),
    DefaultCase(state: .silent, event: .retryDue, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .silent, event: .networkChanged, kind: .ignored, rule: "TUN-8"),
    DefaultCase(state: .resting, event: .start, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .resting, event: .established, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .resting, event: .ended, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .resting, event: .refused, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .resting, event: .silence, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .resting, event: .heard, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .resting, event: .restarted, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .resting, event: .windowElapsed, kind: .protocolError, rule: "TUN-11"),
    DefaultCase(state: .closed, event: .start, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .established, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .ended, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .refused, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .silence, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .heard, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .restarted, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .windowElapsed, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .retryDue, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .networkChanged, kind: .ignored, rule: "TUN-10"),
    DefaultCase(state: .closed, event: .stop, kind: .ignored, rule: "TUN-10"),
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
    #expect(M.rowCount == 22)
    #expect(M.rowNames.count == M.rowCount)
  }

  @Test(arguments: M.State.allCases)
  func finality(_ state: M.State) {
    let final: [M.State] = [.closed]
    #expect(M.isTerminal(state) == final.contains(state))
  }
}
