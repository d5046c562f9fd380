/// The claim machine's names, as far as the model gives them a meaning.
enum ClaimNames {
  enum State: UInt8, CaseIterable {
    case idle, claiming, suspended, accepted, established, refused, givenUp
  }
  enum Event: UInt8, CaseIterable {
    case relayUp, relayDown, relayLost, retryDue, deadline, decision, confirmation, peerAbort, cancel
  }
  enum Guard: UInt8, CaseIterable {
    case decisionAccepts
  }
  enum Action: UInt8, CaseIterable {
    case sendClaim, armRetry, armDeadline, disarmRetry, disarmTimers, adoptDecision, sendAbort
    case reportRefusal, reportAbort, reportDeadline, reportCancelled, reportRelayLost
  }

  static let vocabulary = Vocabulary(
    states: State.allCases.map { "\($0)" }, events: Event.allCases.map { "\($0)" },
    guards: Guard.allCases.map { "\($0)" }, actions: Action.allCases.map { "\($0)" })
}

/// The decision machine's names, likewise.
enum DecisionNames {
  enum State: UInt8, CaseIterable {
    case waiting, bound, confirmed, closed
  }
  enum Event: UInt8, CaseIterable {
    case claim, foreignClaim, proof, holdExpired, tokenExpired, peerAbort, relayLost, sessionEnded, cancel
  }
  enum Guard: UInt8, CaseIterable {
    case isRepeat, isAcceptable, tokenIsExpired
  }
  enum Action: UInt8, CaseIterable {
    case bindClaimant, sendDecision, sendRefusal, sendClaimedRefusal, sendForeignAbort, sendAbort
    case armHold, disarmHold, adoptClaimant, releaseClaimant
    case reportExpired, reportCancelled, reportRelayLost
  }

  static let vocabulary = Vocabulary(
    states: State.allCases.map { "\($0)" }, events: Event.allCases.map { "\($0)" },
    guards: Guard.allCases.map { "\($0)" }, actions: Action.allCases.map { "\($0)" })
}
