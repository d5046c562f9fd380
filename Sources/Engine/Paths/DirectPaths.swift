import Basics
import Crypto
import DequeModule
import Machines
import Wire

/// Everything about ways to the peer that do not lead through the relay: sockets, candidates, probes, promotion.
///
/// It composes the probing and the promotion machine with the gathering of addresses and the search behind hard NATs.
/// It never holds anything up: the session asks it for datagrams and tells it what happened; what it wants of the
/// session stands in `commands`.
final class DirectPaths {
  /// What the session has to do.
  enum Command {
    case event(SessionEvent)
    /// New payload takes the direct path.
    case promote(datagramSize: Int, roundTrip: Interval?)
    /// New payload takes the relay again.
    case demote
    /// Datagrams of the direct path may be this large from now on.
    case resize(Int)
  }

  /// A sealed frame that proves a path, to be sent over it.
  struct Proof {
    var kind: SessionFrameKind
    var token: UInt64
    /// The datagram's size in bytes; the least that carries the token when smaller.
    var size: Int
    var path: DirectPath
  }

  /// A socket that the session asked for.
  private struct Socket {
    var id: SocketID
    /// Nil until the host opened it.
    var port: UInt16?
  }

  /// Proofs that wait to be sent; an echo beyond it is dropped like a lost packet.
  static let maximumProofs = 128

  let isClaimant: Bool
  let allowsLoopback: Bool
  var isRelayOnly: Bool
  /// Whether the peer has proved itself, so that it may learn where we are.
  var isOpen = false
  private var sockets: [Socket] = []
  var prober: Prober?
  var promoter: Promoter
  var gatherer = STUNGatherer(servers: [])
  var exchange = CandidateExchange()
  var search = PortSearch()
  var proofs = Deque<Proof>()
  var commands: [Command] = []
  var addresses: [IPAddress] = []
  var portMapping: IPEndpoint?
  /// The peer's candidates as it told them last.
  var peerCandidates: [Candidate] = []
  var peerMapping = MappingBehaviour.unknown
  var peerLikelyPorts: [UInt16] = []
  var hasPeerUpdate = false
  var lastPayloadAt: Instant?
  /// Datagrams that were nobody's.
  var strangers: UInt64 = 0
  /// How often payload moved to another path.
  private(set) var pathChanges: UInt64 = 0
  var lastReason = ""
  /// Whether the host was told where the session stands at first; later only changes are told.
  var isAnnounced = false
  var isPeerRelayOnly = false

  init(isClaimant: Bool, isRelayOnly: Bool, allowsLoopback: Bool) {
    self.isClaimant = isClaimant
    self.isRelayOnly = isRelayOnly
    self.allowsLoopback = allowsLoopback
    promoter = Promoter(isRelayOnly: isRelayOnly)
  }

  // MARK: Life

  /// Asks for the sockets that everything starts with. Nothing waits for them: payload starts over the relay (PRM-1).
  func start() {
    guard !isRelayOnly, sockets.isEmpty else { return }
    for id in [SocketID.ipv4, .ipv6] { openSocket(id) }
  }

  /// The keys of a session are known.
  func prepare(key: DiscoveryKey, isPeerRelayOnly: Bool, at now: Instant) {
    self.isPeerRelayOnly = isPeerRelayOnly
    guard !isRelayOnly, !isPeerRelayOnly else { return }
    prober = Prober(key: key, isClaimant: isClaimant, at: now)
    start()
  }

  /// The peer has proved itself: it is told where we are.
  func open(at now: Instant, random: inout some RandomNumberGenerator) {
    isOpen = true
    offerCandidates(at: now)
    update(at: now, random: &random)
  }

  /// The session is over: nothing more is probed or promoted (PRB-9, PRM-12). The path stays known for last words.
  func close(at now: Instant, random: inout some RandomNumberGenerator) {
    apply(promoter.sessionEnded(at: now, random: &random), at: now, random: &random)
    prober?.tellAll(.withdrawn, at: now, random: &random)
    forwardNotices(at: now, random: &random)
    isOpen = false
  }

  /// The claimant was let go before it proved itself: the next one starts afresh, with the same sockets.
  func release(at now: Instant, random: inout some RandomNumberGenerator) {
    close(at: now, random: &random)
    closeExtraSockets(at: now, random: &random)
    prober = nil
    promoter = Promoter(isRelayOnly: isRelayOnly)
    exchange = CandidateExchange()
    search = PortSearch()
    proofs.removeAll()
    peerCandidates = []
    peerMapping = .unknown
    hasPeerUpdate = false
    isAnnounced = false
  }

  func takeCommands() -> [Command] {
    guard !commands.isEmpty else { return [] }
    defer { commands.removeAll() }
    return commands
  }

  // MARK: Sockets

  var localPorts: [(id: SocketID, port: UInt16)] {
    sockets.compactMap { socket in
      guard let port = socket.port, socket.id.number < SocketID.firstExtra else { return nil }
      return (socket.id, port)
    }
  }

  func isOpen(_ id: SocketID) -> Bool { sockets.contains { $0.id == id && $0.port != nil } }

  private func openSocket(_ id: SocketID) {
    sockets.append(Socket(id: id, port: nil))
    commands.append(.event(.openSocket(id)))
  }

  func socketOpened(_ id: SocketID, port: UInt16, at now: Instant, random: inout some RandomNumberGenerator) {
    guard let index = sockets.firstIndex(where: { $0.id == id }) else {
      // Closed before it was open.
      return commands.append(.event(.closeSocket(id)))
    }
    sockets[index].port = port
    if id.number >= SocketID.firstExtra {
      search.opened(id, at: now)
    } else {
      gatherer.addSocket(id, localPort: port, at: now)
      offerCandidates(at: now)
      pairUp(at: now, random: &random)
    }
  }

  func socketFailed(_ id: SocketID, at now: Instant, random: inout some RandomNumberGenerator) {
    sockets.removeAll { $0.id == id }
    gatherer.removeSocket(id)
    let gone = prober?.pairs.map(\.path).filter { $0.socket == id } ?? []
    for path in gone { prober?.withdraw(path, at: now, random: &random) }
    apply(promoter.lost(at: now, random: &random) { $0.socket == id }, at: now, random: &random)
    update(at: now, random: &random)
  }

  private func openExtraSockets() {
    for number in SocketID.firstExtra..<SocketID.firstExtra + UInt16(PortSearch.sockets) {
      let id = SocketID(number: number)
      if !sockets.contains(where: { $0.id == id }) { openSocket(id) }
    }
  }

  /// Closes the additional sockets that found nothing.
  func closeExtraSockets(at now: Instant, random: inout some RandomNumberGenerator) {
    let used = [promoter.path?.path.socket, promoter.candidate?.path.socket]
    for socket in sockets where socket.id.number >= SocketID.firstExtra && !used.contains(socket.id) {
      commands.append(.event(.closeSocket(socket.id)))
      let gone = prober?.pairs.map(\.path).filter { $0.socket == socket.id } ?? []
      for path in gone { prober?.withdraw(path, at: now, random: &random) }
    }
    sockets.removeAll { $0.id.number >= SocketID.firstExtra && !used.contains($0.id) }
  }

  // MARK: Network

  func networkChanged(
    addresses new: [IPAddress], at now: Instant, random: inout some RandomNumberGenerator
  ) {
    let old = addresses
    addresses = new
    guard !old.isEmpty else { return offerCandidates(at: now) }
    gatherer.restart(at: now)
    promoter.networkChanged()
    // Which of our addresses a path uses is the kernel's choice: when one of its family is gone, the relay takes over
    // at once and the path has to prove itself again (PRM-9).
    let isIPv4Gone = old.contains { $0.isIPv4 && !new.contains($0) }
    let isIPv6Gone = old.contains { !$0.isIPv4 && !new.contains($0) }
    apply(
      promoter.lost(at: now, random: &random) { $0.socket.isIPv6 ? isIPv6Gone : isIPv4Gone }, at: now,
      random: &random)
    offerCandidates(at: now)
    // No proof of the old network counts in the new one (PRB-8).
    prober?.tellAll(.networkChanged, at: now, random: &random)
    update(at: now, random: &random)
  }

  func datagramFailed(
    _ path: DirectPath, _ failure: DatagramFailure, length: Int, at now: Instant,
    random: inout some RandomNumberGenerator
  ) {
    switch failure {
    case .tooLarge:
      apply(promoter.tooLarge(path, length: length, at: now), at: now, random: &random)
    case .unreachable:
      apply(promoter.lost(at: now, random: &random) { $0 == path }, at: now, random: &random)
    }
    update(at: now, random: &random)
  }

  // MARK: Promotion

  func apply(_ effects: [Promoter.Effect], at now: Instant, random: inout some RandomNumberGenerator) {
    for effect in effects {
      switch effect {
      case .challenge(let path, let token, let size):
        guard proofs.count < Self.maximumProofs else { continue }
        proofs.append(Proof(kind: .challenge, token: token, size: size, path: path))
      case .moveToPath:
        pathChanges += 1
        prober?.isDirect = true
        gatherer.isNeeded = false
        let size = promoter.path?.mtu.size ?? PathMTU.base
        commands.append(.promote(datagramSize: size, roundTrip: promoter.path?.roundTrip))
      case .moveToRelay:
        pathChanges += 1
        prober?.isDirect = false
        gatherer.isNeeded = true
        commands.append(.demote)
      case .release:
        prober?.isBusy = isBusy(at: now)
        // Everything is tried at once, also what rested (PRB-12, PRM-8).
        prober?.tellAll(.searchResumed, at: now, random: &random)
        // The NAT may have forgotten us: what servers see now is what the peer needs.
        gatherer.restart(at: now)
        offerCandidates(wantsProbes: true, at: now)
      case .report:
        if let size = promoter.path?.mtu.size, promoter.isDirect { commands.append(.resize(size)) }
        report(at: now)
      case .transition(let record): commands.append(.event(.transition(record)))
      }
    }
  }

  func forwardNotices(at now: Instant, random: inout some RandomNumberGenerator) {
    guard prober != nil else { return }
    for notice in prober?.takeNotices() ?? [] {
      switch notice {
      case .transition(let record): commands.append(.event(.transition(record)))
      case .proven(let path):
        let roundTrip = prober?.pair(path)?.roundTrip ?? .milliseconds(100)
        apply(
          promoter.pathProven(path, roundTrip: roundTrip, at: now, random: &random), at: now, random: &random)
      }
    }
  }

  /// Does what follows from what just happened: proven pairs are offered to promotion, the search is planned.
  func update(at now: Instant, random: inout some RandomNumberGenerator) {
    guard isOpen else { return }
    forwardNotices(at: now, random: &random)
    // A pair that is still proven is offered again when promotion comes back to the relay (PRM-10).
    if promoter.machine.state == .relayed,
      let best = prober?.best(where: { !promoter.bars.isBarred($0, at: now) })
    {
      apply(
        promoter.pathProven(
          best.path, roundTrip: best.roundTrip ?? .milliseconds(100), at: now, random: &random),
        at: now, random: &random)
    }
    planSearch(at: now, random: &random)
    reportChange(at: now)
  }

  private func planSearch(at now: Instant, random: inout some RandomNumberGenerator) {
    let role = PortSearch.role(own: ownMapping, peer: peerMapping)
    let isNeeded = promoter.machine.state == .relayed && !(prober?.pairs.contains(where: \.isProven) ?? true)
    let wasSpreading = search.role == .spread
    search.plan(
      role, targets: peerCandidates.map(\.endpoint).filter(Self.isPublicIPv4), likely: peerLikelyPorts,
      isNeeded: isNeeded && isOpen(.ipv4), at: now)
    if wasSpreading, promoter.isDirect { closeExtraSockets(at: now, random: &random) }
  }

  static func isPublicIPv4(_ endpoint: IPEndpoint) -> Bool {
    endpoint.address.isIPv4 && Candidate(endpoint)?.rank == 0
  }

  func isBusy(at now: Instant) -> Bool { lastPayloadAt.map { now - $0 < .seconds(10) } ?? false }

  // MARK: Time

  /// When `handleTimeout` or a poll has something to do. What only a poll does and was due by `polled` needs no timer:
  /// the host polls until nothing comes, or again once it can send.
  func deadline(polled: Instant) -> Instant? {
    var next: Instant?
    for case let due? in [gatherer.nextDeadline, isOpen ? search.nextGuess : nil, exchange.deadline]
    where due > polled {
      next = next.map { min($0, due) } ?? due
    }
    guard isOpen else { return next }
    for case let due? in [prober?.deadline, promoter.deadline, search.deadline, barsDeadline] {
      next = next.map { min($0, due) } ?? due
    }
    return next
  }

  /// When a barred pair may be tried again: only of interest while nothing better goes on.
  private var barsDeadline: Instant? {
    guard promoter.machine.state == .relayed, let handledAt else { return nil }
    return promoter.bars.nextEnd(after: handledAt)
  }
  private var handledAt: Instant?

  func handleTimeout(at now: Instant, random: inout some RandomNumberGenerator) {
    handledAt = now
    guard isOpen else { return }
    prober?.isBusy = isBusy(at: now)
    prober?.handleTimeout(at: now, random: &random)
    apply(promoter.handleTimeout(at: now, random: &random), at: now, random: &random)
    switch search.handleTimeout(at: now, random: &random) {
    case .none: break
    case .openSockets: openExtraSockets()
    case .closeSockets: closeExtraSockets(at: now, random: &random)
    }
    update(at: now, random: &random)
  }
}
