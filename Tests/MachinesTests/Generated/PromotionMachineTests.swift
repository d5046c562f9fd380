// Generated from specs/promotion.md by spec-compiler. Do not edit: change the table instead.

import Testing

@testable import Machines

@Suite struct PromotionMachineTests {
  typealias M = PromotionMachine

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
      row: 0, from: .relayed, event: .pathProven, holding: [.isDeclined],
      to: .relayed, actions: [.countDeclined],
      rule: "PRM-2"),
    RowCase(
      row: 1, from: .relayed, event: .pathProven, holding: [],
      to: .confirming, actions: [.chooseCandidate, .sendChallenge, .armConfirming, .armChallenge],
      rule: "PRM-3"),
    RowCase(
      row: 2, from: .relayed, event: .sessionEnded, holding: [],
      to: .over, actions: [],
      rule: "PRM-12"),
    RowCase(
      row: 3, from: .confirming, event: .challengeDue, holding: [],
      to: .confirming, actions: [.sendChallenge, .armChallenge],
      rule: "PRM-4"),
    RowCase(
      row: 4, from: .confirming, event: .challengeAnswered, holding: [.echoesOutstanding],
      to: .direct,
      actions: [.disarmChallenge, .adoptCandidate, .moveToPath, .armCheck, .armSilence, .reportDirect],
      rule: "PRM-6"),
    RowCase(
      row: 5, from: .confirming, event: .challengeAnswered, holding: [],
      to: .confirming, actions: [.countStale],
      rule: "PRM-5"),
    RowCase(
      row: 6, from: .confirming, event: .confirmOver, holding: [],
      to: .relayed, actions: [.disarmChallenge, .barCandidate],
      rule: "PRM-4"),
    RowCase(
      row: 7, from: .confirming, event: .candidateLost, holding: [],
      to: .relayed, actions: [.disarmChallenge, .barCandidate],
      rule: "PRM-9"),
    RowCase(
      row: 8, from: .confirming, event: .sessionEnded, holding: [],
      to: .over, actions: [.disarmChallenge],
      rule: "PRM-12"),
    RowCase(
      row: 9, from: .direct, event: .pathHeard, holding: [],
      to: .direct, actions: [.armCheck, .armSilence],
      rule: "PRM-7"),
    RowCase(
      row: 10, from: .direct, event: .trafficResumed, holding: [],
      to: .direct, actions: [.armCheck, .armSilence],
      rule: "PRM-7"),
    RowCase(
      row: 11, from: .direct, event: .checkDue, holding: [],
      to: .direct, actions: [.sendCheck, .armCheck],
      rule: "PRM-7"),
    RowCase(
      row: 12, from: .direct, event: .pathProven, holding: [.isClearlyBetter],
      to: .upgrading, actions: [.chooseCandidate, .sendChallenge, .armConfirming, .armChallenge],
      rule: "PRM-11"),
    RowCase(
      row: 13, from: .direct, event: .pathProven, holding: [],
      to: .direct, actions: [.countDeclined],
      rule: "PRM-11"),
    RowCase(
      row: 14, from: .direct, event: .pathSilent, holding: [],
      to: .degraded,
      actions: [.disarmSilence, .moveToRelay, .sendChallenge, .armConfirming, .armChallenge, .reportRelayed],
      rule: "PRM-7"),
    RowCase(
      row: 15, from: .direct, event: .pathLost, holding: [],
      to: .relayed, actions: [.disarmSilence, .moveToRelay, .releasePath, .reportRelayed],
      rule: "PRM-9"),
    RowCase(
      row: 16, from: .direct, event: .sessionEnded, holding: [],
      to: .over, actions: [.disarmSilence],
      rule: "PRM-12"),
    RowCase(
      row: 17, from: .upgrading, event: .pathHeard, holding: [],
      to: .upgrading, actions: [.armCheck, .armSilence],
      rule: "PRM-7"),
    RowCase(
      row: 18, from: .upgrading, event: .trafficResumed, holding: [],
      to: .upgrading, actions: [.armCheck, .armSilence],
      rule: "PRM-7"),
    RowCase(
      row: 19, from: .upgrading, event: .checkDue, holding: [],
      to: .upgrading, actions: [.sendCheck, .armCheck],
      rule: "PRM-7"),
    RowCase(
      row: 20, from: .upgrading, event: .challengeDue, holding: [],
      to: .upgrading, actions: [.sendChallenge, .armChallenge],
      rule: "PRM-4"),
    RowCase(
      row: 21, from: .upgrading, event: .challengeAnswered, holding: [.echoesOutstanding],
      to: .direct,
      actions: [
        .disarmChallenge, .disarmSilence, .adoptCandidate, .moveToPath, .armCheck, .armSilence, .reportDirect,
      ],
      rule: "PRM-11"),
    RowCase(
      row: 22, from: .upgrading, event: .challengeAnswered, holding: [],
      to: .upgrading, actions: [.countStale],
      rule: "PRM-5"),
    RowCase(
      row: 23, from: .upgrading, event: .confirmOver, holding: [],
      to: .direct, actions: [.disarmChallenge, .barCandidate],
      rule: "PRM-4"),
    RowCase(
      row: 24, from: .upgrading, event: .candidateLost, holding: [],
      to: .direct, actions: [.disarmChallenge, .barCandidate],
      rule: "PRM-9"),
    RowCase(
      row: 25, from: .upgrading, event: .pathSilent, holding: [],
      to: .confirming, actions: [.disarmSilence, .moveToRelay, .releasePath, .reportRelayed],
      rule: "PRM-7"),
    RowCase(
      row: 26, from: .upgrading, event: .pathLost, holding: [],
      to: .confirming, actions: [.disarmSilence, .moveToRelay, .releasePath, .reportRelayed],
      rule: "PRM-9"),
    RowCase(
      row: 27, from: .upgrading, event: .sessionEnded, holding: [],
      to: .over, actions: [.disarmChallenge, .disarmSilence],
      rule: "PRM-12"),
    RowCase(
      row: 28, from: .degraded, event: .challengeDue, holding: [],
      to: .degraded, actions: [.sendChallenge, .armChallenge],
      rule: "PRM-8"),
    RowCase(
      row: 29, from: .degraded, event: .challengeAnswered, holding: [.echoesOutstanding],
      to: .direct, actions: [.disarmChallenge, .moveToPath, .armCheck, .armSilence, .reportDirect],
      rule: "PRM-8"),
    RowCase(
      row: 30, from: .degraded, event: .challengeAnswered, holding: [],
      to: .degraded, actions: [.countStale],
      rule: "PRM-5"),
    RowCase(
      row: 31, from: .degraded, event: .confirmOver, holding: [],
      to: .relayed, actions: [.disarmChallenge, .releasePath],
      rule: "PRM-8"),
    RowCase(
      row: 32, from: .degraded, event: .pathLost, holding: [],
      to: .relayed, actions: [.disarmChallenge, .releasePath],
      rule: "PRM-9"),
    RowCase(
      row: 33, from: .degraded, event: .sessionEnded, holding: [],
      to: .over, actions: [.disarmChallenge],
      rule: "PRM-12"),
  ]

  static let defaultCases: [DefaultCase] = [
    DefaultCase(state: .relayed, event: .challengeDue, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .relayed, event: .challengeAnswered, kind: .ignored, rule: "PRM-1"),
    DefaultCase(state: .relayed, event: .confirmOver, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .relayed, event: .pathHeard, kind: .ignored, rule: "PRM-1"),
    DefaultCase(state: .relayed, event: .trafficResumed, kind: .ignored, rule: "PRM-1"),
    DefaultCase(state: .relayed, event: .checkDue, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .relayed, event: .pathSilent, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .relayed, event: .pathLost, kind: .ignored, rule: "PRM-1"),
    DefaultCase(state: .relayed, event: .candidateLost, kind: .ignored, rule: "PRM-1"),
    DefaultCase(state: .confirming, event: .pathProven, kind: .ignored, rule: "PRM-10"),
    DefaultCase(state: .confirming, event: .pathHeard, kind: .ignored, rule: "PRM-3"),
    DefaultCase(state: .confirming, event: .trafficResumed, kind: .ignored, rule: "PRM-3"),
    DefaultCase(state: .confirming, event: .checkDue, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .confirming, event: .pathSilent, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .confirming, event: .pathLost, kind: .ignored, rule: "PRM-9"),
    DefaultCase(state: .direct, event: .challengeDue, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .direct, event: .challengeAnswered, kind: .ignored, rule: "PRM-5"),
    DefaultCase(state: .direct, event: .confirmOver, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .direct, event: .candidateLost, kind: .ignored, rule: "PRM-9"),
    DefaultCase(state: .upgrading, event: .pathProven, kind: .ignored, rule: "PRM-11"),
    DefaultCase(state: .degraded, event: .pathProven, kind: .ignored, rule: "PRM-10"),
    DefaultCase(state: .degraded, event: .pathHeard, kind: .ignored, rule: "PRM-3"),
    DefaultCase(state: .degraded, event: .trafficResumed, kind: .ignored, rule: "PRM-3"),
    DefaultCase(state: .degraded, event: .checkDue, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .degraded, event: .pathSilent, kind: .protocolError, rule: "PRM-13"),
    DefaultCase(state: .degraded, event: .candidateLost, kind: .ignored, rule: "PRM-9"),
    DefaultCase(state: .over, event: .pathProven, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .challengeDue, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .challengeAnswered, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .confirmOver, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .pathHeard, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .trafficResumed, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .checkDue, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .pathSilent, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .pathLost, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .candidateLost, kind: .ignored, rule: "PRM-12"),
    DefaultCase(state: .over, event: .sessionEnded, kind: .ignored, rule: "PRM-12"),
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
    #expect(M().state == .relayed)
    #expect(M.rowCount == 34)
    #expect(M.rowNames.count == M.rowCount)
  }

  @Test(arguments: M.State.allCases)
  func finality(_ state: M.State) {
    let final: [M.State] = [.over]
    #expect(M.isTerminal(state) == final.contains(state))
  }
}
