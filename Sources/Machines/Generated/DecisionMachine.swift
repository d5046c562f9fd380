// Generated from specs/decision.md by spec-compiler. Do not edit: change the table instead.

import Basics

/// The `decision` machine of `specs/decision.md`, where its rules stand.
public struct DecisionMachine: TransitionMachine {
  /// Where the machine stands.
  public enum State: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Nobody is bound
    case waiting
    /// One claimant was accepted and has not proved itself yet
    case bound
    /// One claimant has proved itself; its session runs
    case confirmed
    /// Nobody is let in any more
    case closed

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .waiting: "waiting"
      case .bound: "bound"
      case .confirmed: "confirmed"
      case .closed: "closed"
      }
    }
  }

  /// What can happen to it.
  public enum Event: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// An authentic claim arrived
    case claim
    /// An authentic claim of upstream's protocol arrived
    case foreignClaim
    /// The first authentic sealed session frame of the bound claimant arrived
    case proof
    /// The hold timer fired
    case holdExpired
    /// The token's expiry has passed
    case tokenExpired
    /// An authentic abort of the bound or confirmed claimant arrived
    case peerAbort
    /// The relay connection has been away for so long that the engine stops retrying
    case relayLost
    /// The confirmed claimant's session is over, well or badly
    case sessionEnded
    /// The user, or the host, wants to stop
    case cancel

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .claim: "claim"
      case .foreignClaim: "foreignClaim"
      case .proof: "proof"
      case .holdExpired: "holdExpired"
      case .tokenExpired: "tokenExpired"
      case .peerAbort: "peerAbort"
      case .relayLost: "relayLost"
      case .sessionEnded: "sessionEnded"
      case .cancel: "cancel"
      }
    }
  }

  /// What a row may depend on.
  public enum Guard: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The claim is, byte for byte, that of the bound or confirmed claimant
    case isRepeat
    /// Version, session, capabilities and keys of the claim suit, and the token has not expired
    case isAcceptable
    /// The token's expiry has passed
    case tokenIsExpired

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .isRepeat: "isRepeat"
      case .isAcceptable: "isAcceptable"
      case .tokenIsExpired: "tokenIsExpired"
      }
    }
  }

  /// What the host has to do, in the order given.
  public enum Action: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Remember the claim, derive the decision and the session keys for it
    case bindClaimant
    /// Send the accepting decision to the bound or confirmed claimant (DEC-3)
    case sendDecision
    /// Answer the claim with a refusal that says what is wrong with it
    case sendRefusal
    /// Answer the claim with a refusal: already claimed
    case sendClaimedRefusal
    /// Answer the upstream claim with an abort
    case sendForeignAbort
    /// Send an abort to the bound or confirmed claimant, best effort
    case sendAbort
    /// Start the hold timer
    case armHold
    /// Stop the hold timer
    case disarmHold
    /// Start the session with the bound claimant; the proof is its first frame
    case adoptClaimant
    /// Forget the bound claimant and wipe its keys
    case releaseClaimant
    /// Tell the host that the token expired unclaimed
    case reportExpired
    /// Tell the host that the session was cancelled here
    case reportCancelled
    /// Tell the host that the relay stayed away
    case reportRelayLost

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .bindClaimant: "bindClaimant"
      case .sendDecision: "sendDecision"
      case .sendRefusal: "sendRefusal"
      case .sendClaimedRefusal: "sendClaimedRefusal"
      case .sendForeignAbort: "sendForeignAbort"
      case .sendAbort: "sendAbort"
      case .armHold: "armHold"
      case .disarmHold: "disarmHold"
      case .adoptClaimant: "adoptClaimant"
      case .releaseClaimant: "releaseClaimant"
      case .reportExpired: "reportExpired"
      case .reportCancelled: "reportCancelled"
      case .reportRelayLost: "reportRelayLost"
      }
    }
  }

  /// How long each timer runs before it fires, once.
  public enum Timers {
    /// Fires as `holdExpired`; started by `armHold`.
    public static let hold = Interval.milliseconds(10000)
  }

  public typealias Step = MachineStep<State, Event, Action>

  /// Where the machine stands now.
  public private(set) var state: State

  /// Starts a machine in its initial state, `waiting`.
  public init() { state = .waiting }

  /// Starts a machine elsewhere, for tests.
  init(state: State) { self.state = state }

  public static let name = "decision"

  /// Whether `state` is final: nothing changes it any more.
  public static func isTerminal(_ state: State) -> Bool {
    switch state {
    case .closed: true
    case .waiting, .bound, .confirmed: false
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
    case .waiting:
      switch event {
      case .claim:
        if holds(.isAcceptable) { return .row(0) }
        return .row(1)
      case .foreignClaim: return .row(2)
      case .tokenExpired: return .row(3)
      case .relayLost: return .row(4)
      case .cancel: return .row(5)
      case .proof, .peerAbort: return .ignored("DEC-7")
      case .holdExpired, .sessionEnded: return .protocolError("DEC-15")
      }
    case .bound:
      switch event {
      case .claim:
        if holds(.isRepeat) { return .row(6) }
        return .row(7)
      case .foreignClaim: return .row(8)
      case .proof: return .row(9)
      case .holdExpired:
        if holds(.tokenIsExpired) { return .row(10) }
        return .row(11)
      case .peerAbort:
        if holds(.tokenIsExpired) { return .row(12) }
        return .row(13)
      case .relayLost: return .row(14)
      case .cancel: return .row(15)
      case .tokenExpired: return .ignored("DEC-10")
      case .sessionEnded: return .protocolError("DEC-15")
      }
    case .confirmed:
      switch event {
      case .claim:
        if holds(.isRepeat) { return .row(16) }
        return .row(17)
      case .foreignClaim: return .row(18)
      case .sessionEnded: return .row(19)
      case .cancel: return .row(20)
      case .proof: return .ignored("DEC-5")
      case .holdExpired: return .protocolError("DEC-15")
      case .tokenExpired: return .ignored("DEC-10")
      case .peerAbort: return .ignored("DEC-13")
      case .relayLost: return .ignored("DEC-12")
      }
    case .closed:
      switch event {
      case .claim, .foreignClaim, .proof, .holdExpired, .tokenExpired,
        .peerAbort, .relayLost, .sessionEnded, .cancel:
        return .ignored("DEC-14")
      }
    }
  }

  /// How many rows the table has; `Step.row` counts from 0.
  public static let rowCount = 21

  /// What each row is, for coverage reports.
  public static let rowNames: [String] = [
    "waiting --claim [isAcceptable]--> bound [DEC-1]",
    "waiting --claim--> waiting [DEC-2]",
    "waiting --foreignClaim--> waiting [DEC-9]",
    "waiting --tokenExpired--> closed [DEC-10]",
    "waiting --relayLost--> closed [DEC-12]",
    "waiting --cancel--> closed [DEC-11]",
    "bound --claim [isRepeat]--> bound [DEC-3]",
    "bound --claim--> bound [DEC-4]",
    "bound --foreignClaim--> bound [DEC-9]",
    "bound --proof--> confirmed [DEC-5]",
    "bound --holdExpired [tokenIsExpired]--> closed [DEC-10]",
    "bound --holdExpired--> waiting [DEC-7]",
    "bound --peerAbort [tokenIsExpired]--> closed [DEC-10]",
    "bound --peerAbort--> waiting [DEC-8]",
    "bound --relayLost--> closed [DEC-12]",
    "bound --cancel--> closed [DEC-11]",
    "confirmed --claim [isRepeat]--> confirmed [DEC-3]",
    "confirmed --claim--> confirmed [DEC-6]",
    "confirmed --foreignClaim--> confirmed [DEC-9]",
    "confirmed --sessionEnded--> closed [DEC-13]",
    "confirmed --cancel--> closed [DEC-11]",
  ]

  private static let rows: [(to: State, actions: [Action], rule: String)] = [
    (.bound, [.bindClaimant, .sendDecision, .armHold], "DEC-1"),
    (.waiting, [.sendRefusal], "DEC-2"),
    (.waiting, [.sendForeignAbort], "DEC-9"),
    (.closed, [.reportExpired], "DEC-10"),
    (.closed, [.reportRelayLost], "DEC-12"),
    (.closed, [.reportCancelled], "DEC-11"),
    (.bound, [.sendDecision], "DEC-3"),
    (.bound, [], "DEC-4"),
    (.bound, [.sendForeignAbort], "DEC-9"),
    (.confirmed, [.disarmHold, .adoptClaimant], "DEC-5"),
    (.closed, [.releaseClaimant, .reportExpired], "DEC-10"),
    (.waiting, [.releaseClaimant], "DEC-7"),
    (.closed, [.disarmHold, .releaseClaimant, .reportExpired], "DEC-10"),
    (.waiting, [.disarmHold, .releaseClaimant], "DEC-8"),
    (.closed, [.disarmHold, .releaseClaimant, .reportRelayLost], "DEC-12"),
    (.closed, [.disarmHold, .sendAbort, .releaseClaimant, .reportCancelled], "DEC-11"),
    (.confirmed, [.sendDecision], "DEC-3"),
    (.confirmed, [.sendClaimedRefusal], "DEC-6"),
    (.confirmed, [.sendForeignAbort], "DEC-9"),
    (.closed, [], "DEC-13"),
    (.closed, [.sendAbort, .reportCancelled], "DEC-11"),
  ]
}
