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
  /// Generic code takes `some`; a class stores `any`.
  private struct Generator: RandomNumberGenerator {
    var base: any RandomNumberGenerator
    mutating func next() -> UInt64 { base.next() }
  }

  private enum Rendezvous {
    case claimant(Claimant)
    case acceptor(Acceptor)
  }

  /// `poll` needs room for the largest packet frame.
  public static let minimumPollBuffer = RelayLink.largestFrame
  /// `handle(relayBytes:)` needs to see the largest packet frame whole.
  public static let minimumReceiveBuffer = RelayLink.largestFrame

  private let configuration: SessionConfiguration
  private var random: Generator
  private var rendezvous: Rendezvous
  private var link: RelayLink
  private var schedule: RelaySchedule
  private var plane: NativePlane?
  private var peer: Bytes32?
  private var isEstablished = false
  private var isLinkUp = false
  /// Whether the relay accepted our key on this connection.
  private var isLinkConfirmed = false
  /// Whether the relay ever accepted our key.
  private var hadRelay = false
  /// The time of the last call: what was due by then the host has polled, or polls when it can send again.
  private var latest: Instant
  private var outbox: [(packet: [UInt8], peer: Bytes32)] = []
  private var events = Deque<SessionEvent>()
  /// Why the session will end once the peer was told.
  private var pendingFailure: SessionFailure?
  private var sourceHasEnded = false
  private var statisticsOfPast = SessionStatistics()
  /// How the session ended, once it has.
  public private(set) var outcome: SessionOutcome?

  /// - Parameters:
  ///   - random: where keys and jitter come from: the system's generator, or a seeded one under simulation.
  public init(_ configuration: SessionConfiguration, random: any RandomNumberGenerator, at now: Instant) {
    self.configuration = configuration
    self.random = Generator(base: random)
    latest = now
    schedule = RelaySchedule(patience: configuration.relayPatience)
    link = RelayLink(
      key: configuration.derpKey, host: configuration.relayHost, path: configuration.relayPath)
    switch configuration.role {
    case .claimant:
      rendezvous = .claimant(
        Claimant(
          token: configuration.token, derpKey: configuration.derpKey, isRelayOnly: configuration.isRelayOnly,
          random: &self.random))
    case .acceptor(let expiresAt):
      rendezvous = .acceptor(
        Acceptor(
          token: configuration.token, derpKey: configuration.derpKey, isRelayOnly: configuration.isRelayOnly,
          expiresAt: expiresAt, random: &self.random))
    }
    events.append(.dialRelay)
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

  /// Whether payload waits for the output to take it.
  public var isOutputBlocked: Bool { plane?.receiver?.isBlocked ?? false }

  /// Offers waiting payload to the output, which has become writable.
  public func drainPayload(into sink: some PayloadSink, at now: Instant) {
    latest = now
    guard outcome == nil else { return }
    plane?.drain(into: sink, at: now)
    settlePlane(at: now)
  }

  /// Counters up to now.
  public var statistics: SessionStatistics {
    var result = statisticsOfPast
    guard let plane else { return result }
    result.payloadBytes = plane.sender?.acknowledgedOffset ?? plane.receiver?.delivered ?? 0
    result.framesSent = plane.framesSent
    result.framesReceived = plane.framesReceived
    result.framesRefused += plane.framesRefused
    result.framesRetransmitted = plane.sender?.retransmittedFrames ?? 0
    result.framesDuplicated = plane.receiver?.duplicates ?? 0
    let estimator = plane.sender?.roundTrip ?? plane.roundTrip
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
    }
    settlePlane(at: now)
    flushOutbox()
  }

  /// Takes bytes of the relay's connection; payload goes straight to `sink`. Returns how many bytes were used; the
  /// rest is to be offered again, with what follows, from a buffer of at least `minimumReceiveBuffer` bytes.
  public func handle(
    relayBytes bytes: UnsafeMutableRawBufferPointer, at now: Instant, sink: some PayloadSink
  ) -> Int {
    latest = now
    guard outcome == nil else { return bytes.count }
    do {
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

  private func take(
    _ packet: UnsafeMutableRawBufferPointer, from source: Bytes32, at now: Instant, sink: some PayloadSink
  ) {
    guard outcome == nil, let first = packet.first else { return }
    if first == SessionFrameHeader.magic {
      guard let plane, source == peer, plane.handle(packet, at: now, sink: sink) else {
        if plane == nil || source != peer { statisticsOfPast.framesRefused += 1 }
        return
      }
      if !isEstablished { prove(at: now) }
      return
    }
    guard first == UInt8(ascii: "{"), packet.count <= Envelope.maximumLength else { return }
    let bytes = UnsafeRawBufferPointer(packet)
    switch rendezvous {
    case .claimant(var claimant):
      // Only the acceptor of the token may answer, and the relay vouches for the source.
      guard source == configuration.token.derpPublic else { return }
      let effects = claimant.receive(bytes, at: now)
      rendezvous = .claimant(claimant)
      apply(effects, at: now)
    case .acceptor(var acceptor):
      let effects = acceptor.receive(bytes, from: source, at: now)
      rendezvous = .acceptor(acceptor)
      apply(effects, at: now)
    }
  }

  /// The peer's first authentic frame: CLM-7 for the claimant, DEC-5 for the acceptor.
  private func prove(at now: Instant) {
    switch rendezvous {
    case .claimant: tellClaimant(.confirmation, at: now)
    case .acceptor: tellAcceptor(.proof, at: now)
    }
  }

  private func tellClaimant(_ event: ClaimMachine.Event, reason: String? = nil, at now: Instant) {
    guard case .claimant(var claimant) = rendezvous else { return }
    if let reason { claimant.abortReason = reason }
    let effects = claimant.handle(event, at: now)
    rendezvous = .claimant(claimant)
    apply(effects, at: now)
  }

  private func tellAcceptor(_ event: DecisionMachine.Event, reason: String? = nil, at now: Instant) {
    guard case .acceptor(var acceptor) = rendezvous else { return }
    if let reason { acceptor.abortReason = reason }
    let effects = acceptor.handle(event, at: now)
    rendezvous = .acceptor(acceptor)
    apply(effects, at: now)
  }

  private func apply(_ effects: [RendezvousEffect], at now: Instant) {
    for effect in effects {
      switch effect {
      case .send(let packet, let peer): outbox.append((packet, peer))
      case .open(let keys, let peer): open(keys, peer: peer, at: now)
      case .established:
        isEstablished = true
        events.append(.state(.claimed))
        events.append(.state(.connectedRelay))
      case .release:
        plane = nil
        peer = nil
      case .fail(let failure):
        // A plane that stands tells the peer in its own, sealed way first.
        if pendingFailure == nil { finish(.failure(failure), at: now) }
      case .transition(let record): events.append(.transition(record))
      }
    }
  }

  private func open(_ keys: SessionKeySchedule, peer: Bytes32, at now: Instant) {
    var isClaimant = false
    if case .claimant = rendezvous { isClaimant = true }
    do {
      let plane = try NativePlane(
        schedule: keys, isClaimant: isClaimant, flow: configuration.flow,
        framesPerEpoch: configuration.framesPerEpoch, largestPayload: configuration.largestFramePayload,
        at: now)
      if sourceHasEnded { plane.sender?.sourceEnded() }
      self.plane = plane
      self.peer = peer
    } catch {
      finish(.failure(.cryptography("\(error)")), at: now)
    }
  }

  // MARK: Relay

  private func noticeLink(at now: Instant) {
    if link.isConfirmed, !isLinkConfirmed {
      isLinkConfirmed = true
      schedule.established()
      hadRelay = true
    }
    for notice in link.notices {
      events.append(.relayNotice(notice))
      if case .restarting(let delay, _) = notice { schedule.restartAnnounced(reconnectIn: delay) }
    }
    link.notices.removeAll()
    guard link.isEstablished, !isLinkUp else { return }
    isLinkUp = true
    if hadRelay { statisticsOfPast.relayReconnections += 1 }
    if !hadRelay, !isClaimant { events.append(.state(.waitingForClaim)) }
    plane?.pathRestored(at: now)
    tellClaimant(.relayUp, at: now)
  }

  private func loseRelay(_ reason: String, at now: Instant, isClosed: Bool = false) {
    let wasUp = isLinkUp
    isLinkUp = false
    isLinkConfirmed = false
    link.disconnected()
    plane?.pathLost()
    if !isClosed { events.append(.closeRelay) }
    if let failure = pendingFailure { return finish(.failure(failure), at: now) }
    if wasUp {
      if hadRelay { events.append(.relayLost(reason: reason)) }
      tellClaimant(.relayDown, at: now)
    }
    guard outcome == nil else { return }
    // The very first attempt is the user's to repeat: a wrong address should not take a minute to show.
    guard hadRelay else { return giveRelayUp(.relayUnreachable(reason), at: now) }
    if !schedule.lost(at: now, random: &random) { giveRelayUp(.relayLost(reason), at: now) }
  }

  /// The relay stays away: what is complete is complete, everything else has failed.
  private func giveRelayUp(_ failure: SessionFailure, at now: Instant) {
    pendingFailure = failure
    tellClaimant(.relayLost, at: now)
    tellAcceptor(.relayLost, at: now)
    let written = plane?.isCompleting == true ? plane?.receiver?.delivered : nil
    finish(written.map { .success(bytes: $0) } ?? .failure(failure), at: now)
  }

  private func flushOutbox() {
    for (packet, peer) in outbox { link.send(packet, to: peer) }
    outbox.removeAll(keepingCapacity: true)
  }

  // MARK: Ending

  /// Ends the session after telling the peer, when there is one to tell.
  private func giveUp(
    _ failure: SessionFailure, _ code: Abandonment.Code, _ reason: String, at now: Instant
  ) {
    guard pendingFailure == nil else { return }
    if let plane, plane.isCompleting {
      // Everything is written and closed: too late to stop.
      return finish(.success(bytes: plane.receiver?.delivered ?? 0), at: now)
    }
    pendingFailure = failure
    // A peer that has no keys yet understands only the envelope that the machine's `cancel` sends.
    tellClaimant(.cancel, reason: reason, at: now)
    tellAcceptor(.cancel, reason: reason, at: now)
    if let plane, isLinkUp, isEstablished || isClaimant {
      plane.abort(Abandonment(code: code, reason: reason), at: now)
    } else {
      finish(.failure(failure), at: now)
    }
  }

  private func settlePlane(at now: Instant) {
    guard let plane else { return }
    for event in plane.takeEvents() where outcome == nil {
      switch event {
      case .payloadEnded(let length): events.append(.payloadEnded(length: length))
      case .peerCompleted(let length): finish(.success(bytes: length), at: now)
      case .completionSettled: finish(.success(bytes: plane.receiver?.delivered ?? 0), at: now)
      case .peerAborted(let abandonment):
        finish(.failure(pendingFailure ?? .peerAborted(reason: abandonment.reason)), at: now)
      case .abortSettled: finish(.failure(pendingFailure ?? .cancelled), at: now)
      case .peerSilent: finish(.failure(pendingFailure ?? .peerSilent), at: now)
      case .violation(let what):
        giveUp(.protocolViolation(what), .protocolViolation, what, at: now)
      }
    }
  }

  private func finish(_ result: SessionOutcome, at now: Instant) {
    guard outcome == nil else { return }
    outcome = result
    // DEC-13: nobody else is let in, whatever the outcome.
    if isEstablished { tellAcceptor(.sessionEnded, at: now) }
    events.append(.finished(result))
  }

  // MARK: Polling

  /// Fills `buffer` with bytes to send, as many whole frames as fit; nil when there is nothing to send now.
  ///
  /// - Parameter buffer: at least `minimumPollBuffer` bytes.
  public func poll(into buffer: UnsafeMutableRawBufferPointer, at now: Instant) -> Transmission? {
    var used = link.pollQueue(into: buffer)
    while buffer.count - used >= RelayLink.largestFrame, let length = pollPlane(into: buffer, at: used, now) {
      used += length
    }
    return used > 0 ? Transmission(path: .relay, length: used, segmentLength: used) : nil
  }

  /// Puts one packet frame of the plane at `offset`; nil when none is due.
  private func pollPlane(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int, _ now: Instant
  ) -> Int? {
    // An acceptor says nothing to a claimant that has not proved itself (DEC-5).
    guard let plane, let peer, isEstablished || isClaimant else { return nil }
    guard outcome == nil || plane.owesAnswer, link.maySend(at: now) else { return nil }
    let start = offset + DERP.packetHeaderLength
    do {
      let length = try plane.poll(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + DERP.maximumPacketLength]),
        at: now)
      guard length > 0 else { return nil }
      DERPFrameHeader.storePacketHeader(
        .sendPacket, peer: peer, packetLength: length,
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<start]))
      link.didSend(DERP.packetHeaderLength + length)
      return DERP.packetHeaderLength + length
    } catch {
      finish(.failure(.cryptography("\(error)")), at: now)
      return nil
    }
  }

  private var isClaimant: Bool {
    if case .claimant = rendezvous { true } else { false }
  }

  /// The next thing that the host has to do or may want to show.
  public func pollEvent() -> SessionEvent? { events.popFirst() }

  // MARK: Time

  /// How long the relay may say nothing before it is asked: often during a transfer, rarely while waiting.
  private var relayQuiet: Interval { plane == nil ? .seconds(30) : .seconds(5) }

  /// When `handleTimeout` is due; nil when only an event can change anything.
  public var nextDeadline: Instant? {
    guard outcome == nil else { return nil }
    var next = schedule.dialAt
    func consider(_ instant: Instant?) {
      guard let instant else { return }
      next = next.map { min($0, instant) } ?? instant
    }
    consider(link.deadline(quiet: relayQuiet, wantsToSend: plane != nil, polled: latest))
    switch rendezvous {
    case .claimant(let claimant): consider(claimant.deadline)
    case .acceptor(let acceptor): consider(acceptor.deadline)
    }
    if isEstablished || isClaimant { consider(plane?.deadline(polled: latest)) }
    return next
  }

  /// Does what time makes due. Harmless when called early.
  public func handleTimeout(at now: Instant) {
    latest = now
    guard outcome == nil else { return }
    if let dialAt = schedule.dialAt, dialAt <= now {
      schedule.dialling()
      events.append(.dialRelay)
    }
    do {
      try link.checkTimeout(at: now)
      link.checkLife(quiet: relayQuiet, at: now)
    } catch {
      loseRelay("\(error)", at: now)
    }
    switch rendezvous {
    case .claimant(var claimant):
      let effects = claimant.handleTimeout(at: now)
      rendezvous = .claimant(claimant)
      apply(effects, at: now)
    case .acceptor(var acceptor):
      let effects = acceptor.handleTimeout(at: now)
      rendezvous = .acceptor(acceptor)
      apply(effects, at: now)
    }
    if isEstablished || isClaimant { plane?.handleTimeout(at: now) }
    settlePlane(at: now)
    flushOutbox()
  }
}
