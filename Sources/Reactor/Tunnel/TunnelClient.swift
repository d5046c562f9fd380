import Basics
import DequeModule
import Engine
import Glibc

/// The client's side of a tunnel that lives for months: sessions with the server, as `TunnelSupervisor` wants them, and
/// local connections, which are given to it (`offer`) and wait for a bounded time while the server is not heard.
public final class TunnelClient {
  public struct Options {
    public var supervision = TunnelSupervisor.Options()
    /// How long a new local connection waits for the tunnel.
    public var patience = Interval.seconds(10)
    /// As many new connections wait at most.
    public var mostWaiting = 128

    public init() {}
  }

  /// What a session takes.
  public typealias Ingredients = (
    session: Session, relay: SessionHost.Relay, direct: SessionHost.DirectPaths?
  )

  public enum Event {
    case tunnel(TunnelSupervisor.Effect)
    case session(SessionEvent)
    case streams(StreamHost.Event)
    /// A connection waited in vain for the tunnel.
    case turnedAway
  }

  /// Counters, always kept.
  public struct Counts: Hashable, Sendable {
    public var sessions = 0
    public var established = 0
    /// How often the server was not heard and then was, with nothing lost.
    public var resumed = 0
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

  /// How long saying goodbye may take.
  private static let goodbyeLimit = Interval.seconds(2)

  private let loop: EventLoop
  private let options: Options
  private let makeSession: () -> Ingredients
  private let observer: (Event) -> Void
  private let completion: (TunnelSupervisor.End) -> Void
  private var supervisor: TunnelSupervisor
  private var pending = Deque<TunnelSupervisor.Event>()
  private var isHandling = false
  private var attempt: Attempt?
  private let current = CurrentSession()
  /// Where local programs send datagrams, if anywhere.
  private var datagrams: DatagramEntry?
  /// Sessions that still say goodbye.
  private var leaving: [Attempt] = []
  private var timer: LoopTimer?
  private var waitTimer: LoopTimer?
  private var goodbyeTimer: LoopTimer?
  private var monitor: NetworkMonitor?
  private var waiting = Deque<(descriptor: Int32, until: Instant)>()
  private var past = Counts()
  private var end: TunnelSupervisor.End?

  /// - Parameters:
  ///   - makeSession: makes the session of one attempt.
  ///   - completion: is called once, when the client is over.
  public init(
    _ loop: EventLoop, _ options: Options, makeSession: @escaping () -> Ingredients,
    observer: @escaping (Event) -> Void, completion: @escaping (TunnelSupervisor.End) -> Void
  ) {
    self.loop = loop
    self.options = options
    self.makeSession = makeSession
    self.observer = observer
    self.completion = completion
    supervisor = TunnelSupervisor(options.supervision, random: SecureRandom())
    timer = loop.makeTimer { [unowned self] in
      perform(supervisor.handleTimeout(at: loop.now))
      drain()
    }
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
    if supervisor.state == .open, let attempt {
      return attempt.streams.offer(descriptor)
    }
    guard waiting.count < options.mostWaiting else { return turnAway(descriptor) }
    waiting.append((descriptor, loop.now + options.patience))
    if waiting.count == 1 { waitTimer?.arm(after: options.patience) }
  }

  /// Takes datagrams of local programs at this address; where, with the real port.
  public func listenForDatagrams(at address: SocketAddress) throws(ReactorError) -> SocketAddress {
    let entry = try DatagramEntry(loop, current, listen: address)
    datagrams = entry
    return entry.address
  }

  /// Counters of datagrams; nil when none are taken.
  public var datagramCounts: DatagramForwarding? { datagrams?.counts }

  /// Whether the server forwards datagrams, too; nil while that is not known.
  public var isForwardingDatagrams: Bool? {
    guard datagrams != nil, attempt?.isEstablished == true else { return nil }
    return current.session?.largestDatagram ?? 0 > 0
  }

  public var counts: Counts {
    var counts = past
    if let attempt { counts.streams.add(attempt.streams.counts) }
    return counts
  }

  /// Counters of the session at hand; nil when there is none.
  public var statistics: SessionStatistics? { attempt?.host.session.statistics }

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
    Socket.closeWithReset(descriptor)
    observer(.turnedAway)
  }

  // MARK: The supervisor

  /// Takes an event; what follows from it may bring others, which wait for their turn.
  private func happened(_ event: TunnelSupervisor.Event) {
    pending.append(event)
    drain()
  }

  private func drain() {
    guard !isHandling else { return }
    isHandling = true
    while let event = pending.popFirst() {
      if case .ended = event { finishAttempt() }
      perform(supervisor.handle(event, at: loop.now))
    }
    isHandling = false
    if let deadline = supervisor.deadline { timer?.arm(at: deadline) } else { timer?.disarm() }
  }

  private func perform(_ effects: [TunnelSupervisor.Effect]) {
    for effect in effects {
      switch effect {
      case .startSession: begin()
      case .endSession: leave()
      case .askAgain: attempt?.host.askAgain()
      case .open:
        attempt?.isEstablished = true
        past.established += 1
      case .back: past.resumed += 1
      case .over(let end): finish(end)
      case .silent, .lost, .resting, .transition: break
      }
      observer(.tunnel(effect))
      switch effect {
      case .open, .back: offerWaiting()
      default: break
      }
    }
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
      completion: { [weak self] _ in self?.left(number) })
    current.session = made.session
    host.streams = datagrams.map { DriverPair(streams, $0, outlives: true) } ?? streams
    attempt = Attempt(number, host, streams)
    // Its first events must not come before this one is handled.
    loop.defer { host.start() }
  }

  private func happened(_ event: SessionEvent, in number: Int) {
    guard let attempt, attempt.number == number else { return }
    observer(.session(event))
    switch event {
    case .state(.claimed): if !attempt.isEstablished { happened(.established) }
    case .peerMissing(let isMissing): happened(isMissing ? .silence : .heard)
    case .peerRestarted: happened(.restarted)
    // Its host still says goodbye.
    case .finished(.success): happened(.ended(nil))
    case .finished(.failure(let failure)): happened(.ended(failure))
    default: break
    }
  }

  /// The session is over by itself: what was open in it is reset by its driver.
  private func finishAttempt() {
    guard let attempt else { return }
    var counts = attempt.streams.counts
    counts.open = 0
    past.streams.add(counts)
    leaving.append(attempt)
    self.attempt = nil
  }

  /// This side gives the session up.
  private func leave() {
    guard let attempt else { return }
    let isStopping = supervisor.state == .closed
    finishAttempt()
    // The session may be in the middle of saying what led here.
    loop.defer {
      if isStopping {
        attempt.host.closeStreams()
      } else {
        attempt.streams.sessionEnded()
        attempt.host.interrupt()
      }
    }
  }

  private func left(_ number: Int) {
    loop.defer { [weak self] in
      guard let self else { return }
      leaving.removeAll { $0.number == number }
      if end != nil, leaving.isEmpty { complete() }
    }
  }

  // MARK: Ending

  private func finish(_ end: TunnelSupervisor.End) {
    guard self.end == nil else { return }
    self.end = end
    monitor?.close()
    datagrams?.close()
    waitTimer?.disarm()
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
