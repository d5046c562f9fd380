// Generated from specs/claim.md by spec-compiler. Do not edit: change the table instead.

import Basics

/// The `claim` machine of `specs/claim.md`, where its rules stand.
public struct ClaimMachine: TransitionMachine {
  /// Where the machine stands.
  public enum State: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The relay connection has not been up yet; nothing was sent
    case idle
    /// The relay connection is up; a claim was sent and is repeated
    case claiming
    /// A claim was sent, no decision has come, and the relay connection is down
    case suspended
    /// The acceptor's decision is adopted; its first frame has not come (CLM-7)
    case accepted
    /// The acceptor keeps to its decision: its first authentic frame has come
    case established
    /// The acceptor refused or aborted
    case refused
    /// This side stopped: deadline, cancel or a lost relay
    case givenUp

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .idle: "idle"
      case .claiming: "claiming"
      case .suspended: "suspended"
      case .accepted: "accepted"
      case .established: "established"
      case .refused: "refused"
      case .givenUp: "givenUp"
      }
    }
  }

  /// What can happen to it.
  public enum Event: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The relay connection is up (first or again)
    case relayUp
    /// The relay connection was lost
    case relayDown
    /// The relay connection has been away for so long that the engine stops retrying
    case relayLost
    /// The retry timer fired
    case retryDue
    /// The deadline timer fired
    case deadline
    /// The acceptor's authentic decision on our claim arrived
    case decision
    /// The first authentic sealed session frame of the acceptor arrived
    case confirmation
    /// An authentic abort of the acceptor arrived
    case peerAbort
    /// The user, or the host, wants to stop
    case cancel

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .relayUp: "relayUp"
      case .relayDown: "relayDown"
      case .relayLost: "relayLost"
      case .retryDue: "retryDue"
      case .deadline: "deadline"
      case .decision: "decision"
      case .confirmation: "confirmation"
      case .peerAbort: "peerAbort"
      case .cancel: "cancel"
      }
    }
  }

  /// What a row may depend on.
  public enum Guard: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The decision accepts the claim, with a version, features and keys that this side can use
    case decisionAccepts

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .decisionAccepts: "decisionAccepts"
      }
    }
  }

  /// What the host has to do, in the order given.
  public enum Action: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Send the claim, always the same bytes (CLM-1)
    case sendClaim
    /// Start the retry timer anew
    case armRetry
    /// Start the deadline timer
    case armDeadline
    /// Stop the retry timer
    case disarmRetry
    /// Stop both timers
    case disarmTimers
    /// Derive the session keys from the decision, start the session, send its first frame at once
    case adoptDecision
    /// Send an abort to the acceptor, best effort
    case sendAbort
    /// Tell the host that the acceptor refused, with its reason
    case reportRefusal
    /// Tell the host that the acceptor aborted, with its reason
    case reportAbort
    /// Tell the host that nobody answered in time
    case reportDeadline
    /// Tell the host that the session was cancelled here
    case reportCancelled
    /// Tell the host that the relay stayed away
    case reportRelayLost

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .sendClaim: "sendClaim"
      case .armRetry: "armRetry"
      case .armDeadline: "armDeadline"
      case .disarmRetry: "disarmRetry"
      case .disarmTimers: "disarmTimers"
      case .adoptDecision: "adoptDecision"
      case .sendAbort: "sendAbort"
      case .reportRefusal: "reportRefusal"
      case .reportAbort: "reportAbort"
      case .reportDeadline: "reportDeadline"
      case .reportCancelled: "reportCancelled"
      case .reportRelayLost: "reportRelayLost"
      }
    }
  }

  /// How long each timer runs before it fires, once.
  public enum Timers {
    /// Fires as `retryDue`; started by `armRetry`.
    public static let retry = Interval.milliseconds(250)
    /// Fires as `deadline`; started by `armDeadline`.
    public static let deadline = Interval.milliseconds(30000)
  }

  public typealias Step = MachineStep<State, Event, Action>

  /// Where the machine stands now.
  public private(set) var state: State

  /// Starts a machine in its initial state, `idle`.
  public init() { state = .idle }

  /// Starts a machine elsewhere, for tests.
  init(state: State) { self.state = state }

  public static let name = "claim"

  /// Whether `state` is final: nothing changes it any more.
  public static func isTerminal(_ state: State) -> Bool {
    switch state {
    case .established, .refused, .givenUp: true
    case .idle, .claiming, .suspended, .accepted: false
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
    case .idle:
      switch event {
      case .relayUp: return .row(0)
      case .relayLost: return .row(1)
      case .cancel: return .row(2)
      case .relayDown, .retryDue, .deadline: return .protocolError("CLM-13")
      case .decision, .peerAbort: return .ignored("CLM-4")
      case .confirmation: return .ignored("CLM-6")
      }
    case .claiming:
      switch event {
      case .relayDown: return .row(7)
      case .retryDue: return .row(3)
      case .deadline: return .row(8)
      case .decision:
        if holds(.decisionAccepts) { return .row(4) }
        return .row(5)
      case .peerAbort: return .row(6)
      case .cancel: return .row(9)
      case .relayUp, .relayLost: return .protocolError("CLM-13")
      case .confirmation: return .ignored("CLM-6")
      }
    case .suspended:
      switch event {
      case .relayUp: return .row(10)
      case .relayLost: return .row(11)
      case .deadline: return .row(12)
      case .cancel: return .row(13)
      case .relayDown, .retryDue: return .protocolError("CLM-13")
      case .decision, .peerAbort: return .ignored("CLM-4")
      case .confirmation: return .ignored("CLM-6")
      }
    case .accepted:
      switch event {
      case .relayLost: return .row(17)
      case .retryDue: return .row(14)
      case .deadline: return .row(18)
      case .confirmation: return .row(15)
      case .peerAbort: return .row(16)
      case .cancel: return .row(19)
      case .relayUp, .relayDown: return .ignored("CLM-7")
      case .decision: return .ignored("CLM-5")
      }
    case .established:
      switch event {
      case .relayUp, .relayDown, .relayLost, .retryDue, .deadline,
        .decision, .confirmation, .peerAbort, .cancel:
        return .ignored("CLM-12")
      }
    case .refused:
      switch event {
      case .relayUp, .relayDown, .relayLost, .retryDue, .deadline,
        .decision, .confirmation, .peerAbort, .cancel:
        return .ignored("CLM-12")
      }
    case .givenUp:
      switch event {
      case .relayUp, .relayDown, .relayLost, .retryDue, .deadline,
        .decision, .confirmation, .peerAbort, .cancel:
        return .ignored("CLM-12")
      }
    }
  }

  /// How many rows the table has; `Step.row` counts from 0.
  public static let rowCount = 20

  /// What each row is, for coverage reports.
  public static let rowNames: [String] = [
    "idle --relayUp--> claiming [CLM-2]",
    "idle --relayLost--> givenUp [CLM-11]",
    "idle --cancel--> givenUp [CLM-10]",
    "claiming --retryDue--> claiming [CLM-2]",
    "claiming --decision [decisionAccepts]--> accepted [CLM-6]",
    "claiming --decision--> refused [CLM-8]",
    "claiming --peerAbort--> refused [CLM-9]",
    "claiming --relayDown--> suspended [CLM-4]",
    "claiming --deadline--> givenUp [CLM-3]",
    "claiming --cancel--> givenUp [CLM-10]",
    "suspended --relayUp--> claiming [CLM-2]",
    "suspended --relayLost--> givenUp [CLM-11]",
    "suspended --deadline--> givenUp [CLM-3]",
    "suspended --cancel--> givenUp [CLM-4]",
    "accepted --retryDue--> accepted [CLM-7]",
    "accepted --confirmation--> established [CLM-7]",
    "accepted --peerAbort--> refused [CLM-9]",
    "accepted --relayLost--> givenUp [CLM-11]",
    "accepted --deadline--> givenUp [CLM-3]",
    "accepted --cancel--> givenUp [CLM-10]",
  ]

  private static let rows: [(to: State, actions: [Action], rule: String)] = [
    (.claiming, [.sendClaim, .armRetry, .armDeadline], "CLM-2"),
    (.givenUp, [.reportRelayLost], "CLM-11"),
    (.givenUp, [.reportCancelled], "CLM-10"),
    (.claiming, [.sendClaim, .armRetry], "CLM-2"),
    (.accepted, [.adoptDecision], "CLM-6"),
    (.refused, [.disarmTimers, .reportRefusal], "CLM-8"),
    (.refused, [.disarmTimers, .reportAbort], "CLM-9"),
    (.suspended, [.disarmRetry], "CLM-4"),
    (.givenUp, [.disarmTimers, .sendAbort, .reportDeadline], "CLM-3"),
    (.givenUp, [.disarmTimers, .sendAbort, .reportCancelled], "CLM-10"),
    (.claiming, [.sendClaim, .armRetry], "CLM-2"),
    (.givenUp, [.disarmTimers, .reportRelayLost], "CLM-11"),
    (.givenUp, [.reportDeadline], "CLM-3"),
    (.givenUp, [.disarmTimers, .reportCancelled], "CLM-4"),
    (.accepted, [.sendClaim, .armRetry], "CLM-7"),
    (.established, [.disarmTimers], "CLM-7"),
    (.refused, [.disarmTimers, .reportAbort], "CLM-9"),
    (.givenUp, [.disarmTimers, .reportRelayLost], "CLM-11"),
    (.givenUp, [.disarmTimers, .sendAbort, .reportDeadline], "CLM-3"),
    (.givenUp, [.disarmTimers, .sendAbort, .reportCancelled], "CLM-10"),
  ]
}
