/// The promotion machine's names, as far as the model gives them a meaning.
enum PromotionNames {
  enum State: UInt8, CaseIterable {
    case relayed, confirming, direct, upgrading, degraded, over
  }
  enum Event: UInt8, CaseIterable {
    case pathProven, challengeDue, challengeAnswered, confirmOver, pathHeard, trafficResumed, checkDue
    case pathSilent, pathLost, candidateLost, sessionEnded
  }
  enum Guard: UInt8, CaseIterable {
    case isDeclined, echoesOutstanding, isClearlyBetter
  }
  enum Action: UInt8, CaseIterable {
    case chooseCandidate, adoptCandidate, barCandidate, sendChallenge, sendCheck
    case armChallenge, armConfirming, armCheck, armSilence, disarmChallenge, disarmSilence
    case moveToPath, moveToRelay, releasePath, reportDirect, reportRelayed, countDeclined, countStale
  }

  static let vocabulary = Vocabulary(
    states: State.allCases.map { "\($0)" }, events: Event.allCases.map { "\($0)" },
    guards: Guard.allCases.map { "\($0)" }, actions: Action.allCases.map { "\($0)" })
}

/// A pair that one side may send over.
struct PromotionPair: Equatable {
  /// What became of the challenges that went over it.
  enum Challenge: UInt8 {
    /// None is outstanding.
    case none
    /// One is outstanding, and nothing comes back as yet, or ever.
    case unanswered
    /// The echo of an outstanding one is on its way.
    case echoInFlight
  }

  var bits: UInt64 = 0

  /// Whether the network carries frames over it both ways.
  var isWorking: Bool {
    get { bits[flag: 0] }
    set { bits[flag: 0] = newValue }
  }
  /// Whether its socket or network is gone.
  var isGone: Bool {
    get { bits[flag: 1] }
    set { bits[flag: 1] = newValue }
  }
  /// Whether it failed its confirmation and its bar is not over.
  var isBarred: Bool {
    get { bits[flag: 2] }
    set { bits[flag: 2] = newValue }
  }
  /// Whether it answered a challenge since it was chosen, or since it fell silent.
  var hasAnswered: Bool {
    get { bits[flag: 3] }
    set { bits[flag: 3] = newValue }
  }
  /// Whether an echo that confirms nothing is on its way: a copy, or one of a challenge that was forgotten.
  var hasStaleEcho: Bool {
    get { bits[flag: 4] }
    set { bits[flag: 4] = newValue }
  }
  var challenge: Challenge {
    get { Challenge(rawValue: bits[5, 2]) ?? .none }
    set { bits[5, 2] = newValue.rawValue }
  }
}

/// One side's machine, its pairs and what surrounds it. Pairs are numbered from 1 here; 0 is none, or the relay.
struct PromotionWorld: PackedWorld {
  var bits: UInt64 = 0
  var digest: UInt64 { bits }

  var state: PromotionNames.State {
    get { PromotionNames.State(rawValue: bits[0, 3]) ?? .relayed }
    set { bits[0, 3] = newValue.rawValue }
  }
  /// Armed timers, a bit each in the order of the spec's table.
  var armed: UInt8 {
    get { bits[3, 4] }
    set { bits[3, 4] = newValue }
  }
  var path: Int {
    get { Int(bits[7, 2]) }
    set { bits[7, 2] = UInt8(newValue) }
  }
  var candidate: Int {
    get { Int(bits[9, 2]) }
    set { bits[9, 2] = UInt8(newValue) }
  }
  /// Where new payload goes.
  var payload: Int {
    get { Int(bits[11, 2]) }
    set { bits[11, 2] = UInt8(newValue) }
  }
  /// Where the host believes that payload goes.
  var told: Int {
    get { Int(bits[13, 2]) }
    set { bits[13, 2] = UInt8(newValue) }
  }
  /// Whether either side wishes relay only.
  var isRelayOnly: Bool {
    get { bits[flag: 15] }
    set { bits[flag: 15] = newValue }
  }

  /// Pair `number`, counted from 1.
  subscript(pair number: Int) -> PromotionPair {
    get { PromotionPair(bits: bits >> (UInt64(number) * 8 + 8) & 0xFF) }
    set {
      let shift = UInt64(number) * 8 + 8
      bits = bits & ~(0xFF << shift) | newValue.bits << shift
    }
  }
}
