// Generated from specs/promotion.md by spec-compiler. Do not edit: change the table instead.

import Basics

/// The `promotion` machine of `specs/promotion.md`, where its rules stand.
public struct PromotionMachine: TransitionMachine {
  /// Where the machine stands.
  public enum State: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// New payload goes over the relay, and no pair is being confirmed
    case relayed
    /// New payload goes over the relay while a proven pair is challenged
    case confirming
    /// New payload goes over the confirmed path
    case direct
    /// New payload goes over the confirmed path while a better pair is challenged
    case upgrading
    /// The path fell silent: new payload goes over the relay while the path is challenged
    case degraded
    /// The session is over
    case over

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .relayed: "relayed"
      case .confirming: "confirming"
      case .direct: "direct"
      case .upgrading: "upgrading"
      case .degraded: "degraded"
      case .over: "over"
      }
    }
  }

  /// What can happen to it.
  public enum Event: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Probing proved a pair, or a proven one may be tried again
    case pathProven
    /// The challenge timer fired
    case challengeDue
    /// An authentic echo arrived over the candidate, or over the degraded path
    case challengeAnswered
    /// The confirming timer fired
    case confirmOver
    /// Evidence that the path carries frames both ways
    case pathHeard
    /// Payload moves again over a path that was idle
    case trafficResumed
    /// The check timer fired
    case checkDue
    /// The silence timer fired
    case pathSilent
    /// The path's socket or network is gone
    case pathLost
    /// The candidate's socket or network is gone
    case candidateLost
    /// The session is over
    case sessionEnded

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .pathProven: "pathProven"
      case .challengeDue: "challengeDue"
      case .challengeAnswered: "challengeAnswered"
      case .confirmOver: "confirmOver"
      case .pathHeard: "pathHeard"
      case .trafficResumed: "trafficResumed"
      case .checkDue: "checkDue"
      case .pathSilent: "pathSilent"
      case .pathLost: "pathLost"
      case .candidateLost: "candidateLost"
      case .sessionEnded: "sessionEnded"
      }
    }
  }

  /// What a row may depend on.
  public enum Guard: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Either side wishes relay only, or the pair is barred (PRM-2)
    case isDeclined
    /// The echo belongs to an outstanding challenge of this path (PRM-5)
    case echoesOutstanding
    /// The pair is not barred and clearly better than the path (PRM-11)
    case isClearlyBetter

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .isDeclined: "isDeclined"
      case .echoesOutstanding: "echoesOutstanding"
      case .isClearlyBetter: "isClearlyBetter"
      }
    }
  }

  /// What the host has to do, in the order given.
  public enum Action: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Make the proven pair the candidate
    case chooseCandidate
    /// Make the candidate the path
    case adoptCandidate
    /// Bar the candidate for a while, longer each time, and have none
    case barCandidate
    /// Send a sealed challenge with a new token over the candidate, or over the degraded path
    case sendChallenge
    /// Send a sealed challenge with a new token over the path
    case sendCheck
    /// Start the challenge timer anew: twice the last length, up to 500 ms
    case armChallenge
    /// Start the confirming timer, and let the challenge timer begin with its shortest length
    case armConfirming
    /// Start the check timer anew: 20 s when idle; after a check a round trip, but 100 ms at least
    case armCheck
    /// Start the silence timer anew: the check's length, three round trips and a margin of 400 ms
    case armSilence
    /// Stop the challenge timer and the confirming timer
    case disarmChallenge
    /// Stop the check timer and the silence timer
    case disarmSilence
    /// Send new offsets over the path from now on (PRM-6)
    case moveToPath
    /// Send new offsets over the relay from now on; what is in flight over the path is to be repaired
    case moveToRelay
    /// Give the path back to probing and have none
    case releasePath
    /// Tell the host that payload goes over the path
    case reportDirect
    /// Tell the host that payload goes over the relay
    case reportRelayed
    /// Count a pair that is not wanted
    case countDeclined
    /// Count an echo that confirms nothing
    case countStale

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .chooseCandidate: "chooseCandidate"
      case .adoptCandidate: "adoptCandidate"
      case .barCandidate: "barCandidate"
      case .sendChallenge: "sendChallenge"
      case .sendCheck: "sendCheck"
      case .armChallenge: "armChallenge"
      case .armConfirming: "armConfirming"
      case .armCheck: "armCheck"
      case .armSilence: "armSilence"
      case .disarmChallenge: "disarmChallenge"
      case .disarmSilence: "disarmSilence"
      case .moveToPath: "moveToPath"
      case .moveToRelay: "moveToRelay"
      case .releasePath: "releasePath"
      case .reportDirect: "reportDirect"
      case .reportRelayed: "reportRelayed"
      case .countDeclined: "countDeclined"
      case .countStale: "countStale"
      }
    }
  }

  /// How long each timer runs before it fires, once.
  public enum Timers {
    /// Fires as `challengeDue`; started by `armChallenge`.
    public static let challenge = Interval.milliseconds(100)
    /// Fires as `confirmOver`; started by `armConfirming`.
    public static let confirming = Interval.milliseconds(3000)
    /// Fires as `checkDue`; started by `armCheck`.
    public static let check = Interval.milliseconds(250)
    /// Fires as `pathSilent`; started by `armSilence`.
    public static let silence = Interval.milliseconds(650)
  }

  public typealias Step = MachineStep<State, Event, Action>

  /// Where the machine stands now.
  public private(set) var state: State

  /// Starts a machine in its initial state, `relayed`.
  public init() { state = .relayed }

  /// Starts a machine elsewhere, for tests.
  init(state: State) { self.state = state }

  public static let name = "promotion"

  /// Whether `state` is final: nothing changes it any more.
  public static func isTerminal(_ state: State) -> Bool {
    switch state {
    case .over: true
    case .relayed, .confirming, .direct, .upgrading, .degraded: false
    }
  }

  /// Takes one event; `holds` is asked for a guard when a row of the pair has one.
  public mutating func handle(_ event: Event, holds: (Guard) -> Bool) -> Step {
    let from = state
    switch Self.select(from, event, holds) {
    case .row(let index):
      let row = Self.rows[index]
      state = row.to
      return Step(
        machine: Self.name, from: from, event: event, to: row.to, actions: row.actions,
        rule: row.rule, row: index, kind: .moved)
    case .ignored(let rule):
      return Step(
        machine: Self.name, from: from, event: event, to: from, actions: [], rule: rule, row: nil,
        kind: .ignored)
    case .protocolError(let rule):
      return Step(
        machine: Self.name, from: from, event: event, to: from, actions: [], rule: rule, row: nil,
        kind: .protocolError)
    }
  }

  private static func select(
    _ state: State, _ event: Event, _ holds: (Guard) -> Bool
  ) -> RowSelection {
    switch state {
    case .relayed:
      switch event {
      case .pathProven:
        if holds(.isDeclined) { return .row(0) }
        return .row(1)
      case .sessionEnded: return .row(2)
      case .challengeDue, .confirmOver, .checkDue, .pathSilent: return .protocolError("PRM-13")
      case .challengeAnswered, .pathHeard, .trafficResumed, .pathLost,
        .candidateLost:
        return .ignored("PRM-1")
      }
    case .confirming:
      switch event {
      case .challengeDue: return .row(3)
      case .challengeAnswered:
        if holds(.echoesOutstanding) { return .row(4) }
        return .row(5)
      case .confirmOver: return .row(6)
      case .candidateLost: return .row(7)
      case .sessionEnded: return .row(8)
      case .pathProven: return .ignored("PRM-10")
      case .pathHeard, .trafficResumed: return .ignored("PRM-3")
      case .checkDue, .pathSilent: return .protocolError("PRM-13")
      case .pathLost: return .ignored("PRM-9")
      }
    case .direct:
      switch event {
      case .pathProven:
        if holds(.isClearlyBetter) { return .row(12) }
        return .row(13)
      case .pathHeard: return .row(9)
      case .trafficResumed: return .row(10)
      case .checkDue: return .row(11)
      case .pathSilent: return .row(14)
      case .pathLost: return .row(15)
      case .sessionEnded: return .row(16)
      case .challengeDue, .confirmOver: return .protocolError("PRM-13")
      case .challengeAnswered: return .ignored("PRM-5")
      case .candidateLost: return .ignored("PRM-9")
      }
    case .upgrading:
      switch event {
      case .challengeDue: return .row(20)
      case .challengeAnswered:
        if holds(.echoesOutstanding) { return .row(21) }
        return .row(22)
      case .confirmOver: return .row(23)
      case .pathHeard: return .row(17)
      case .trafficResumed: return .row(18)
      case .checkDue: return .row(19)
      case .pathSilent: return .row(25)
      case .pathLost: return .row(26)
      case .candidateLost: return .row(24)
      case .sessionEnded: return .row(27)
      case .pathProven: return .ignored("PRM-11")
      }
    case .degraded:
      switch event {
      case .challengeDue: return .row(28)
      case .challengeAnswered:
        if holds(.echoesOutstanding) { return .row(29) }
        return .row(30)
      case .confirmOver: return .row(31)
      case .pathLost: return .row(32)
      case .sessionEnded: return .row(33)
      case .pathProven: return .ignored("PRM-10")
      case .pathHeard, .trafficResumed: return .ignored("PRM-3")
      case .checkDue, .pathSilent: return .protocolError("PRM-13")
      case .candidateLost: return .ignored("PRM-9")
      }
    case .over:
      switch event {
      case .pathProven, .challengeDue, .challengeAnswered, .confirmOver,
        .pathHeard, .trafficResumed, .checkDue, .pathSilent, .pathLost,
        .candidateLost, .sessionEnded:
        return .ignored("PRM-12")
      }
    }
  }

  /// How many rows the table has; `Step.row` counts from 0.
  public static let rowCount = 34

  /// What each row is, for coverage reports.
  public static let rowNames: [String] = [
    "relayed --pathProven [isDeclined]--> relayed [PRM-2]",
    "relayed --pathProven--> confirming [PRM-3]",
    "relayed --sessionEnded--> over [PRM-12]",
    "confirming --challengeDue--> confirming [PRM-4]",
    "confirming --challengeAnswered [echoesOutstanding]--> direct [PRM-6]",
    "confirming --challengeAnswered--> confirming [PRM-5]",
    "confirming --confirmOver--> relayed [PRM-4]",
    "confirming --candidateLost--> relayed [PRM-9]",
    "confirming --sessionEnded--> over [PRM-12]",
    "direct --pathHeard--> direct [PRM-7]",
    "direct --trafficResumed--> direct [PRM-7]",
    "direct --checkDue--> direct [PRM-7]",
    "direct --pathProven [isClearlyBetter]--> upgrading [PRM-11]",
    "direct --pathProven--> direct [PRM-11]",
    "direct --pathSilent--> degraded [PRM-7]",
    "direct --pathLost--> relayed [PRM-9]",
    "direct --sessionEnded--> over [PRM-12]",
    "upgrading --pathHeard--> upgrading [PRM-7]",
    "upgrading --trafficResumed--> upgrading [PRM-7]",
    "upgrading --checkDue--> upgrading [PRM-7]",
    "upgrading --challengeDue--> upgrading [PRM-4]",
    "upgrading --challengeAnswered [echoesOutstanding]--> direct [PRM-11]",
    "upgrading --challengeAnswered--> upgrading [PRM-5]",
    "upgrading --confirmOver--> direct [PRM-4]",
    "upgrading --candidateLost--> direct [PRM-9]",
    "upgrading --pathSilent--> confirming [PRM-7]",
    "upgrading --pathLost--> confirming [PRM-9]",
    "upgrading --sessionEnded--> over [PRM-12]",
    "degraded --challengeDue--> degraded [PRM-8]",
    "degraded --challengeAnswered [echoesOutstanding]--> direct [PRM-8]",
    "degraded --challengeAnswered--> degraded [PRM-5]",
    "degraded --confirmOver--> relayed [PRM-8]",
    "degraded --pathLost--> relayed [PRM-9]",
    "degraded --sessionEnded--> over [PRM-12]",
  ]

  private static let rows: [(to: State, actions: [Action], rule: String)] = [
    (.relayed, [.countDeclined], "PRM-2"),
    (.confirming, [.chooseCandidate, .sendChallenge, .armConfirming, .armChallenge], "PRM-3"),
    (.over, [], "PRM-12"),
    (.confirming, [.sendChallenge, .armChallenge], "PRM-4"),
    (
      .direct,
      [.disarmChallenge, .adoptCandidate, .moveToPath, .armCheck, .armSilence, .reportDirect],
      "PRM-6"
    ),
    (.confirming, [.countStale], "PRM-5"),
    (.relayed, [.disarmChallenge, .barCandidate], "PRM-4"),
    (.relayed, [.disarmChallenge, .barCandidate], "PRM-9"),
    (.over, [.disarmChallenge], "PRM-12"),
    (.direct, [.armCheck, .armSilence], "PRM-7"),
    (.direct, [.armCheck, .armSilence], "PRM-7"),
    (.direct, [.sendCheck, .armCheck], "PRM-7"),
    (.upgrading, [.chooseCandidate, .sendChallenge, .armConfirming, .armChallenge], "PRM-11"),
    (.direct, [.countDeclined], "PRM-11"),
    (
      .degraded,
      [.disarmSilence, .moveToRelay, .sendChallenge, .armConfirming, .armChallenge, .reportRelayed],
      "PRM-7"
    ),
    (.relayed, [.disarmSilence, .moveToRelay, .releasePath, .reportRelayed], "PRM-9"),
    (.over, [.disarmSilence], "PRM-12"),
    (.upgrading, [.armCheck, .armSilence], "PRM-7"),
    (.upgrading, [.armCheck, .armSilence], "PRM-7"),
    (.upgrading, [.sendCheck, .armCheck], "PRM-7"),
    (.upgrading, [.sendChallenge, .armChallenge], "PRM-4"),
    (
      .direct,
      [
        .disarmChallenge, .disarmSilence, .adoptCandidate, .moveToPath, .armCheck, .armSilence, .reportDirect,
      ],
      "PRM-11"
    ),
    (.upgrading, [.countStale], "PRM-5"),
    (.direct, [.disarmChallenge, .barCandidate], "PRM-4"),
    (.direct, [.disarmChallenge, .barCandidate], "PRM-9"),
    (.confirming, [.disarmSilence, .moveToRelay, .releasePath, .reportRelayed], "PRM-7"),
    (.confirming, [.disarmSilence, .moveToRelay, .releasePath, .reportRelayed], "PRM-9"),
    (.over, [.disarmChallenge, .disarmSilence], "PRM-12"),
    (.degraded, [.sendChallenge, .armChallenge], "PRM-8"),
    (.direct, [.disarmChallenge, .moveToPath, .armCheck, .armSilence, .reportDirect], "PRM-8"),
    (.degraded, [.countStale], "PRM-5"),
    (.relayed, [.disarmChallenge, .releasePath], "PRM-8"),
    (.relayed, [.disarmChallenge, .releasePath], "PRM-9"),
    (.over, [.disarmChallenge], "PRM-12"),
  ]
}
