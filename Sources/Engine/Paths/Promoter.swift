import Basics
import Machines
import Wire

/// Decides over which path new payload goes (`specs/promotion.md`): runs the machine, its timers and its challenges.
struct Promoter {
  /// What the session has to do.
  enum Effect {
    /// Send a sealed challenge of `size` bytes over the path.
    case challenge(DirectPath, token: UInt64, size: Int)
    /// New offsets go over the path from now on; what the relay still carries stays there (PRM-6).
    case moveToPath
    /// New offsets go over the relay from now on.
    case moveToRelay
    /// The path is given back: probing is to start anew.
    case release
    /// Tell the host where payload goes.
    case report
    case transition(TransitionRecord)
  }

  /// A pair that is under confirmation or confirmed.
  struct Path {
    let path: DirectPath
    var mtu: PathMTU
    var roundTrip: Interval
  }

  private struct Outstanding {
    var token: UInt64
    var path: DirectPath
    var sentAt: Instant
  }

  static let maximumOutstanding = 16
  static let longestChallengeInterval = Interval.milliseconds(500)
  /// How often a path that carries nothing is checked, unless pings of the plane show that it lives; this also keeps NAT
  /// bindings alive (RFC 4787 REQ-5 asks for two minutes, some give 30 s).
  static let idleCheckInterval = Interval.seconds(20)
  /// A path is idle when nothing of the payload moved over it for this long.
  static let idleAfter = Interval.seconds(1)
  static let shortestCheckRetry = Interval.milliseconds(100)
  /// What silence may last beyond the check and three round trips (PRM-7).
  static let silenceMargin = Interval.milliseconds(400)
  /// How much shorter a round trip must at least be to count as clearly better (PRM-11).
  static let leastGain = Interval.milliseconds(5)
  /// After so many unanswered challenges a degraded path is challenged at the size that every path carries.
  static let challengesAtFullSize = 2

  private(set) var machine = PromotionMachine()
  private(set) var path: Path?
  private(set) var candidate: Path?
  private(set) var bars = PathBars()
  private var outstanding: [Outstanding] = []
  private var challengesSent = 0
  private var challengeInterval = PromotionMachine.Timers.challenge
  private var challengeAt: Instant?
  private var confirmingAt: Instant?
  private var checkAt: Instant?
  private var silenceAt: Instant?
  private var trafficAt: Instant?
  /// Whether the timers were last armed for an idle path.
  private var isArmedIdle = false
  /// Pairs that were not wanted and echoes that confirmed nothing.
  private(set) var declined: UInt64 = 0
  let isRelayOnly: Bool
  /// Whether payload of ours is under way over the path: checks are as large as its packets then, because a path may
  /// lose large packets only.
  var hasPayloadInFlight = false

  init(isRelayOnly: Bool) { self.isRelayOnly = isRelayOnly }

  /// Whether new payload goes over the direct path.
  var isDirect: Bool { machine.state == .direct || machine.state == .upgrading }

  // MARK: What happens

  /// Probing proved a pair, or it may be tried again.
  mutating func pathProven(
    _ proven: DirectPath, roundTrip: Interval, at now: Instant, random: inout some RandomNumberGenerator
  ) -> [Effect] {
    let offered = Path(
      path: proven, mtu: PathMTU(isIPv6: proven.socket.isIPv6, at: now), roundTrip: roundTrip)
    if proven == path?.path, isDirect { return [] }
    return step(.pathProven, offered: offered, at: now, random: &random)
  }

  /// An authentic echo of `token` and `length` bytes came over `source`.
  mutating func echo(
    _ token: UInt64, over source: DirectPath, at now: Instant, random: inout some RandomNumberGenerator
  ) -> [Effect] {
    let sent = outstanding.firstIndex { $0.token == token && $0.path == source }
    if let sent {
      let measured = now - outstanding[sent].sentAt
      if candidate?.path == source { candidate?.roundTrip = measured }
      if path?.path == source, let known = path?.roundTrip { path?.roundTrip = (known * 7 + measured) / 8 }
    }
    defer { outstanding.removeAll { $0.token == token } }
    if isDirect, path?.path == source {
      guard sent != nil else { return [] }
      var effects: [Effect] = []
      if path?.mtu.answered(token, at: now) == true { effects.append(.report) }
      return effects + step(.pathHeard, isNoted: true, at: now, random: &random)
    }
    guard source == (candidate ?? path)?.path else { return [] }
    return step(.challengeAnswered, isOutstanding: sent != nil, at: now, random: &random)
  }

  /// The peer acknowledged what went over the path.
  mutating func pathHeard(at now: Instant, random: inout some RandomNumberGenerator) -> [Effect] {
    guard isDirect else { return [] }
    return step(.pathHeard, at: now, random: &random)
  }

  /// Payload, or its acknowledgement, moved over the path in either direction.
  mutating func traffic(at now: Instant, random: inout some RandomNumberGenerator) -> [Effect] {
    trafficAt = now
    guard isDirect, isArmedIdle else { return [] }
    return step(.trafficResumed, at: now, random: &random)
  }

  /// A socket, a route or an address is gone.
  mutating func lost(
    at now: Instant, random: inout some RandomNumberGenerator, where isGone: (DirectPath) -> Bool
  ) -> [Effect] {
    var effects: [Effect] = []
    if let candidate, isGone(candidate.path) {
      effects += step(.candidateLost, at: now, random: &random)
    }
    if let path, isGone(path.path) { effects += step(.pathLost, at: now, random: &random) }
    return effects
  }

  /// The system says that `length` bytes do not fit through the path.
  mutating func tooLarge(_ lost: DirectPath, length: Int, at now: Instant) -> [Effect] {
    guard path?.path == lost, let before = path?.mtu.size else { return [] }
    path?.mtu.refused(length: length, at: now)
    return path?.mtu.size == before ? [] : [.report]
  }

  mutating func networkChanged() { bars.forgetAll() }

  mutating func sessionEnded(at now: Instant, random: inout some RandomNumberGenerator) -> [Effect] {
    step(.sessionEnded, at: now, random: &random)
  }

  // MARK: Time

  /// When `handleTimeout` is due.
  var deadline: Instant? {
    var next: Instant?
    for case let due? in [challengeAt, confirmingAt, checkAt, silenceAt, isDirect ? path?.mtu.deadline : nil]
    {
      next = next.map { min($0, due) } ?? due
    }
    return next
  }

  mutating func handleTimeout(at now: Instant, random: inout some RandomNumberGenerator) -> [Effect] {
    func isDue(_ at: Instant?) -> Bool { at.map { $0 <= now } ?? false }
    var effects: [Effect] = []
    // The decisive timers go first: what they end must not send another challenge (PRM-4). A timer is cleared before it
    // is reported, so it fires once and never out of place (PRM-13).
    if isDue(confirmingAt) {
      confirmingAt = nil
      effects += step(.confirmOver, at: now, random: &random)
    }
    if isDue(challengeAt) {
      challengeAt = nil
      effects += step(.challengeDue, at: now, random: &random)
    }
    if isDue(silenceAt) {
      silenceAt = nil
      effects += step(.pathSilent, at: now, random: &random)
    }
    if isDue(checkAt) {
      checkAt = nil
      effects += step(.checkDue, at: now, random: &random)
    }
    let roundTrip = path?.roundTrip ?? .zero
    if isDirect, let size = path?.mtu.dueSize(at: now, roundTrip: roundTrip), let path {
      let token = newToken(for: path.path, at: now, random: &random)
      self.path?.mtu.sent(token: token)
      effects.append(.challenge(path.path, token: token, size: size))
    }
    return effects
  }

  // MARK: Machine

  private mutating func newToken(
    for path: DirectPath, at now: Instant, random: inout some RandomNumberGenerator
  ) -> UInt64 {
    let token = random.next()
    if outstanding.count >= Self.maximumOutstanding { outstanding.removeFirst() }
    outstanding.append(Outstanding(token: token, path: path, sentAt: now))
    return token
  }

  private func isClearlyBetter(_ offered: Path?, at now: Instant) -> Bool {
    guard let offered, let path, !bars.isBarred(offered.path, at: now) else { return false }
    return offered.roundTrip + max(Self.leastGain, path.roundTrip / 4) <= path.roundTrip
  }

  private mutating func step(
    _ event: PromotionMachine.Event, offered: Path? = nil, isOutstanding: Bool = false, isNoted: Bool = false,
    at now: Instant, random: inout some RandomNumberGenerator
  ) -> [Effect] {
    var machine = self.machine
    let result = machine.handle(event) { condition in
      switch condition {
      case .isDeclined: isRelayOnly || offered.map { bars.isBarred($0.path, at: now) } ?? true
      case .echoesOutstanding: isOutstanding
      case .isClearlyBetter: isClearlyBetter(offered, at: now)
      }
    }
    self.machine = machine
    var effects: [Effect] = []
    // Evidence comes with every acknowledgement; a log of that helps nobody.
    if result.kind == .protocolError || result.row != nil && (event != .pathHeard || isNoted) {
      effects.append(.transition(TransitionRecord(result)))
    }
    for action in result.actions {
      switch action {
      case .armCheck: armCheck(isRetry: event == .checkDue, at: now)
      case .moveToPath:
        path?.mtu.searchAgain(at: now)
        effects.append(.moveToPath)
      default: perform(action, offered, &effects, at: now, random: &random)
      }
    }
    return effects
  }

  private mutating func perform(
    _ action: PromotionMachine.Action, _ offered: Path?, _ effects: inout [Effect], at now: Instant,
    random: inout some RandomNumberGenerator
  ) {
    switch action {
    case .armCheck, .moveToPath: break
    case .chooseCandidate:
      candidate = offered
      forgetChallenges(of: candidate)
    case .adoptCandidate:
      if let candidate { bars.forget(candidate.path) }
      (path, candidate) = (candidate, nil)
    case .barCandidate:
      if let candidate { bars.bar(candidate.path, at: now) }
      candidate = nil
    case .sendChallenge:
      guard let target = candidate ?? path else { return }
      challengesSent += 1
      let isShrunk = candidate == nil && challengesSent > Self.challengesAtFullSize
      if isShrunk { path?.mtu.refused(length: 0, at: now) }
      let size = isShrunk ? PathMTU.base : target.mtu.size
      let token = newToken(for: target.path, at: now, random: &random)
      effects.append(.challenge(target.path, token: token, size: size))
    case .sendCheck:
      guard let path else { return }
      let token = newToken(for: path.path, at: now, random: &random)
      let size = hasPayloadInFlight ? path.mtu.size : 0
      effects.append(.challenge(path.path, token: token, size: size))
    case .armChallenge:
      challengeAt = now + max(challengeInterval, (candidate ?? path)?.roundTrip ?? .zero)
      challengeInterval = min(challengeInterval * 2, Self.longestChallengeInterval)
    case .armConfirming:
      confirmingAt = now + PromotionMachine.Timers.confirming
      challengeInterval = PromotionMachine.Timers.challenge
      challengesSent = 0
    case .armSilence:
      silenceAt = now + checkInterval(at: now) + (path?.roundTrip ?? .zero) * 3 + Self.silenceMargin
    case .disarmChallenge: (challengeAt, confirmingAt) = (nil, nil)
    case .disarmSilence: (checkAt, silenceAt) = (nil, nil)
    case .moveToRelay:
      effects.append(.moveToRelay)
      forgetChallenges(of: path)
    case .releasePath:
      if path != nil { effects.append(.release) }
      path = nil
    case .reportDirect, .reportRelayed: effects.append(.report)
    case .countDeclined, .countStale: declined += 1
    }
  }

  /// An echo of an earlier and perhaps smaller challenge confirms nothing (PRM-5).
  private mutating func forgetChallenges(of asked: Path?) {
    outstanding.removeAll { $0.path == asked?.path }
  }

  private func isIdle(at now: Instant) -> Bool {
    guard !hasPayloadInFlight else { return false }
    guard let trafficAt else { return true }
    return now - trafficAt >= Self.idleAfter
  }
}

extension Promoter {
  private mutating func armCheck(isRetry: Bool, at now: Instant) {
    isArmedIdle = isIdle(at: now)
    let retry = max(path?.roundTrip ?? .zero, Self.shortestCheckRetry)
    checkAt = now + (isRetry ? retry : checkInterval(at: now))
  }

  /// How long after evidence the path is checked.
  private func checkInterval(at now: Instant) -> Interval {
    isIdle(at: now) ? Self.idleCheckInterval : PromotionMachine.Timers.check
  }
}
