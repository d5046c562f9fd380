import Basics
import Crypto
import DequeModule
import Machines
import Wire

/// One session: rendezvous, paths and one data plane, without a clock, a socket or a random source of its own.
///
/// The host is a loop over five verbs: `handle` what happened, `handleTimeout` at `nextDeadline`, `poll` bytes to
/// send and `pollEvent` things to do. After each of the first two it polls until nothing comes.
public final class Session {
  /// Generic code takes `some`; a class stores `any`. A class, so that every copy draws from the one sequence.
  final class Generator: RandomNumberGenerator {
    private var base: any RandomNumberGenerator
    init(base: any RandomNumberGenerator) { self.base = base }
    func next() -> UInt64 { base.next() }
  }

  enum Rendezvous {
    case claimant(Claimant)
    case acceptor(Acceptor)
    case door
  }

  /// `poll` needs room for the largest packet frame.
  public static let minimumPollBuffer = RelayLink.largestFrame
  /// `handle(relayBytes:)` needs to see the largest packet frame whole.
  public static let minimumReceiveBuffer = RelayLink.largestFrame

  let configuration: SessionConfiguration
  var random: Generator
  var rendezvous: Rendezvous
  var link: RelayLink
  var schedule: RelaySchedule
  var plane: NativePlane?
  /// The QUIC connection of a session that carries streams.
  var quic: QUICConnection?
  /// The connections of a session that is a tunnel of upstream's, in place of `quic`.
  var tunnel: UpstreamTunnel?
  /// What the peer sends over them is its own: a sealed frame arrived there. The newest first.
  var trustedPaths: [DirectPath] = []
  /// What a peer with upstream's program speaks, in place of `plane`.
  var upstream: UpstreamPlane?
  var streamBytes = StreamByteCounts()
  var peerLane = PeerLane()
  let paths: DirectPaths
  var peer: Bytes32?
  var isEstablished = false
  var isLinkUp = false
  /// Whether the relay accepted our key on this connection.
  var isLinkConfirmed = false
  /// Whether the relay ever accepted our key.
  var hadRelay = false
  /// The time of the last call: what was due by then the host has polled, or polls when it can send again.
  var latest: Instant
  var outbox: [(packet: [UInt8], peer: Bytes32)] = []
  var events = Deque<SessionEvent>()
  /// Why the session will end once the peer was told.
  var pendingFailure: SessionFailure?
  var sourceHasEnded = false
  /// The size of the datagrams that `pollDatagrams` yielded last, in bytes.
  var lastDatagramLength = 0
  var statisticsOfPast = SessionStatistics()
  /// How the session ended, once it has.
  public internal(set) var outcome: SessionOutcome?

  /// - Parameters:
  ///   - random: where keys and jitter come from: the system's generator, or a seeded one under simulation.
  public init(_ configuration: SessionConfiguration, random: any RandomNumberGenerator, at now: Instant) {
    self.configuration = configuration
    self.random = Generator(base: random)
    latest = now
    paths = DirectPaths(
      isClaimant: configuration.isClaimant, isRelayOnly: configuration.isRelayOnly,
      allowsLoopback: configuration.allowsLoopbackCandidates)
    schedule = RelaySchedule(
      patience: configuration.relayPatience, longestDelay: configuration.longestRelayPause)
    link = RelayLink(
      key: configuration.sessionKey ?? configuration.derpKey, host: configuration.relayHost,
      path: configuration.relayPath)
    switch configuration.role {
    case .claimant:
      rendezvous = .claimant(
        Claimant(
          token: configuration.token, derpKey: configuration.derpKey, isRelayOnly: configuration.isRelayOnly,
          ciphers: configuration.ciphers,
          identity: configuration.streams?.identity.publicKey ?? .zero, client: configuration.client,
          claimsNatively: configuration.claimsNatively, random: &self.random))
    case .acceptor(let expiresAt):
      rendezvous = .acceptor(
        Acceptor(
          token: configuration.token, derpKey: configuration.derpKey, isRelayOnly: configuration.isRelayOnly,
          ciphers: configuration.ciphers, wantsIdentity: configuration.streams != nil,
          speaksUpstream: configuration.speaksUpstream,
          allowsLoopback: configuration.allowsLoopbackCandidates,
          sessionKey: configuration.sessionKey?.publicKey ?? .zero, expiresAt: expiresAt, random: &self.random
        ))
    case .door: rendezvous = .door
    }
    events.append(.dialRelay)
    // A claimant looks for its addresses while the relay is dialled; an acceptor, which may wait for an hour, once
    // somebody has come.
    if configuration.isClaimant { paths.start() }
    drainPaths(at: now)
  }

  // MARK: Source and output

  /// How many payload bytes the session would take from the source now; 0 when it should not be read.
  public var wantedFromSource: Int {
    guard outcome == nil, pendingFailure == nil, !sourceHasEnded else { return 0 }
    // An acceptor may let a claimant go that never proved itself, and its plane with it: nothing of the source may
    // be in there.
    guard isEstablished || isClaimant else { return 0 }
    return plane?.sender?.wanted ?? 0
  }

  /// Whether payload was taken from the source that no frame has carried yet.
  public var hasUnsentPayload: Bool { plane?.sender?.hasUnsent ?? false }

  /// Lets `read` put bytes of the source into the session's buffer; it returns how many, as does this.
  public func fillFromSource(_ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    guard wantedFromSource > 0, let sender = plane?.sender else { return 0 }
    return sender.fill(read)
  }

  /// Whether the session wants to know when the output can take more: payload waits for it, or the peer for room.
  public var isOutputBlocked: Bool {
    guard let receiver = plane?.receiver else { return false }
    return receiver.isBlocked || receiver.isPlacing
  }

  /// Offers waiting payload to the output, which has become writable.
  public func drainPayload(into sink: any PayloadSink, at now: Instant) {
    latest = now
    guard outcome == nil else { return }
    plane?.drain(into: sink, at: now)
    settlePlane(at: now)
  }

  /// Counters up to now.
  public var statistics: SessionStatistics {
    var result = statisticsOfPast
    if let streams = packetStreams {
      result.payloadBytes = streams.streamBytesSent + streams.streamBytesReceived
      result.directBytes = streamBytes.direct
      result.relayBytes = streamBytes.relay
      result.roundTrip = streams.roundTrip
    }
    if let upstream { result.pathChanges = upstream.pathChanges }
    guard let plane else { return result }
    result.pathChanges = paths.pathChanges
    if quic == nil { result.payloadBytes = plane.payloadBytes }
    result.framesSent = plane.framesSent
    result.framesReceived = plane.framesReceived
    result.framesRefused += plane.framesRefused
    result.framesRetransmitted = plane.sender?.retransmittedFrames ?? 0
    result.framesDuplicated = plane.receiver?.duplicates ?? 0
    guard quic == nil else { return result }
    result.directBytes = plane.payloadBytes(on: .direct)
    result.relayBytes = plane.payloadBytes(on: .relay)
    let estimator = (plane.flow == .sends ? plane.sender?.roundTrip : nil) ?? plane.roundTrip
    result.roundTrip = estimator.isMeasured ? estimator.smoothed : nil
    return result
  }

  // MARK: Events of the host

  /// Takes what happened at the host.
  public func handle(_ event: HostEvent, at now: Instant) {
    latest = now
    guard outcome == nil else { return }
    switch event {
    case .relayConnected(let fastStartKey):
      do {
        try link.connected(fastStartKey: fastStartKey, random: &random, at: now)
        noticeLink(at: now)
      } catch {
        loseRelay("\(error)", at: now)
      }
    case .relayClosed(let reason):
      loseRelay(reason, at: now, isClosed: true)
    case .sourceEnded:
      // Answers go on as long as the payload does.
      guard configuration.flow == .sends else { break }
      sourceHasEnded = true
      plane?.sender?.sourceEnded()
    case .sourceFailed(let reason):
      giveUp(.sourceFailed(reason), .localFailure, "cannot read the input: \(reason)", at: now)
    case .outputClosed:
      if pendingFailure == nil { plane?.complete(at: now) }
    case .outputFailed(let reason):
      giveUp(.outputFailed(reason), .localFailure, "cannot write the output: \(reason)", at: now)
    case .interrupted:
      giveUp(.cancelled, .cancelled, "interrupted", at: now)
    case .declined(let reason):
      giveUp(.declined(reason), .declined, reason, at: now)
    case .contentRefused(let reason):
      giveUp(.protocolViolation(reason), .protocolViolation, reason, at: now)
    case .socketOpened(let id, let port): paths.socketOpened(id, port: port, at: now, random: &random)
    case .socketFailed(let id, _): paths.socketFailed(id, at: now, random: &random)
    case .networkChanged(let addresses): paths.networkChanged(addresses: addresses, at: now, random: &random)
    case .stunServers(let servers): paths.stunServers(servers, at: now)
    case .portMapped(let endpoint): paths.portMapped(endpoint, at: now)
    case .datagramFailed(let path, let failure):
      paths.datagramFailed(path, failure, length: lastDatagramLength, at: now, random: &random)
    }
    tellUpstream(event, at: now)
    drainPaths(at: now)
    settlePlane(at: now)
    flushOutbox()
  }

  /// Takes bytes of the relay's connection; payload goes straight to `sink`. Returns how many bytes were used; the
  /// rest is to be offered again, with what follows, from a buffer of at least `minimumReceiveBuffer` bytes.
  public func handle(
    relayBytes bytes: UnsafeMutableRawBufferPointer, at now: Instant, sink: any PayloadSink
  ) -> Int {
    latest = now
    guard outcome == nil else { return bytes.count }
    do {
      // What a packet brings about draws random numbers, too.
      var random = self.random
      let used = try link.receive(bytes, random: &random, at: now) { source, packet in
        take(packet, from: source, at: now, sink: sink)
      }
      noticeLink(at: now)
      settlePlane(at: now)
      flushOutbox()
      return used
    } catch {
      loseRelay("\(error)", at: now)
      settlePlane(at: now)
      return bytes.count
    }
  }

  func take(
    _ packet: UnsafeMutableRawBufferPointer, from source: Bytes32, at now: Instant, sink: any PayloadSink
  ) {
    guard outcome == nil, let first = packet.first else { return }
    if upstream != nil, source == peer, takeUpstream(UnsafeRawBufferPointer(packet), at: now) { return }
    if first == SessionFrameHeader.magic {
      guard let plane, source == peer,
        plane.handle(packet, on: .relay, at: now, sink: sink) != .refused
      else {
        if plane == nil || source != peer { statisticsOfPast.framesRefused += 1 }
        return
      }
      if !isEstablished { prove(at: now) }
      return
    }
    if source == peer, takeStreamPacket(UnsafeRawBufferPointer(packet), on: .relay, at: now) { return }
    let bytes = UnsafeRawBufferPointer(packet)
    if case .door = rendezvous {
      // An envelope, or a QUIC packet of a guest that knows only this key.
      if first & 0x40 != 0, packet.count <= Envelope.maximumLength {
        events.append(.knock(Array(bytes), from: source))
      }
      return
    }
    guard first == UInt8(ascii: "{"), packet.count <= Envelope.maximumLength else { return }
    switch rendezvous {
    case .claimant(var claimant):
      // Only the acceptor of the token may answer, and the relay vouches for the source.
      guard source == configuration.token.derpPublic else { return }
      let effects = claimant.receive(bytes, at: now)
      rendezvous = .claimant(claimant)
      apply(effects, at: now)
    case .acceptor(var acceptor):
      guard configuration.sessionKey == nil else { return }
      let effects = acceptor.receive(bytes, from: source, at: now)
      rendezvous = .acceptor(acceptor)
      apply(effects, at: now)
    case .door: break
    }
  }

  /// The peer's first authentic frame: CLM-7 for the claimant, DEC-5 for the acceptor.
  func prove(at now: Instant) {
    switch rendezvous {
    case .claimant: tellClaimant(.confirmation, at: now)
    case .acceptor: tellAcceptor(.proof, at: now)
    case .door: break
    }
  }

  func tellClaimant(_ event: ClaimMachine.Event, reason: String? = nil, at now: Instant) {
    guard case .claimant(var claimant) = rendezvous else { return }
    if let reason { claimant.abortReason = reason }
    let effects = claimant.handle(event, at: now)
    rendezvous = .claimant(claimant)
    apply(effects, at: now)
  }

  func tellAcceptor(_ event: DecisionMachine.Event, reason: String? = nil, at now: Instant) {
    guard case .acceptor(var acceptor) = rendezvous else { return }
    if let reason { acceptor.abortReason = reason }
    let effects = acceptor.handle(event, at: now)
    rendezvous = .acceptor(acceptor)
    apply(effects, at: now)
  }

  func apply(_ effects: [RendezvousEffect], at now: Instant) {
    for effect in effects {
      switch effect {
      case .send(let packet, let peer): outbox.append((packet, peer))
      case .open(let keys, let peer, let isRelayOnly, let identity):
        open(keys, peer: peer, isRelayOnly: isRelayOnly, identity: identity, at: now)
      case .openUpstream(let peer, let identity, let candidates):
        openUpstream(peer: peer, identity: identity, candidates: candidates, at: now)
      case .established where upstream != nil:
        isEstablished = true
        events.append(.state(.claimed))
        reportUpstreamPath()
      case .established:
        isEstablished = true
        events.append(.state(.claimed))
        events.append(.state(.connectedRelay))
        if !paths.isOpen { paths.open(at: now, random: &random) }
        paths.report(at: now)
        drainPaths(at: now)
      case .release:
        plane = nil
        quic = nil
        tunnel = nil
        upstream = nil
        trustedPaths = []
        peer = nil
        paths.release(at: now, random: &random)
        drainPaths(at: now)
      case .fail(let failure):
        // A plane that stands tells the peer in its own, sealed way first.
        if pendingFailure == nil { finish(.failure(failure), at: now) }
      case .peerRestarted: events.append(.peerRestarted)
      case .transition(let record): events.append(.transition(record))
      }
    }
  }

  func open(
    _ keys: SessionKeySchedule, peer: Bytes32, isRelayOnly: Bool, identity: Bytes32, at now: Instant
  ) {
    do {
      let plane = try NativePlane(
        schedule: keys, isClaimant: isClaimant,
        flow: configuration.streams == nil ? configuration.flow : nil,
        isDialogue: configuration.streams == nil && configuration.isDialogue,
        framesPerEpoch: configuration.framesPerEpoch,
        largestPayload: configuration.largestFramePayload, isTraced: configuration.isTraced,
        patience: configuration.streamPatience, at: now)
      if sourceHasEnded { plane.sender?.sourceEnded() }
      if let streams = configuration.streams {
        var parameters = QUICParameters()
        parameters.carriesDatagrams = streams.carriesDatagrams
        quic = try QUICConnection(
          isServer: !isClaimant, identity: streams.identity, pin: identity, parameters: parameters,
          random: random, at: now)
      }
      self.plane = plane
      self.peer = peer
      paths.prepare(key: DiscoveryKey(keys.discoveryKey()), isPeerRelayOnly: isRelayOnly, at: now)
      // The acceptor has proved its keys with the decision; the claimant has yet to.
      if isClaimant { paths.open(at: now, random: &random) }
      drainPaths(at: now)
    } catch {
      finish(.failure(.cryptography("\(error)")), at: now)
    }
  }
}
