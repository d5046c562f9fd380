import Basics
import DequeModule
import Engine
import Glibc
import Machines

/// The client's side of a tunnel that lives for months: begins sessions with the server, keeps them through outages and
/// begins others, as the tunnel machine says (`specs/tunnel.md`).
///
/// Local connections are given to it (`offer`); while the server is not heard, new ones wait for a bounded time.
public final class TunnelClient {
  public struct Options {
    /// How long a session with a server that is not heard is kept.
    public var resumeWindow = TunnelMachine.Timers.window
    /// After so many attempts in a row that the server did not let in nobody tries again; nil for never.
    public var attempts: Int?
    /// How long a new local connection waits for the tunnel.
    public var patience = Interval.seconds(10)
    /// The longest pause between attempts.
    public var longestPause = Interval.seconds(10)
    /// As many new connections wait at most.
    public var mostWaiting = 128

    public init() {}
  }

  /// What a session takes.
  public typealias Ingredients = (
    session: Session, relay: SessionHost.Relay, direct: SessionHost.DirectPaths?
  )

  public enum Event {
    /// Local connections travel.
    case open
    /// The server is not heard; local connections are held.
    case silent
    /// It is heard again, and everything goes on; how long it was not.
    case back(after: Interval)
    /// The session is over, and what was open in it; another one follows.
    case lost(reason: String)
    /// The next attempt comes after this.
    case resting(Interval)
    case session(SessionEvent)
    case streams(StreamHost.Event)
    /// A connection waited in vain for the tunnel.
    case turnedAway
    case transition(TransitionRecord)
  }

  public enum End: Hashable, Sendable {
    case stopped
    /// The server does not want this client, now or later.
    case refused(SessionFailure)
    /// So many attempts were in vain.
    case givenUp(SessionFailure)
  }

  /// Counters, always kept.
  public struct Counts: Hashable, Sendable {
    public var sessions = 0
    public var established = 0
    /// How often the server was not heard and then was, with nothing lost.
    public var resumed = 0
    public var longestSilence = Interval.zero
    public var turnedAway: UInt64 = 0
    public var streams = StreamHost.Counts()

    public init() {}
  }

  private final class Attempt {
    let number: Int
    let host: SessionHost
    let streams: StreamHost
    var isEstablished = false

    init(_ number: Int, _ host: SessionHost, _ streams: StreamHost) {
      self.number = number
      self.host = host
      self.streams = streams
    }
  }

  /// How often a server that is not heard is asked whether it knows the session.
  private static let askInterval = Interval.seconds(1)
  /// How long saying goodbye may take.
  private static let goodbyeLimit = Interval.seconds(2)

  private let loop: EventLoop
  private let options: Options
  private let makeSession: () -> Ingredients
  private let observer: (Event) -> Void
  private let completion: (End) -> Void
  private var machine = TunnelMachine()
  private var pending = Deque<(TunnelMachine.Event, SessionFailure?)>()
  private var isHandling = false
  private var attempt: Attempt?
  /// Sessions that still say goodbye.
  private var leaving: [Attempt] = []
  private var failures = 0
  private var pause = TunnelMachine.Timers.retry
  private var windowTimer: LoopTimer?
  private var retryTimer: LoopTimer?
  private var askTimer: LoopTimer?
  private var waitTimer: LoopTimer?
  private var goodbyeTimer: LoopTimer?
  private var monitor: NetworkMonitor?
  private var silentSince: Instant?
  private var waiting = Deque<(descriptor: Int32, until: Instant)>()
  private var random = SecureRandom()
  private var past = Counts()
  private var end: End?
  private var hasEnded = false
  public private(set) var lastFailure: SessionFailure?

  /// - Parameters:
  ///   - makeSession: makes the session of one attempt.
  ///   - completion: is called once, when the client is over.
  public init(
    _ loop: EventLoop, _ options: Options, makeSession: @escaping () -> Ingredients,
    observer: @escaping (Event) -> Void, completion: @escaping (End) -> Void
  ) {
    self.loop = loop
    self.options = options
    self.makeSession = makeSession
    self.observer = observer
    self.completion = completion
    windowTimer = loop.makeTimer { [unowned self] in happened(.windowElapsed) }
    retryTimer = loop.makeTimer { [unowned self] in happened(.retryDue) }
    askTimer = loop.makeTimer { [unowned self] in ask() }
    waitTimer = loop.makeTimer { [unowned self] in turnAwayLate() }
    monitor = NetworkMonitor(loop, includingLoopback: false) { [unowned self] _ in
      happened(.networkChanged)
    }
  }

  deinit {
    monitor?.close()
    for entry in waiting { Socket.closeWithReset(entry.descriptor) }
  }

  // MARK: What the host does

  public func start() { happened(.start) }

  /// Stops in good order; `completion` follows.
  public func stop() { happened(.stop) }

  /// Takes a local connection; its descriptor belongs to the client from now on.
  public func offer(_ descriptor: Int32) {
    guard end == nil else { return Socket.closeWithReset(descriptor) }
    if machine.state == .open, let attempt {
      return attempt.streams.offer(descriptor)
    }
    guard waiting.count < options.mostWaiting else { return turnAway(descriptor) }
    waiting.append((descriptor, loop.now + options.patience))
    if waiting.count == 1 { waitTimer?.arm(after: options.patience) }
  }

  public var state: TunnelMachine.State { machine.state }

  public var counts: Counts {
    var counts = past
    if let attempt { counts.streams.add(attempt.streams.counts) }
    return counts
  }

  /// Counters of the session at hand; nil when there is none.
  public var statistics: SessionStatistics? { attempt?.host.session.statistics }

  /// The session at hand.
  public var session: Session? { attempt?.host.session }

  // MARK: Waiting connections

  private func offerWaiting() {
    while let entry = waiting.popFirst() { attempt?.streams.offer(entry.descriptor) }
    waitTimer?.disarm()
  }

  private func turnAwayLate() {
    let now = loop.now
    while let first = waiting.first, first.until <= now {
      waiting.removeFirst()
      turnAway(first.descriptor)
    }
    if let first = waiting.first { waitTimer?.arm(at: first.until) }
  }

  private func turnAway(_ descriptor: Int32) {
    past.turnedAway += 1
    Socket.closeWithReset(descriptor)
    observer(.turnedAway)
  }

  // MARK: The machine

  /// Takes an event; what follows from it may bring others, which wait for their turn.
  private func happened(_ event: TunnelMachine.Event, _ failure: SessionFailure? = nil) {
    pending.append((event, failure))
    guard !isHandling else { return }
    isHandling = true
    while let (event, failure) = pending.popFirst() { handle(event, failure) }
    isHandling = false
  }

  private func handle(_ event: TunnelMachine.Event, _ failure: SessionFailure?) {
    if let failure { lastFailure = failure }
    if event == .ended || event == .refused {
      if attempt?.isEstablished != true { failures += 1 }
      finishAttempt()
    }
    let mayRetry = options.attempts.map { failures < $0 } ?? true
    let step = machine.handle(event) { condition in
      switch condition {
      case .mayRetry: mayRetry
      }
    }
    observer(.transition(TransitionRecord(step)))
    let reason = failure?.description ?? Self.reason(of: event)
    for action in step.actions { perform(action, reason) }
    if machine.state == .closed, step.kind == .moved { finish(event, failure) }
  }

  private static func reason(of event: TunnelMachine.Event) -> String {
    switch event {
    case .restarted: "the server was started anew"
    case .windowElapsed: "the server was not heard for too long"
    default: "the server has closed the session"
    }
  }

  private func perform(_ action: TunnelMachine.Action, _ reason: String) {
    switch action {
    // One at a time (TUN-1).
    case .startSession: begin()
    case .endSession: leave()
    case .armWindow:
      silentSince = loop.now
      windowTimer?.arm(after: options.resumeWindow)
      askTimer?.arm(after: Self.askInterval)
    case .disarmWindow:
      windowTimer?.disarm()
      askTimer?.disarm()
    case .armRetry: rest()
    case .disarmRetry: retryTimer?.disarm()
    // The server has let us in (TUN-2), or another network may be a better one (TUN-8).
    case .resetPause:
      pause = TunnelMachine.Timers.retry
      failures = 0
    case .reportOpen:
      attempt?.isEstablished = true
      past.established += 1
      observer(.open)
      offerWaiting()
    // Held, not lost (TUN-4).
    case .reportSilent: observer(.silent)
    case .reportBack: noteReturn()
    case .reportLost:
      silentSince = nil
      observer(.lost(reason: reason))
    case .reportGivenUp, .reportRefused: break
    }
  }

  private func noteReturn() {
    let length = silentSince.map { loop.now - $0 } ?? .zero
    silentSince = nil
    past.resumed += 1
    past.longestSilence = max(past.longestSilence, length)
    observer(.back(after: length))
    offerWaiting()
  }

  /// TUN-3: the pauses double, with jitter, so that clients of a server that was away do not come all at once.
  private func rest() {
    let jitter = Int64.random(in: 0...pause.nanoseconds / 2, using: &random)
    let length = pause + Interval(nanoseconds: jitter)
    pause = min(pause * 2, options.longestPause)
    retryTimer?.arm(after: length)
    observer(.resting(length))
  }

  // MARK: Sessions

  private func begin() {
    past.sessions += 1
    let number = past.sessions
    let made = makeSession()
    let streams = StreamHost(loop, made.session, .given) { [weak self] event in
      self?.observer(.streams(event))
    }
    let host = SessionHost(
      loop, made.session, relay: made.relay, direct: made.direct, source: nil, output: nil,
      observer: { [weak self] event in self?.happened(event, in: number) },
      completion: { [weak self] outcome in self?.ended(number, outcome) })
    host.streams = streams
    attempt = Attempt(number, host, streams)
    // Its first events must not come before this one is handled.
    loop.defer { host.start() }
  }

  private func happened(_ event: SessionEvent, in number: Int) {
    guard let attempt, attempt.number == number else { return }
    observer(.session(event))
    switch event {
    case .state(.claimed): if !attempt.isEstablished { happened(.established) }
    case .peerMissing(true): happened(.silence)
    case .peerMissing(false): happened(.heard)
    case .peerRestarted: happened(.restarted)
    case .finished(let outcome): over(outcome)
    default: break
    }
  }

  /// The session says that it is over; its host still says goodbye.
  private func over(_ outcome: SessionOutcome) {
    switch outcome {
    case .success: happened(.ended)
    case .failure(let failure): happened(failure.isFinal ? .refused : .ended, failure)
    }
  }

  /// TUN-5: a server that was started anew answers, but not as it did.
  private func ask() {
    guard machine.state == .silent, let attempt else { return }
    attempt.host.askAgain()
    askTimer?.arm(after: Self.askInterval)
  }

  /// The session is over by itself: what was open in it was reset by its driver.
  private func finishAttempt() {
    guard let attempt else { return }
    keepCounts(of: attempt)
    leaving.append(attempt)
    self.attempt = nil
  }

  /// This side gives the session up.
  private func leave() {
    guard let attempt else { return }
    finishAttempt()
    // The machine has been told what it needs to know; the host may end in its own time.
    loop.defer { [weak self] in
      guard let self else { return }
      if end == nil, machine.state != .closed {
        attempt.streams.sessionEnded()
        attempt.host.interrupt()
      } else {
        attempt.host.closeStreams()
      }
    }
  }

  private func keepCounts(of attempt: Attempt) {
    var counts = attempt.streams.counts
    counts.open = 0
    past.streams.add(counts)
  }

  private func ended(_ number: Int, _ outcome: SessionOutcome) {
    loop.defer { [weak self] in
      guard let self else { return }
      leaving.removeAll { $0.number == number }
      if hasEnded, leaving.isEmpty { complete() }
    }
  }

  // MARK: Ending

  private func finish(_ event: TunnelMachine.Event, _ failure: SessionFailure?) {
    guard !hasEnded else { return }
    hasEnded = true
    let last = failure ?? lastFailure ?? .cancelled
    switch event {
    case .refused: end = .refused(last)
    case .ended: end = .givenUp(last)
    default: end = .stopped
    }
    monitor?.close()
    for timer in [windowTimer, retryTimer, askTimer, waitTimer] { timer?.disarm() }
    while let entry = waiting.popFirst() { Socket.closeWithReset(entry.descriptor) }
    goodbyeTimer = loop.makeTimer { [weak self] in self?.complete() }
    goodbyeTimer?.arm(after: leaving.isEmpty ? .zero : Self.goodbyeLimit)
  }

  private func complete() {
    guard let end, goodbyeTimer != nil else { return }
    goodbyeTimer = nil
    leaving.removeAll()
    completion(end)
  }
}

extension SessionFailure {
  /// Whether another attempt with the same credential would end in the same way (TUN-7).
  public var isFinal: Bool {
    switch self {
    case .refused(let code, _): code != "claimed" && code != "full"
    case .peerDeclined, .tokenExpired: true
    default: false
    }
  }
}
