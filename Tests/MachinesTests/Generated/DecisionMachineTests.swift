// Generated from specs/decision.md by spec-compiler. Do not edit: change the table instead.

import Testing

@testable import Machines

@Suite struct DecisionMachineTests {
  typealias M = DecisionMachine

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
      row: 0, from: .waiting, event: .claim, holding: [.isAcceptable],
      to: .bound, actions: [.bindClaimant, .sendDecision, .armHold],
      rule: "DEC-1"),
    RowCase(
      row: 1, from: .waiting, event: .claim, holding: [],
      to: .waiting, actions: [.sendRefusal],
      rule: "DEC-2"),
    RowCase(
      row: 2, from: .waiting, event: .foreignClaim, holding: [],
      to: .waiting, actions: [.sendForeignAbort],
      rule: "DEC-9"),
    RowCase(
      row: 3, from: .waiting, event: .tokenExpired, holding: [],
      to: .closed, actions: [.reportExpired],
      rule: "DEC-10"),
    RowCase(
      row: 4, from: .waiting, event: .relayLost, holding: [],
      to: .closed, actions: [.reportRelayLost],
      rule: "DEC-12"),
    RowCase(
      row: 5, from: .waiting, event: .cancel, holding: [],
      to: .closed, actions: [.reportCancelled],
      rule: "DEC-11"),
    RowCase(
      row: 6, from: .bound, event: .claim, holding: [.isRepeat],
      to: .bound, actions: [.sendDecision],
      rule: "DEC-3"),
    RowCase(
      row: 7, from: .bound, event: .claim, holding: [],
      to: .bound, actions: [],
      rule: "DEC-4"),
    RowCase(
      row: 8, from: .bound, event: .foreignClaim, holding: [],
      to: .bound, actions: [.sendForeignAbort],
      rule: "DEC-9"),
    RowCase(
      row: 9, from: .bound, event: .proof, holding: [],
      to: .confirmed, actions: [.disarmHold, .adoptClaimant],
      rule: "DEC-5"),
    RowCase(
      row: 10, from: .bound, event: .holdExpired, holding: [.tokenIsExpired],
      to: .closed, actions: [.releaseClaimant, .reportExpired],
      rule: "DEC-10"),
    RowCase(
      row: 11, from: .bound, event: .holdExpired, holding: [],
      to: .waiting, actions: [.releaseClaimant],
      rule: "DEC-7"),
    RowCase(
      row: 12, from: .bound, event: .peerAbort, holding: [.tokenIsExpired],
      to: .closed, actions: [.disarmHold, .releaseClaimant, .reportExpired],
      rule: "DEC-10"),
    RowCase(
      row: 13, from: .bound, event: .peerAbort, holding: [],
      to: .waiting, actions: [.disarmHold, .releaseClaimant],
      rule: "DEC-8"),
    RowCase(
      row: 14, from: .bound, event: .relayLost, holding: [],
      to: .closed, actions: [.disarmHold, .releaseClaimant, .reportRelayLost],
      rule: "DEC-12"),
    RowCase(
      row: 15, from: .bound, event: .cancel, holding: [],
      to: .closed, actions: [.disarmHold, .sendAbort, .releaseClaimant, .reportCancelled],
      rule: "DEC-11"),
    RowCase(
      row: 16, from: .confirmed, event: .claim, holding: [.isRepeat],
      to: .confirmed, actions: [.sendDecision],
      rule: "DEC-3"),
    RowCase(
      row: 17, from: .confirmed, event: .claim, holding: [],
      to: .confirmed, actions: [.sendClaimedRefusal],
      rule: "DEC-6"),
    RowCase(
      row: 18, from: .confirmed, event: .foreignClaim, holding: [],
      to: .confirmed, actions: [.sendForeignAbort],
      rule: "DEC-9"),
    RowCase(
      row: 19, from: .confirmed, event: .sessionEnded, holding: [],
      to: .closed, actions: [],
      rule: "DEC-13"),
    RowCase(
      row: 20, from: .confirmed, event: .cancel, holding: [],
      to: .closed, actions: [.sendAbort, .reportCancelled],
      rule: "DEC-11"),
  ]

  static let defaultCases: [DefaultCase] = [
    DefaultCase(state: .waiting, event: .proof, kind: .ignored, rule: "DEC-7"),
    DefaultCase(state: .waiting, event: .holdExpired, kind: .protocolError, rule: "DEC-15"),
    DefaultCase(state: .waiting, event: .peerAbort, kind: .ignored, rule: "DEC-7"),
    DefaultCase(state: .waiting, event: .sessionEnded, kind: .protocolError, rule: "DEC-15"),
    DefaultCase(state: .bound, event: .tokenExpired, kind: .ignored, rule: "DEC-10"),
    DefaultCase(state: .bound, event: .sessionEnded, kind: .protocolError, rule: "DEC-15"),
    DefaultCase(state: .confirmed, event: .proof, kind: .ignored, rule: "DEC-5"),
    DefaultCase(state: .confirmed, event: .holdExpired, kind: .protocolError, rule: "DEC-15"),
    DefaultCase(state: .confirmed, event: .tokenExpired, kind: .ignored, rule: "DEC-10"),
    DefaultCase(state: .confirmed, event: .peerAbort, kind: .ignored, rule: "DEC-13"),
    DefaultCase(state: .confirmed, event: .relayLost, kind: .ignored, rule: "DEC-12"),
    DefaultCase(state: .closed, event: .claim, kind: .ignored, rule: "DEC-14"),
    DefaultCase(state: .closed, event: .foreignClaim, kind: .ignored, rule: "DEC-14"),
    DefaultCase(state: .closed, event: .proof, kind: .ignored, rule: "DEC-14"),
    DefaultCase(state: .closed, event: .holdExpired, kind: .ignored, rule: "DEC-14"),
    DefaultCase(state: .closed, event: .tokenExpired, kind: .ignored, rule: "DEC-14"),
    DefaultCase(state: .closed, event: .peerAbort, kind: .ignored, rule: "DEC-14"),
    DefaultCase(state: .closed, event: .relayLost, kind: .ignored, rule: "DEC-14"),
    DefaultCase(state: .closed, event: .sessionEnded, kind: .ignored, rule: "DEC-14"),
    DefaultCase(state: .closed, event: .cancel, kind: .ignored, rule: "DEC-14"),
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
    #expect(M().state == .waiting)
    #expect(M.rowCount == 21)
    #expect(M.rowNames.count == M.rowCount)
  }

  @Test(arguments: M.State.allCases)
  func finality(_ state: M.State) {
    let final: [M.State] = [.closed]
    #expect(M.isTerminal(state) == final.contains(state))
  }
}
