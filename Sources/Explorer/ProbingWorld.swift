/// The probing machine's names, as far as the model gives them a meaning.
enum ProbingNames {
  enum State: UInt8, CaseIterable {
    case unknown, sounding, proven, suppressed, retired
  }
  enum Event: UInt8, CaseIterable {
    case candidateSeen, probeDue, answer, soundingOver, restOver, refreshDue, peerAsked, searchResumed
    case networkChanged, withdrawn
  }
  enum Guard: UInt8, CaseIterable {
    case isAllowed, isWaiting, isFresh, isDirect
  }
  enum Action: UInt8, CaseIterable {
    case sendProbe, armProbe, armSounding, armRest, armRefresh, disarmTimers
    case noteRoundTrip, reportProven, countRefused, countStale
  }

  static let vocabulary = Vocabulary(
    states: State.allCases.map { "\($0)" }, events: Event.allCases.map { "\($0)" },
    guards: Guard.allCases.map { "\($0)" }, actions: Action.allCases.map { "\($0)" })
}

/// One pair, its probes and what surrounds it.
struct ProbingWorld: PackedWorld {
  /// What became of a nonce.
  enum Nonce: UInt8 {
    /// Never sent, or forgotten.
    case none
    /// Sent; nothing comes back as yet, or ever.
    case unanswered
    /// An answer that counts is on its way.
    case answerInFlight
    /// Answered; a copy of the answer is on its way.
    case copyInFlight
  }

  var bits: UInt64 = 0
  var digest: UInt64 { bits }

  var state: ProbingNames.State {
    get { ProbingNames.State(rawValue: bits[0, 3]) ?? .unknown }
    set { bits[0, 3] = newValue.rawValue }
  }
  /// Armed timers, a bit each in the order of the spec's table.
  var armed: UInt8 {
    get { bits[3, 4] }
    set { bits[3, 4] = newValue }
  }
  /// Whether a probe waits in the queue.
  var isWaiting: Bool {
    get { bits[flag: 7] }
    set { bits[flag: 7] = newValue }
  }
  /// Whether policy allows the candidate.
  var isAllowed: Bool {
    get { bits[flag: 8] }
    set { bits[flag: 8] = newValue }
  }
  /// Whether the network carries packets between the pair's ends.
  var isWorking: Bool {
    get { bits[flag: 9] }
    set { bits[flag: 9] = newValue }
  }
  /// Whether the session has a healthy direct path.
  var isDirect: Bool {
    get { bits[flag: 10] }
    set { bits[flag: 10] = newValue }
  }

  /// The most nonces that are remembered at once.
  static let nonces = 2

  subscript(nonce index: Int) -> Nonce {
    get { Nonce(rawValue: bits[16 + UInt64(index) * 2, 2]) ?? .none }
    set { bits[16 + UInt64(index) * 2, 2] = newValue.rawValue }
  }

  /// Whether an answer that counts is on its way.
  var answerIsInFlight: Bool {
    (0..<Self.nonces).contains { self[nonce: $0] == .answerInFlight }
  }
}
