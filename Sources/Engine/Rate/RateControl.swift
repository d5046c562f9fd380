import Basics
import Machines

/// How fast payload leaves on a direct path and how much of it may be in flight (`specs/rate.md`, where the law
/// stands): runs the machine on what acknowledgements tell. Nothing here allocates.
struct RateControl {
  /// What an acknowledgement tells.
  struct Sample {
    /// Payload bytes that it newly covers.
    var delivered: Int
    /// What the path delivered, from sending what was acknowledged last until now, in bytes a second; nil when that
    /// was too short a time to say.
    var bytesPerSecond: Double?
    /// The round trip without the time that the peer held the acknowledgement back.
    var roundTrip: Interval?
    /// What is still in flight, in bytes.
    var bytesInFlight: Int
    /// Whether the source or the peer's window kept the flight small.
    var isLimited: Bool
  }

  /// Datagrams in flight before anything is measured (RTE-1).
  static let initialDatagrams = 16
  /// Those that leave at once (RFC 6928).
  static let firstBurst = 10
  /// The least that a turn takes, in datagrams: fewer say nothing.
  static let leastTurn = 6
  /// The least window, in datagrams.
  static let minimumDatagrams = 4
  /// How long an acknowledgement may be held back; belongs to every round trip of the pipe.
  static let acknowledgementDelay = Interval.milliseconds(5)
  /// How long the machines on both ends may be busy with something else.
  static let scheduling = Interval.milliseconds(1)
  /// No round trip counts as shorter, so that paces are finite.
  static let shortestRoundTrip = Interval.microseconds(10)
  /// What of the rate a cruise keeps to: the rate is the highest of several samples, and queues have to drain.
  static let margin = 0.985
  /// How long the base counts.
  static let baseLifetime = Interval.milliseconds(2_500)
  /// How long the flight stays small in a sounding.
  static let soundingTime = Interval.milliseconds(100)
  /// Turns without a quarter of growth that end the first search (RTE-2).
  static let plateauTurns = 3
  /// What of an acknowledgement the peer may wait for at most, in datagrams (`ArrivalLog`).
  static let acknowledgedAtOnce = 40.0
  /// The share of bytes lost beyond the usual that means congestion, and that without regard to chance.
  static let congestedLoss = 0.02
  static let severeLoss = 0.2
  /// The steps of a trial, each after one that found more (RTE-5).
  static let steps = (1.25, 1.5, 2.0)
  /// How many datagrams' fate makes half of the usual loss.
  static let lossMemory = 300.0
  /// Round trips of the pipe between two trials, and how often that may double (RTE-6).
  static let cruiseRounds = 6
  static let maximumPatience = 16
  /// Cruises are no longer than a Reno flow of the same window takes to find as much more, and than this.
  static let maximumRounds = 63.0
  static let longestCruise = Interval.milliseconds(2_500)

  private(set) var machine = RateMachine()
  /// Payload bytes of a frame.
  private var framePayload: Int
  private var pacer = Pacer()

  private var rates = WindowedMaximum()
  private var base: Interval?
  /// When a round trip last came near the base.
  private var baseAt: Instant
  /// The smallest round trip since then.
  private var recentBase: Interval?
  /// The window of the first search while no rate is known, in bytes.
  private var startWindow: Int
  /// The most that may be in flight after congestion, in bytes.
  private var ceiling: Double?

  // The present turn: one round trip of packets, and no less than an acknowledgement may take.
  private var turnBegan: Instant
  private var turnDelivered = 0
  private var turnLost = 0
  private var turnBase: Interval?
  private var turnIsLimited = false
  private var flightAtLoss = 0
  private var isCongested = false
  private var isJudgementDue = false
  private var plateauRate = 0.0
  private var turnsWithoutGrowth = 0

  // The present phase.
  private var phaseBegan: Instant
  private var rateBefore = 0.0
  private var phaseDelivered = 0
  private var phaseLost = 0
  /// Whether the last turn of the first search met a queue.
  private var isStartLong = false
  private var phaseTurns = 0
  private var isPhaseDrained = false
  /// Whether the last turn met a queue.
  private var isTurnLong = false
  private var trialStep = 0
  private var patience = 4
  /// The share that the path loses while less is sent than it delivers; nil before any was.
  private var usualLoss: Double?
  /// The most that is sent until the next trial, in bytes a second.
  private var restraint: Double?
  /// When the flight became small in a sounding.
  private var smallSince: Instant?

  /// - Parameters:
  ///   - framePayload: payload bytes of a frame that fills a datagram.
  ///   - roundTrip: what a challenge saw, if anything.
  init(framePayload: Int, roundTrip: Interval?, at now: Instant) {
    self.framePayload = framePayload
    base = roundTrip.map { max($0, Self.shortestRoundTrip) }
    baseAt = now
    startWindow = Self.initialDatagrams * framePayload
    turnBegan = now
    phaseBegan = now
  }

  // MARK: What may be sent

  /// The rate that the path was seen to deliver, in bytes a second; 0 before that is known.
  var rate: Double { rates.value }

  /// How long acknowledgements of the pipe take.
  private var pipeTime: Interval { (base ?? .milliseconds(100)) + Self.acknowledgementDelay }

  /// What the path holds, in bytes.
  private var product: Double { rate * (base ?? .milliseconds(100)).inSeconds }

  /// What the path, a held acknowledgement and a busy machine hold, in bytes.
  private var pipe: Double {
    let held = rate * Self.acknowledgementDelay.inSeconds
    let counted = Self.acknowledgedAtOnce * Double(framePayload) + rate * Self.scheduling.inSeconds
    return product + min(held, counted)
  }

  /// How fast payload leaves now, in bytes a second.
  var pace: Double {
    guard rate > 0 else { return Double(startWindow) / (base ?? .milliseconds(50)).inSeconds }
    let allowed = min(rate, restraint ?? rate)
    switch machine.state {
    case .startup: return (isStartLong ? 1.5 : 2.77) * rate
    case .draining: return (!isPhaseDrained ? 0.5 : phaseTurns == 0 ? 0.85 : 1) * allowed
    case .cruising: return Self.margin * allowed
    case .raising: return (phaseTurns == 0 ? trialFactor : 1) * rate
    case .lowering: return (isPhaseDrained && phaseTurns > 0 ? Self.margin : 0.85) * allowed
    case .sounding: return 0.7 * allowed
    }
  }

  private var trialFactor: Double {
    trialStep == 0 ? Self.steps.0 : trialStep == 1 ? Self.steps.1 : Self.steps.2
  }

  private var windowSize: Double {
    switch machine.state {
    case .startup: (isStartLong ? 1.5 : 2.1) * pipe
    case .draining, .cruising, .lowering: 2 * pipe
    case .raising: max(2.25, 1.5 * trialFactor) * pipe
    case .sounding: 0.5 * product
    }
  }

  /// The most payload that may be in flight, in bytes.
  var window: Int {
    guard rate > 0 else { return startWindow }
    let least = Double(Self.minimumDatagrams * framePayload)
    var size = windowSize
    if machine.state == .startup, !isStartLong { size = max(size, Double(startWindow)) }
    if let ceiling { size = min(size, ceiling) }
    return Int(max(size, least))
  }

  /// Whether a frame may leave now as far as pacing goes; if not, `nextSendAt` says when.
  mutating func maySend(at now: Instant) -> Bool {
    pacer.maySend(pace: pace, leastBurst: (rate > 0 ? 2 : Self.firstBurst) * framePayload, at: now)
  }

  /// When the next burst may leave; meaningful after `maySend` said no.
  var nextSendAt: Instant { pacer.nextBurstAt }

  // MARK: What happened

  /// Payload left, in bytes.
  mutating func didSend(_ count: Int) {
    pacer.didSend(count)
  }

  /// The path's datagrams have another size.
  mutating func resizeFrames(_ payload: Int) { framePayload = payload }

  /// Payload was found lost; `inFlight` is what was in flight before.
  mutating func lost(_ count: Int, inFlight: Int) {
    turnLost += count
    phaseLost += count
    flightAtLoss = max(flightAtLoss, inFlight)
    isJudgementDue = true
  }

  /// Takes what an acknowledgement tells.
  mutating func acknowledged(_ sample: Sample, at now: Instant) {
    turnDelivered += sample.delivered
    phaseDelivered += sample.delivered
    if sample.isLimited { turnIsLimited = true }
    if rate == 0, !sample.isLimited { startWindow += sample.delivered }
    if let roundTrip = sample.roundTrip { note(roundTrip, at: now) }
    if let measured = sample.bytesPerSecond, !sample.isLimited || measured > rate {
      rates.update(measured, span: max(.milliseconds(200), pipeTime * 10), at: now)
    }
    if isJudgementDue { judgeLoss(at: now) }
    advance(sample, at: now)
    let least = max(turnBase ?? base ?? .zero, Self.acknowledgementDelay)
    if now - turnBegan >= least, turnDelivered + turnLost >= Self.leastTurn * framePayload {
      endTurn(sample, at: now)
    }
  }

  private mutating func note(_ measured: Interval, at now: Instant) {
    let roundTrip = max(measured, Self.shortestRoundTrip)
    turnBase = min(turnBase ?? roundTrip, roundTrip)
    recentBase = min(recentBase ?? roundTrip, roundTrip)
    if roundTrip <= base ?? roundTrip {
      base = roundTrip
      refreshed(at: now)
    }
  }

  private mutating func refreshed(at now: Instant) {
    baseAt = now
    recentBase = nil
  }

  /// Whether round trips are so short that schedulers and held acknowledgements make up most of what is measured.
  private var isShort: Bool { (base ?? .seconds(1)) < Self.acknowledgementDelay }

  /// Whether a round trip says that a queue stands.
  private func isInflated(_ roundTrip: Interval) -> Bool {
    guard let base else { return false }
    return roundTrip > base + base / 6 + (isShort ? Self.acknowledgementDelay : .milliseconds(3))
  }

  // MARK: Phases

  /// Ends the present state when its time or its purpose is over.
  private mutating func advance(_ sample: Sample, at now: Instant) {
    let inPhase = now - phaseBegan
    if Double(sample.bytesInFlight) <= pipe { isPhaseDrained = true }
    switch machine.state {
    case .startup: break
    case .draining, .lowering:
      // The second turn shows what is lost while less is sent than the path delivers.
      if phaseTurns >= (isPhaseDrained ? 2 : 4) { step(.drained, at: now) }
    case .cruising:
      if now - baseAt > Self.baseLifetime { return renewBase(at: now) }
      if inPhase >= cruiseTime { step(.cruiseOver, at: now) }
    case .raising:
      if phaseTurns >= 2 { step(.raiseOver, at: now) }
    case .sounding:
      sound(sample, at: now)
    }
  }

  /// The base has not been seen for its lifetime: either the path has become longer, or a queue stands (RTE-7).
  private mutating func renewBase(at now: Instant) {
    guard let recent = recentBase else { return }
    if isInflated(recent) {
      step(.baseStale, at: now)
    } else {
      base = recent
      refreshed(at: now)
    }
  }

  private mutating func sound(_ sample: Sample, at now: Instant) {
    let least = Double(Self.minimumDatagrams * framePayload)
    if smallSince == nil, Double(sample.bytesInFlight) <= max(0.55 * product, least) {
      smallSince = now
      recentBase = nil
    }
    // Whoever keeps the flight from becoming small must not hold us here.
    let isSmallForLong = smallSince.map { now - $0 >= Self.soundingTime + pipeTime } ?? false
    if isSmallForLong || now - phaseBegan > Self.soundingTime * 5 { step(.baseSounded, at: now) }
  }

  private var cruiseTime: Interval {
    let least = pipeTime * Int64(Self.cruiseRounds)
    let inPackets = pipeTime * Int64(min(max(pipe / Double(framePayload), 1), Self.maximumRounds))
    // Where a trial costs a few milliseconds it need not be rare.
    let patience = isShort ? max(1, self.patience / 4) : self.patience
    return max(least, min(least * Int64(patience), min(inPackets, Self.longestCruise)))
  }

  // MARK: Turns

  /// Judges the losses of this turn (RTE-8): congestion is what lies beyond the usual and beyond chance (RTE-3).
  private mutating func judgeLoss(at now: Instant) {
    isJudgementDue = false
    let isLong = turnBase.map { isInflated($0) } ?? false
    // What is found lost at first after a trial was sent by the trial, which is over. With a standing queue it shows
    // that there is somebody else to make room for.
    guard !isCongested, machine.state != .lowering || phaseTurns > 0 || isLong else { return }
    let all = Double(turnDelivered + turnLost) / Double(framePayload)
    let lost = Double(turnLost) / Double(framePayload)
    let usual = usualLoss ?? 0.08
    let beyond = lost - all * (1.25 * usual + (isLong ? 0.005 : Self.congestedLoss)) - 3
    // Three standard deviations of a chance that comes once in a while.
    let isBeyondChance = beyond > 0 && beyond * beyond > 9 * all * max(usual, 0.002)
    guard isBeyondChance || lost > all * (Self.severeLoss + usual) && lost >= 8 else { return }
    isCongested = true
    step(.congested, at: now)
  }

  private mutating func endTurn(_ sample: Sample, at now: Instant) {
    phaseTurns += 1
    isTurnLong = turnBase.map { isInflated($0) } ?? false
    if machine.state == .draining, phaseTurns == 1 { settleRate(at: now) }
    if machine.state == .lowering || machine.state == .draining, phaseTurns >= 2 { learnLoss() }
    if !isCongested, machine.state == .raising { liftCeiling() }
    if machine.state == .startup, !turnIsLimited {
      isStartLong = turnBase.map { isInflated($0) } ?? false
      judgeGrowth(at: now)
    }
    beginTurn(at: now)
    turnIsLimited = sample.isLimited
  }

  private mutating func beginTurn(at now: Instant) {
    turnBegan = now
    turnDelivered = 0
    turnLost = 0
    turnBase = nil
    flightAtLoss = 0
    isCongested = false
  }

  /// Ends the first turn of draining (RTE-4). What arrives now has passed a link that was never idle, and whose bucket
  /// is used up: its rate is the true one.
  private mutating func settleRate(at now: Instant) {
    let time = (now - phaseBegan).inSeconds
    guard time >= 0.7 * pipeTime.inSeconds, !turnIsLimited else { return }
    rates.reset(min(rate, max(Double(phaseDelivered) / time, 0.7 * rate)), at: now)
  }

  private mutating func learnLoss() {
    let all = Double(turnDelivered + turnLost)
    guard all > 0 else { return }
    let loss = min(Double(turnLost) / all, Self.severeLoss)
    let frames = all / Double(framePayload)
    guard let usual = usualLoss else { return usualLoss = loss }
    usualLoss = usual + (loss - usual) * frames / (frames + Self.lossMemory)
  }

  private mutating func judgeGrowth(at now: Instant) {
    if rate >= 1.25 * plateauRate {
      plateauRate = rate
      turnsWithoutGrowth = 0
      return
    }
    // Without a queue it is not the path that holds the rate: a busy machine is, or chance in a few short turns.
    guard isStartLong else { return }
    turnsWithoutGrowth += 1
    if turnsWithoutGrowth >= Self.plateauTurns { step(.plateauReached, at: now) }
  }

  /// Whether a trial on a short path met neither a queue nor a loss. There the time of a turn is that of the machines'
  /// schedulers rather than the path's, and what a turn delivers says little.
  private var isUnhindered: Bool {
    isShort && !isTurnLong && phaseLost == 0
  }

  private mutating func liftCeiling() {
    guard let limit = ceiling else { return }
    let lifted = limit + max(pipe / 8, Double(framePayload))
    ceiling = lifted < 3 * pipe ? lifted : nil
  }

  // MARK: The machine

  private mutating func step(_ event: RateMachine.Event, at now: Instant) {
    let phaseTotal = phaseDelivered + phaseLost
    let phaseLoss = phaseTotal > 0 ? Double(phaseLost) / Double(phaseTotal) : 0
    let isUseless = phaseLoss > (usualLoss ?? 0) + Self.congestedLoss && rate < 1.05 * rateBefore
    let isGrowing = rate > 1.1 * rateBefore || isUnhindered
    let result = machine.handle(event) { condition in
      switch condition {
      case .isGrowing: isGrowing
      case .isUseless: isUseless
      }
    }
    // RTE-10: this host names no event that its state does not know.
    assert(result.kind != .protocolError)
    for action in result.actions {
      switch action {
      case .lowerCeiling:
        ceiling = max(pipe, 0.85 * min(Double(flightAtLoss), ceiling ?? .infinity))
      case .restrain:
        restraint = 0.8 * min(rate, restraint ?? rate)
      case .release:
        restraint = nil
        trialStep = 0
      case .stepUp: trialStep += 1
      case .beginPhase:
        phaseBegan = now
        phaseDelivered = 0
        phaseLost = 0
        phaseTurns = 0
        isPhaseDrained = false
        rateBefore = rate
        smallSince = nil
        beginTurn(at: now)
      case .lengthenCruise: patience = min(2 * patience, Self.maximumPatience)
      case .shortenCruise: patience = max(patience / 2, 1)
      case .refreshBase:
        base = recentBase ?? base
        refreshed(at: now)
      }
    }
  }
}
