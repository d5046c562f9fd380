import Basics
import Crypto
import DequeModule
import Wire

/// Which way packets travel to a peer that runs upstream's program: its "transport manager" (UPS-5 to UPS-8).
///
/// Each side decides alone where its own packets go and takes the other's from both ways at any time. A way is known by
/// a probe that was answered; candidates travel through the relay. Unlike upstream's, this side leaves a way that stops
/// answering probes: what it writes proves nothing.
struct ManagerPath {
  /// One address of the peer.
  private struct Remote {
    var path: DirectPath
    var probe: (nonce: Bytes16, sentAt: Instant)?
    /// Not named by the peer: a probe of its came from there.
    var isLearnt = false
  }

  /// How often candidates are told and tried at first, and the way in use is checked while it carries something.
  static let pass = Interval.seconds(1)
  /// The same when a minute has brought nothing, or nothing moves.
  static let slowPass = Interval.seconds(5)
  static let eagerTime = Interval.seconds(60)
  /// An answer that takes longer counts for nothing.
  static let probeLife = Interval.seconds(1)
  /// After so many unanswered probes in a row a way is dead.
  static let mostUnanswered = 3
  static let maximumLearnt = 8
  private static let maximumQueued = 64

  private let key: DiscoveryKey
  private let allowsLoopback: Bool
  private var remotes: [Remote] = []
  private var seen = SeenNonces()
  /// The way that packets take; nil for the relay.
  private(set) var active: DirectPath?
  private(set) var roundTrip: Interval?
  private var unanswered = 0
  private var eagerUntil: Instant
  private var passAt: Instant
  private var trafficAt: Instant?
  private(set) var datagrams = Deque<(bytes: [UInt8], path: DirectPath)>()
  /// What the relay is to carry.
  private var controls: [TransportControl] = []
  /// Whether `active` has changed since it was asked.
  private var hasChanged = false
  private(set) var reason = "relayed: the peer has not told its addresses yet"

  init(key: DiscoveryKey, allowsLoopback: Bool, at now: Instant) {
    self.key = key
    self.allowsLoopback = allowsLoopback
    eagerUntil = now + Self.eagerTime
    passAt = now
  }

  var deadline: Instant { passAt }
  var hasRemotes: Bool { !remotes.isEmpty }

  // MARK: The peer's words

  /// Takes the candidates of a decision, a claim or a control message; bad ones are skipped, those of ours, too: a probe
  /// to ourselves would be answered (UPS-6).
  mutating func receive(_ texts: [String], own: [Candidate], at now: Instant) {
    var told: [Candidate] = []
    for text in texts {
      guard told.count < Candidate.maximumCount,
        let candidate = Candidate(text, allowingLoopback: allowsLoopback), !told.contains(candidate),
        !own.contains(candidate)
      else { continue }
      told.append(candidate)
    }
    // A list of which nothing is valid says nothing; an empty one says that there is none any more.
    guard texts.isEmpty || !told.isEmpty else { return }
    remotes.removeAll { remote in
      !remote.isLearnt && remote.path != active && !told.contains { $0.endpoint == remote.path.remote }
    }
    for candidate in told {
      let socket: SocketID = candidate.endpoint.address.isIPv4 ? .ipv4 : .ipv6
      let path = DirectPath(socket: socket, remote: candidate.endpoint)
      guard !remotes.contains(where: { $0.path == path }) else { continue }
      remotes.append(Remote(path: path))
      passAt = min(passAt, now)
    }
    if active == nil {
      reason =
        remotes.isEmpty
        ? "relayed: the peer told no address that can be tried"
        : "relayed: trying \(remotes.count) candidates"
    }
  }

  /// There is something to tell or to try at once: the peer asked (`call-me-maybe`), or we have a new address.
  mutating func hurry(at now: Instant) {
    guard active == nil else { return }
    passAt = min(passAt, now)
  }

  // MARK: Datagrams

  enum Arrival {
    /// A probe or an answer, or something that only looks like one.
    case disco
    /// Perhaps a QUIC packet.
    case data
    /// Nothing that may come from there.
    case stranger
  }

  /// Whether the peer named the path, or a probe of its came over it.
  func knows(_ path: DirectPath) -> Bool { active == path || remotes.contains { $0.path == path } }

  /// Takes a datagram that is no STUN.
  mutating func receive(
    _ datagram: UnsafeRawBufferPointer, over path: DirectPath, at now: Instant
  ) -> Arrival {
    guard DiscoPacket.isDisco(datagram) else {
      // While the relay is in use the peer may be ahead of us, from an address that nobody knows yet.
      return active == nil || knows(path) ? .data : .stranger
    }
    guard let packet = DiscoPacket(datagram), key.isAuthentic(datagram) else { return .disco }
    switch packet.kind {
    case .probe: answer(packet, over: path, at: now)
    case .answer: answered(packet.nonce, over: path, at: now)
    }
    return .disco
  }

  private mutating func answer(_ probe: DiscoPacket, over path: DirectPath, at now: Instant) {
    // One's own probe, returned, would prove a way to nowhere.
    guard !remotes.contains(where: { $0.probe?.nonce == probe.nonce }) else { return }
    queue(DiscoPacket(kind: .answer, nonce: probe.nonce), over: path)
    let isNew = seen.insert(probe.nonce)
    // A NAT that maps by destination shows an address that the peer cannot tell.
    guard isNew, active == nil, !remotes.contains(where: { $0.path == path }),
      remotes.count(where: \.isLearnt) < Self.maximumLearnt
    else { return }
    remotes.append(Remote(path: path, isLearnt: true))
    passAt = min(passAt, now)
  }

  private mutating func answered(_ nonce: Bytes16, over path: DirectPath, at now: Instant) {
    guard let index = remotes.firstIndex(where: { $0.path == path }), let probe = remotes[index].probe,
      probe.nonce == nonce
    else { return }
    remotes[index].probe = nil
    // UPS-7
    guard now - probe.sentAt <= Self.probeLife else { return }
    roundTrip = now - probe.sentAt
    if active == path { unanswered = 0 }
    guard active == nil else { return }
    move(to: path, "direct to \(path.remote): it answered")
  }

  private mutating func move(to path: DirectPath?, _ reason: String) {
    active = path
    unanswered = 0
    hasChanged = true
    self.reason = reason
  }

  /// Leaves the direct way; candidates are told and tried anew.
  mutating func fallBack(_ why: String, at now: Instant) {
    guard active != nil else { return }
    move(to: nil, "relayed: \(why)")
    for index in remotes.indices { remotes[index].probe = nil }
    eagerUntil = now + Self.eagerTime
    passAt = now
  }

  mutating func datagramFailed(_ path: DirectPath, at now: Instant) {
    if path == active { return fallBack("the direct path cannot be written to", at: now) }
    if let index = remotes.firstIndex(where: { $0.path == path }) { remotes[index].probe = nil }
  }

  mutating func networkChanged(at now: Instant) {
    eagerUntil = now + Self.eagerTime
    passAt = now
    fallBack("the network has changed", at: now)
  }

  mutating func noteTraffic(at now: Instant) {
    trafficAt = now
    // A way that rested is checked before long.
    if active != nil { passAt = min(passAt, now + Self.pass) }
  }

  // MARK: Time

  /// One pass: candidates are told, addresses are tried, the way in use is checked.
  mutating func handleTimeout(
    own: @autoclosure () -> [Candidate], isOpen: (SocketID) -> Bool, at now: Instant,
    random: inout some RandomNumberGenerator
  ) {
    guard passAt <= now else { return }
    if let active {
      check(active, at: now, random: &random)
    }
    if active == nil {
      let texts = own().map(\.description).sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }
      controls = [
        TransportControl(kind: TransportControl.candidatesKind, candidates: texts),
        TransportControl(kind: TransportControl.callMeMaybeKind),
      ]
      for index in remotes.indices where isOpen(remotes[index].path.socket) {
        probe(index, at: now, random: &random)
      }
    }
    let isEager =
      active == nil ? now < eagerUntil : trafficAt.map { now - $0 < Self.pass * 2 } ?? false || unanswered > 0
    passAt = now + (isEager ? Self.pass : Self.slowPass)
  }

  private mutating func check(
    _ path: DirectPath, at now: Instant, random: inout some RandomNumberGenerator
  ) {
    guard let index = remotes.firstIndex(where: { $0.path == path }) else { return }
    if remotes[index].probe != nil { unanswered += 1 }
    guard unanswered < Self.mostUnanswered else {
      return fallBack("the direct path fell silent", at: now)
    }
    probe(index, at: now, random: &random)
  }

  private mutating func probe(_ index: Int, at now: Instant, random: inout some RandomNumberGenerator) {
    let nonce = Bytes16(high: random.next(), low: random.next())
    remotes[index].probe = (nonce, now)
    queue(DiscoPacket(kind: .probe, nonce: nonce), over: remotes[index].path)
  }

  private mutating func queue(_ packet: DiscoPacket, over path: DirectPath) {
    guard datagrams.count < Self.maximumQueued else { return }
    let bytes = packet.authenticatedBytes
    datagrams.append((bytes + key.mac(bytes), path))
  }

  // MARK: Taking

  mutating func takeControls() -> [TransportControl] {
    guard !controls.isEmpty else { return [] }
    defer { controls.removeAll() }
    return controls
  }

  mutating func takeDatagram() -> (bytes: [UInt8], path: DirectPath)? { datagrams.popFirst() }

  /// Whether packets take another way than when this was asked last.
  mutating func takeChange() -> Bool {
    defer { hasChanged = false }
    return hasChanged
  }
}
