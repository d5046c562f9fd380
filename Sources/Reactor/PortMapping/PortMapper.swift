import Basics
import Wire

/// Keeps one UDP port of this host reachable through the router of the default IPv4 route, as long as the
/// router plays along: by PCP, NAT-PMP or UPnP, whichever is there, in this order.
///
/// Belongs to its loop and never blocks it. Nothing works is a normal outcome: the mapper then tries again,
/// ever more rarely.
public final class PortMapper {
  private enum State {
    case idle
    case searching(PortMappingSearch)
    case holding(Held)
    /// Until the retry timer fires.
    case pausing
    case stopped
  }

  private struct Held {
    var client: any MappingClient
    var lease: MappingLease
    var epoch: EpochWatch
    /// An operation of the client is under way.
    var isBusy = false
  }

  private let loop: EventLoop
  private let internalPort: UInt16
  private var options: Options
  private let report: (PortMappingReport) -> Void
  private let changed: (IPEndpoint?, PortMappingProtocol?) -> Void
  private var state = State.idle
  private var route: DefaultRoute?
  private var backOff: MappingBackOff
  private var retryTimer: LoopTimer?
  private var renewalTimer: LoopTimer?
  private var checkTimer: LoopTimer?
  private var stopTimer: LoopTimer?

  /// The mapping that exists now.
  public private(set) var mapping: PortMapping?

  /// Makes a mapper for a port that some socket of this host is bound to; nothing happens before `start()`.
  ///
  /// `changed` is told each new external endpoint and how it was got, and nil when it is lost; never twice the
  /// same, and nothing after `stop`. Endpoints that nobody can use (unspecified, loopback, multicast) are not
  /// told; private ones are. `report` is for people. Both are called from the loop, or from within `start()`
  /// and `networkChanged()`.
  public init(
    _ loop: EventLoop, internalPort: UInt16, options: Options = Options(),
    report: @escaping (PortMappingReport) -> Void = { _ in },
    changed: @escaping (IPEndpoint?, PortMappingProtocol?) -> Void
  ) {
    self.loop = loop
    self.internalPort = internalPort
    self.options = options
    self.report = report
    self.changed = changed
    backOff = MappingBackOff(first: options.firstRetry, longest: options.longestRetry)
    retryTimer = loop.makeTimer { [weak self] in self?.search() }
    renewalTimer = loop.makeTimer { [weak self] in self?.renew() }
    checkTimer = loop.makeTimer { [weak self] in self?.check() }
  }

  deinit { abandon() }

  /// Begins. Without effect when begun before.
  public func start() {
    guard case .idle = state else { return }
    search()
  }

  /// Addresses or routes of this host changed: looks for the router again when it is another one, or none was
  /// found; asks whether the mapping still stands when it is the same.
  public func networkChanged() {
    switch state {
    case .idle, .stopped: return
    case .searching, .holding:
      guard options.route() == route else { break }
      if case .holding(let held) = state, !held.isBusy {
        if held.client.kind == .upnp { renew() } else { check() }
      }
      return
    case .pausing: break
    }
    abandon()
    forget()
    backOff.reset()
    search()
  }

  /// Gives the mapping back and ends for good; `completion` is called once, from the loop, after half a second
  /// at most (see `Options.releaseLimit`), whether the router answered or not.
  public func stop(_ completion: @escaping () -> Void) {
    let before = state
    let mapping = mapping
    state = .stopped
    for timer in [retryTimer, renewalTimer, checkTimer] { timer?.disarm() }
    self.mapping = nil
    // The closures hold the mapper, the timer and the client until one of them has been called.
    var pending: (() -> Void)? = completion
    let finish = {
      guard let completion = pending else { return }
      pending = nil
      self.stopTimer?.disarm()
      self.loop.defer { self.stopTimer = nil }
      completion()
    }
    switch before {
    case .idle, .pausing, .stopped: return loop.defer(finish)
    case .searching(let search):
      stopTimer = loop.makeTimer {
        search.close()
        finish()
      }
      search.cancel(loop, finished: finish)
    case .holding(let held):
      let released = { (confirmed: Bool) in
        held.client.close()
        if let mapping, pending != nil { self.report(.released(mapping.kind, confirmed: confirmed)) }
        finish()
      }
      stopTimer = loop.makeTimer { released(false) }
      held.client.release(released)
    }
    stopTimer?.arm(after: options.releaseLimit)
  }

  // MARK: Searching

  private func search() {
    route = options.route()
    guard let route else {
      report(.noGateway)
      return pause()
    }
    report(.searching(gateway: route.gateway, from: route.local))
    let clients = options.clients(loop, route, internalPort: internalPort)
    let search = PortMappingSearch(loop, clients, report: report) { [weak self] result in
      guard let self, case .searching = state else { return }
      guard let (client, grant) = result else { return pause() }
      hold(client, grant)
    }
    state = .searching(search)
  }

  private func pause() {
    state = .pausing
    let interval = backOff.pause()
    report(.retrying(after: interval))
    retryTimer?.arm(after: interval)
  }

  // MARK: Holding

  private func hold(_ client: any MappingClient, _ grant: MappingGrant) {
    backOff.reset()
    let held = Held(
      client: client, lease: MappingLease(lifetime: grant.lifetime, at: loop.now), epoch: EpochWatch())
    state = .holding(held)
    take(grant, held) { .mapped($0) }
  }

  /// Notes what the router granted, and when to come back.
  private func take(_ grant: MappingGrant, _ held: Held, as kind: (PortMapping) -> PortMappingReport) {
    var held = held
    let now = loop.now
    held.isBusy = false
    held.lease = MappingLease(lifetime: grant.lifetime, at: now)
    // A router that restarted has a mapping again by this very answer.
    if let epoch = grant.epoch { _ = held.epoch.isContinuous(epoch, at: now) }
    state = .holding(held)
    // The next search, on another network too, asks for the same number.
    options.wantedPort = grant.external.port
    let new = PortMapping(kind: held.client.kind, external: grant.external, lifetime: grant.lifetime)
    let isNew = mapping?.external != new.external || mapping?.kind != new.kind
    mapping = new
    if let renewal = held.lease.renewal(at: now) { renewalTimer?.arm(at: renewal) }
    if held.client.kind != .upnp { checkTimer?.arm(after: options.checkInterval) }
    report(kind(new))
    if isNew { changed(new.external, new.kind) }
  }

  /// Asks for the mapping again. The timer's business, and that of tests.
  func renew() {
    guard case .holding(var held) = state else { return }
    // A check is under way: it ends in seconds.
    if held.isBusy {
      renewalTimer?.arm(after: .seconds(5))
      return
    }
    held.isBusy = true
    state = .holding(held)
    held.client.map { [weak self] outcome in self?.renewed(outcome) }
  }

  private func renewed(_ outcome: Result<MappingGrant, PortMappingFailure>) {
    guard case .holding(var held) = state else { return }
    switch outcome {
    case .success(let grant) where grant.isUsable: take(grant, held) { .renewed($0) }
    case .success: lose(.unusableAddress)
    case .failure(.noAnswer):
      // The promise holds until it ends; until then the router may come back.
      guard let next = held.lease.renewal(at: loop.now) else { return lose(.noAnswer) }
      held.isBusy = false
      state = .holding(held)
      renewalTimer?.arm(at: next)
      checkTimer?.arm(after: options.checkInterval)
    case .failure(let failure): lose(failure)
    }
  }

  /// Asks for the router's clock, which starts again when its mappings are gone.
  private func check() {
    guard case .holding(var held) = state, !held.isBusy, held.client.kind != .upnp else { return }
    held.isBusy = true
    state = .holding(held)
    held.client.probe { [weak self] outcome in self?.checked(outcome) }
  }

  private func checked(_ outcome: Result<MappingPresence, PortMappingFailure>) {
    guard case .holding(var held) = state else { return }
    held.isBusy = false
    var isStanding = true
    if case .success(let presence) = outcome {
      if let epoch = presence.epoch { isStanding = held.epoch.isContinuous(epoch, at: loop.now) }
      if !isStanding { report(.restarted(held.client.kind)) }
      if let external = presence.external, external != mapping?.external.address { isStanding = false }
    }
    state = .holding(held)
    checkTimer?.arm(after: options.checkInterval)
    if !isStanding { renew() }
  }

  private func lose(_ failure: PortMappingFailure) {
    guard case .holding(let held) = state else { return }
    report(.lost(held.client.kind, failure))
    abandon()
    forget()
    search()
  }

  /// Ends what is under way, without a word to the router.
  private func abandon() {
    switch state {
    case .searching(let search): search.close()
    case .holding(let held): held.client.close()
    case .idle, .pausing, .stopped: break
    }
    for timer in [retryTimer, renewalTimer, checkTimer] { timer?.disarm() }
  }

  private func forget() {
    guard mapping != nil else { return }
    mapping = nil
    changed(nil, nil)
  }
}
