import Basics
import Engine
import Wire

/// The server's side of a tunnel: takes the claims of its clients for as long as the process lives (`specs/clients.md`).
///
/// The door's session holds the credential's relay key and only receives claims; each client that is let in has a session
/// of its own. Nothing that a client or the network does ends the server (CLI-6).
public final class TunnelServer: StreamDriver {
  public struct Limits {
    /// How many clients may be in at once.
    public var clients = 32
    /// How many local connections each of them may have open.
    public var connections = StreamHost.mostStreams
    /// Bytes a second of each of them, in both directions together; nil for no limit.
    public var bytesPerSecond: UInt64?

    public init() {}
  }

  /// A client's session, for who shows it.
  public struct ClientView {
    public let number: Int
    public let credential: DerptunClientToken
    public let enteredAt: Instant?
    public let session: Session
    public let counts: StreamHost.Counts
    public let datagrams: DatagramForwarding?
    public let path: PathReport?
  }

  public enum Event {
    case entered(Int, DerptunClientToken)
    case left(Int, DerptunClientToken, SessionOutcome)
    /// A claim was refused: the code and a text.
    case refused(Reject, DerptunClientToken?)
    case streams(Int, StreamHost.Event)
    case session(Int, SessionEvent)
  }

  public struct Counts: Hashable, Sendable {
    public var entered: UInt64 = 0
    /// Refused claims by code, in the order of their codes.
    public var refusals: [Refusal] = []
    public var ignored: UInt64 = 0
    public var resumed: UInt64 = 0
    public var streams = StreamHost.Counts()
  }

  /// How many claims were refused with one code.
  public struct Refusal: Hashable, Sendable {
    public var code: String
    public var count: UInt64
  }

  private final class Guest {
    let number: Int
    let key: Bytes32
    let credential: DerptunClientToken
    let host: SessionHost
    let streams: StreamHost
    let datagrams: DatagramExit?
    var timer: LoopTimer?
    var enteredAt: Instant?
    var path: PathReport?
    var isSilent = false
    var isLeaving = false
    /// When somebody with the same credential wanted in; the guest has to show that it lives since then (CLI-4).
    var challengedAt: Instant?

    init(
      _ number: Int, _ key: Bytes32, _ credential: DerptunClientToken, _ host: SessionHost,
      _ streams: StreamHost, _ datagrams: DatagramExit?
    ) {
      self.datagrams = datagrams
      self.number = number
      self.key = key
      self.credential = credential
      self.host = host
      self.streams = streams
    }
  }

  /// CLI-3: a claimant that does not prove itself holds nothing for longer.
  private static let proofLimit = Interval.seconds(12)
  /// So many claimants at once may be about to prove themselves, in all and of one client.
  private static let mostUnproven = 64
  private static let mostUnprovenOfClient = 4
  /// How long a client has to show that it lives when another one comes with its credential.
  private static let challengeLimit = Interval.seconds(2)
  /// Answers to claims that are refused, a second.
  private static let refusalsPerSecond = 50
  private static let goodbyeLimit = Interval.seconds(2)

  public var wake: () -> Void = {}

  private let loop: EventLoop
  private let door: Session
  private let proof: ClientProof
  /// Where streams lead; nil when only datagrams are forwarded.
  private let service: ServiceAddress?
  private let limits: Limits
  private let makeGuest: (DerptunClientToken) -> TunnelClient.Ingredients
  private let observer: (Event) -> Void
  /// Few, in the order of coming.
  private var guests: [Guest] = []
  private var numbers = 0
  private var past = Counts()
  private var refusalsLeft = TunnelServer.refusalsPerSecond
  private var refusalsSince: Instant
  private var expiryTimer: LoopTimer?
  private var closing: (() -> Void)?
  private var goodbyeTimer: LoopTimer?
  private let unixTime: () -> Int64

  /// Where datagrams lead, of clients that come from now on; nil when they are not forwarded.
  public var datagramTarget: SocketAddress?

  /// Who may not come in although its credential is good. Setting it throws out those that are in.
  public var revoked = RevocationList() {
    didSet { throwOutRevoked() }
  }

  /// - Parameters:
  ///   - door: a session in the role of a door.
  ///   - makeGuest: makes the session of one client.
  ///   - unixTime: the time by which credentials expire, in seconds.
  public init(
    _ loop: EventLoop, _ door: Session, _ proof: ClientProof, _ service: ServiceAddress?, _ limits: Limits,
    unixTime: @escaping () -> Int64,
    makeGuest: @escaping (DerptunClientToken) -> TunnelClient.Ingredients,
    observer: @escaping (Event) -> Void
  ) {
    self.loop = loop
    self.door = door
    self.proof = proof
    self.service = service
    self.limits = limits
    self.unixTime = unixTime
    self.makeGuest = makeGuest
    self.observer = observer
    refusalsSince = loop.now
    expiryTimer = loop.makeTimer { [unowned self] in throwOutExpired() }
    expiryTimer?.arm(after: .seconds(1))
  }

  // MARK: For who shows it

  public var counts: Counts {
    var counts = past
    for guest in guests { counts.streams.add(guest.streams.counts) }
    return counts
  }

  public var clients: [ClientView] {
    guests.filter { $0.enteredAt != nil && !$0.isLeaving }.map { guest in
      ClientView(
        number: guest.number, credential: guest.credential, enteredAt: guest.enteredAt,
        session: guest.host.session, counts: guest.streams.counts, datagrams: guest.datagrams?.counts,
        path: guest.path)
    }
  }

  // MARK: The door

  public func pump() -> Bool { false }

  public func knocked(_ packet: [UInt8], from source: Bytes32) {
    if let guest = guests.first(where: { $0.key == source && !$0.isLeaving }) {
      return guest.host.deliver(packet, from: source)
    }
    // UPS-16: who speaks our language, too, is answered in it.
    guard closing == nil, let claim = TunnelClaim(packet, from: source, keys: proof.keys),
      !claim.comesWithNative
    else {
      past.ignored += 1
      return
    }
    switch proof.verdict(on: claim.claim, nowUnixSeconds: unixTime()) {
    case .refused(let reject): refuse(claim, reject, nil)
    case .proved(let credential):
      if revoked.contains(clientID: credential.clientID, tokenID: credential.tokenID) {
        return refuse(claim, Reject(code: "revoked", reason: "client token revoked"), credential)
      }
      consider(claim, credential, packet, from: source)
    }
  }

  /// CLI-2, CLI-4: whether there is room (who is silent already has shown enough), and whether another one with the credential is in the way.
  private func consider(
    _ claim: TunnelClaim, _ credential: DerptunClientToken, _ packet: [UInt8], from source: Bytes32
  ) {
    let now = loop.now
    let own = guests.filter { $0.credential.clientID == credential.clientID && !$0.isLeaving }
    if let holder = own.first(where: { $0.enteredAt != nil && !$0.isSilent }) {
      guard let challengedAt = holder.challengedAt else {
        holder.challengedAt = now
        holder.host.checkPeer()
        return
      }
      if let heard = holder.host.session.lastHeard, heard >= challengedAt {
        // It lives. Whoever comes again later makes it show that again.
        holder.challengedAt = nil
        return refuse(claim, Reject(code: "claimed", reason: "session already claimed"), credential)
      }
      // The claim is repeated.
      guard now - challengedAt >= Self.challengeLimit else { return }
      throwOut(holder, "replaced")
    }
    let unproven = guests.count { $0.enteredAt == nil && !$0.isLeaving }
    guard unproven < Self.mostUnproven, own.count(where: { $0.enteredAt == nil }) < Self.mostUnprovenOfClient
    else {
      past.ignored += 1
      return
    }
    guard guests.count(where: { $0.enteredAt != nil && !$0.isLeaving }) < limits.clients else {
      return refuse(claim, Reject(code: "full", reason: "too many clients"), credential)
    }
    admit(credential, source).host.deliver(packet, from: source)
  }

  private func refuse(_ claim: TunnelClaim, _ reject: Reject, _ credential: DerptunClientToken?) {
    if let index = past.refusals.firstIndex(where: { $0.code == reject.code }) {
      past.refusals[index].count += 1
    } else {
      past.refusals.append(Refusal(code: reject.code, count: 1))
      past.refusals.sort { $0.code < $1.code }
    }
    let now = loop.now
    if now - refusalsSince >= .seconds(1) {
      refusalsSince = now
      refusalsLeft = Self.refusalsPerSecond
    }
    guard refusalsLeft > 0 else { return }
    refusalsLeft -= 1
    door.send(claim.refusal(reject), to: claim.source)
    observer(.refused(reject, credential))
    loop.defer { [weak self] in self?.wake() }
  }

  // MARK: Guests

  private func admit(_ credential: DerptunClientToken, _ key: Bytes32) -> Guest {
    numbers += 1
    let number = numbers
    let made = makeGuest(credential)
    let streams = StreamHost(
      loop, made.session, service.map { .service($0) } ?? .given, mostStreams: limits.connections,
      bytesPerSecond: limits.bytesPerSecond
    ) { [weak self] event in
      self?.observer(.streams(number, event))
    }
    let host = SessionHost(
      loop, made.session, relay: made.relay, direct: made.direct, source: nil, output: nil,
      observer: { [weak self] event in self?.happened(event, to: number) },
      completion: { [weak self] outcome in self?.ended(number, outcome) })
    let datagrams = datagramTarget.map { DatagramExit(loop, made.session, target: $0) }
    host.streams = datagrams.map { DriverPair(streams, $0, outlives: false) } ?? streams
    let guest = Guest(number, key, credential, host, streams, datagrams)
    guest.timer = loop.makeTimer { [weak self] in self?.checkProof(number) }
    guest.timer?.arm(after: Self.proofLimit)
    guests.append(guest)
    host.start()
    return guest
  }

  private func guest(_ number: Int) -> Guest? { guests.first { $0.number == number } }

  private func happened(_ event: SessionEvent, to number: Int) {
    guard let guest = guest(number) else { return }
    switch event {
    case .envelope(let packet, let peer):
      door.send(packet, to: peer)
      // The guest may be in the middle of a turn of the door's.
      loop.defer { [weak self] in self?.wake() }
    case .state(.claimed): entered(guest)
    case .path(let report): guest.path = report
    case .peerMissing(let isMissing):
      guest.isSilent = isMissing
      if !isMissing { past.resumed += 1 }
    default: break
    }
    observer(.session(number, event))
  }

  private func entered(_ guest: Guest) {
    guest.enteredAt = loop.now
    past.entered += 1
    observer(.entered(guest.number, guest.credential))
    // Others with the credential that were about to prove themselves came too late.
    for other in guests
    where other !== guest && other.credential.clientID == guest.credential.clientID && !other.isLeaving {
      throwOut(other, "replaced")
    }
  }

  private func checkProof(_ number: Int) {
    guard let guest = guest(number), guest.enteredAt == nil else { return }
    guest.isLeaving = true
    guest.host.interrupt()
  }

  private func throwOutRevoked() {
    for guest in guests
    where !guest.isLeaving
      && revoked.contains(clientID: guest.credential.clientID, tokenID: guest.credential.tokenID)
    {
      throwOut(guest, "client token revoked")
    }
  }

  /// CLI-5: credentials end while their clients are in.
  private func throwOutExpired() {
    let now = unixTime()
    for guest in guests where !guest.isLeaving && guest.credential.expiresUnixSeconds <= now {
      throwOut(guest, "client token expired")
    }
    if closing == nil { expiryTimer?.arm(after: .seconds(1)) }
  }

  private func throwOut(_ guest: Guest, _ reason: String) {
    guest.isLeaving = true
    let host = guest.host
    let streams = guest.streams
    loop.defer {
      streams.sessionEnded()
      host.decline(reason: reason)
    }
  }

  private func ended(_ number: Int, _ outcome: SessionOutcome) {
    // The host that says so is still at work.
    loop.defer { [weak self] in
      guard let self, let index = guests.firstIndex(where: { $0.number == number }) else { return }
      let guest = guests.remove(at: index)
      var counts = guest.streams.counts
      counts.open = 0
      past.streams.add(counts)
      if guest.enteredAt != nil { observer(.left(number, guest.credential, outcome)) }
      if guests.isEmpty { finishClosing() }
    }
  }

  // MARK: Ending

  /// Takes nobody more; those that are in may finish what they have open, for at most `limit`.
  ///
  /// - Parameter done: is called once everybody has left.
  public func close(draining limit: Interval, _ done: @escaping () -> Void) {
    guard closing == nil else { return }
    closing = done
    expiryTimer?.disarm()
    goodbyeTimer = loop.makeTimer { [weak self] in self?.dismissAll() }
    guard guests.contains(where: { $0.streams.counts.open > 0 }), limit > .zero else { return dismissAll() }
    drainUntil = loop.now + limit
    goodbyeTimer?.arm(after: .milliseconds(200))
  }

  private var drainUntil: Instant?

  private func dismissAll() {
    if let until = drainUntil {
      if loop.now < until, guests.contains(where: { $0.streams.counts.open > 0 }) {
        goodbyeTimer?.arm(after: .milliseconds(200))
        return
      }
      drainUntil = nil
    }
    goodbyeTimer = loop.makeTimer { [weak self] in self?.finishClosing() }
    goodbyeTimer?.arm(after: Self.goodbyeLimit)
    for guest in guests { guest.host.closeStreams() }
    if guests.isEmpty { finishClosing() }
  }

  private func finishClosing() {
    guard let done = closing, drainUntil == nil else { return }
    closing = {}
    goodbyeTimer = nil
    done()
  }

  public func sessionEnded() {}
}
