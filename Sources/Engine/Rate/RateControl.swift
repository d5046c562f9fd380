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
    /// Whether what was sent after the last such sample has been acknowledged.
    var endsRound: Bool
  }

  /// Datagrams in flight before anything is measured (RTE-1).
  static let initialDatagrams = 32
  /// The least window, in datagrams.
  static let minimumDatagrams = 4
  /// How long an acknowledgement may be held back; belongs to every round trip of the pipe.
  static let acknowledgementDelay = Interval.milliseconds(5)
  /// How long the base counts.
  static let baseLifetime = Interval.milliseconds(2_500)
  /// How long the flight stays small in a sounding.
  static let soundingTime = Interval.milliseconds(100)
  /// Turns without a quarter of growth that end the first search (RTE-2).
  static let plateauTurns = 3
  /// Shares of lost bytes that mean congestion: with a longer round trip, and in any case.
  static let congestedLoss = 0.02
  static let severeLoss = 0.2
  /// Round trips of the pipe between two trials, and how often that may double (RTE-6).
  static let cruiseRounds = 6
  static let maximumPatience = 8

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
  private var plateauRate = 0.0
  private var turnsWithoutGrowth = 0

  // The present phase.
  private var phaseBegan: Instant
  private var rateBefore = 0.0
  private var phaseDelivered = 0
  private var phaseLost = 0
  private var patience = 1
  /// The share of bytes that cruising loses, smoothed.
  private var usualLoss = 0.0
  /// When the flight became small in a sounding.
  private var smallSince: Instant?

  /// - Parameters:
  ///   - framePayload: payload bytes of a frame that fills a datagram.
  ///   - roundTrip: what a challenge saw, if anything.
  init(framePayload: Int, roundTrip: Interval?, at now: Instant) {
    self.framePayload = framePayload
    base = roundTrip
    baseAt = now
    startWindow = Self.initialDatagrams * framePayload
    turnBegan = now
    phaseBegan = now
  }

  // MARK: What may be sent

  /// The rate that the path was seen to deliver, in bytes a second; 0 before that is known.
  var rate: Double { rates.value }

  /// The round trip that the pipe is reckoned with.
  private var pipeTime: Interval { (base ?? .milliseconds(100)) + Self.acknowledgementDelay }

  /// What the path and a held acknowledgement hold, in bytes.
  private var pipe: Double { rate * pipeTime.inSeconds }

  private var paceFactor: Double {
    switch machine.state {
    case .startup: 2.77
    case .draining: 0.36
    case .cruising: 1
    case .raising: 1.25
    case .lowering: 0.8
    case .sounding: 0.7
    }
  }

  private var windowFactor: Double {
    switch machine.state {
    case .startup, .draining: 2.77
    case .cruising, .lowering: 2
    case .raising: 2.25
    case .sounding: 0.5
    }
  }

  /// The most payload that may be in flight, in bytes.
  var window: Int {
    guard rate > 0 else { return startWindow }
    let least = Double(Self.minimumDatagrams * framePayload)
    var size = windowFactor * pipe
    if machine.state == .startup { size = max(size, Double(startWindow)) }
    if let ceiling { size = min(size, ceiling) }
    return Int(max(size, least))
  }

  /// Whether a frame may leave now as far as pacing goes; if not, `nextSendAt` says when.
  mutating func maySend(at now: Instant) -> Bool {
    guard rate > 0 else { return true }
    return pacer.maySend(pace: paceFactor * rate, leastBurst: 2 * framePayload, at: now)
  }

  /// When the next burst may leave; meaningful after `maySend` said no.
  var nextSendAt: Instant { pacer.nextBurstAt }

  // MARK: What happened

  /// Payload left, in bytes.
  mutating func didSend(_ count: Int) {
    if rate > 0 { pacer.didSend(count) }
  }

  /// The path's datagrams have another size.
  mutating func resizeFrames(_ payload: Int) { framePayload = payload }

  /// Payload was found lost; `inFlight` is what was in flight before.
  mutating func lost(_ count: Int, inFlight: Int) {
    turnLost += count
    phaseLost += count
    flightAtLoss = max(flightAtLoss, inFlight)
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
    advance(sample, at: now)
    if sample.endsRound, now - turnBegan >= Self.acknowledgementDelay { endTurn(sample, at: now) }
  }

  private mutating func note(_ roundTrip: Interval, at now: Instant) {
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

  /// Whether a round trip says that a queue stands.
  private func isInflated(_ roundTrip: Interval) -> Bool {
    guard let base else { return false }
    return roundTrip > base + base / 4 + .milliseconds(3)
  }

  // MARK: Phases

  /// Ends the present state when its time or its purpose is over.
  private mutating func advance(_ sample: Sample, at now: Instant) {
    let inPhase = now - phaseBegan
    let isDrained = Double(sample.bytesInFlight) <= pipe
    switch machine.state {
    case .startup: break
    case .draining:
      if isDrained { step(.drained, at: now) }
    case .cruising:
      if now - baseAt > Self.baseLifetime { return renewBase(at: now) }
      if inPhase >= pipeTime * Int64(Self.cruiseRounds * patience) { step(.cruiseOver, at: now) }
    case .raising:
      // A source that does not fill the pipe cannot try more, either.
      let isFull = Double(sample.bytesInFlight) >= 1.2 * pipe || phaseLost > 0
      if inPhase >= pipeTime, isFull || inPhase >= pipeTime * 3 { step(.raiseOver, at: now) }
    case .lowering:
      if isDrained { step(.drained, at: now) } else if inPhase >= pipeTime { step(.lowerOver, at: now) }
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
    if smallSince == nil, Double(sample.bytesInFlight) <= max(0.55 * pipe, least) {
      smallSince = now
      recentBase = nil
    }
    // Whoever keeps the flight from becoming small must not hold us here.
    let isSmallForLong = smallSince.map { now - $0 >= Self.soundingTime + pipeTime } ?? false
    if isSmallForLong || now - phaseBegan > Self.soundingTime * 5 { step(.baseSounded, at: now) }
  }

  // MARK: Turns

  private mutating func endTurn(_ sample: Sample, at now: Instant) {
    let total = turnDelivered + turnLost
    let loss = total > 0 ? Double(turnLost) / Double(total) : 0
    // A handful of packets says nothing about shares.
    let isTelling = total >= 32 * framePayload || now - turnBegan >= .milliseconds(200)
    guard isTelling || turnLost == 0 else { return }
    let isLong = turnBase.map { isInflated($0) } ?? false
    if loss > Self.severeLoss || loss > Self.congestedLoss && isLong {
      step(.congested, at: now)
    } else {
      liftCeiling()
    }
    if machine.state == .cruising { usualLoss += (loss - usualLoss) / 8 }
    if machine.state == .startup, !turnIsLimited { judgeGrowth(at: now) }
    turnBegan = now
    turnDelivered = 0
    turnLost = 0
    turnBase = nil
    turnIsLimited = sample.isLimited
    flightAtLoss = 0
  }

  private mutating func judgeGrowth(at now: Instant) {
    if rate >= 1.25 * plateauRate {
      plateauRate = rate
      turnsWithoutGrowth = 0
      return
    }
    turnsWithoutGrowth += 1
    if turnsWithoutGrowth >= Self.plateauTurns { step(.plateauReached, at: now) }
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
    let isUseless = phaseLoss > usualLoss + Self.congestedLoss && rate < 1.05 * rateBefore
    let result = machine.handle(event) { condition in
      switch condition {
      case .isUseless: isUseless
      }
    }
    for action in result.actions {
      switch action {
      case .lowerCeiling:
        ceiling = max(pipe, 0.85 * Double(flightAtLoss))
      case .beginPhase:
        phaseBegan = now
        phaseDelivered = 0
        phaseLost = 0
        rateBefore = rate
        smallSince = nil
      case .lengthenCruise: patience = min(2 * patience, Self.maximumPatience)
      case .shortenCruise: patience = 1
      case .refreshBase:
        base = recentBase ?? base
        refreshed(at: now)
      }
    }
  }
}
