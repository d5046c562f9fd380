import Basics
import Crypto
import Wire

/// A session with a peer that runs upstream's program: bare QUIC packets, and envelopes about paths beside them.
extension Session {
  func openUpstream(peer: Bytes32, identity: Bytes32, candidates: [String], at now: Instant) {
    guard let streams = configuration.streams else { return }
    let token = configuration.token
    do {
      if token.capabilities.contains(.derptunTCP) {
        tunnel = try UpstreamTunnel(
          isServer: !isClaimant, identity: streams.identity, pin: identity, random: random, at: now)
      } else {
        quic = try QUICConnection(
          isServer: !isClaimant, identity: streams.identity, pin: identity, parameters: .upstream,
          random: random, at: now)
      }
    } catch {
      return finish(.failure(.cryptography("\(error)")), at: now)
    }
    self.peer = peer
    var plane = UpstreamPlane(negotiation: PlaneNegotiation(at: now), seal: EnvelopeSeal(token: token))
    if !configuration.isRelayOnly {
      let key = DiscoveryKey(
        bearerSecret: token.bearerSecret, sessionID: token.sessionID, configuration.derpKey.publicKey, peer)
      plane.manager = ManagerPath(key: key, allowsLoopback: configuration.allowsLoopbackCandidates, at: now)
      if !candidates.isEmpty { plane.manager?.receive(candidates, own: paths.ownCandidates, at: now) }
    }
    if tunnel != nil, !isClaimant { plane.decisionAt = now + UpstreamPlane.decisionRepetition }
    upstream = plane
    paths.start()
    drainPaths(at: now)
    handleUpstreamTimeout(at: now)
  }

  func reportUpstreamPath() {
    guard let manager = upstream?.manager, let path = manager.active else {
      events.append(.state(.connectedRelay))
      events.append(
        .path(
          PathReport(
            path: .relay, roundTripMicroseconds: nil, datagramSize: nil,
            reason: upstream?.manager?.reason ?? "relayed: only the relay is wanted here")))
      return
    }
    events.append(.state(.connectedDirect))
    events.append(
      .path(
        PathReport(
          path: .direct(path), roundTripMicroseconds: manager.roundTrip?.inMicroseconds,
          datagramSize: QUICParameters.upstream.largestPacket, reason: manager.reason)))
  }

  // MARK: What arrives

  /// Takes a packet of the peer from the relay; false when it is an envelope that concerns the claim.
  func takeUpstream(_ packet: UnsafeRawBufferPointer, at now: Instant) -> Bool {
    // UPS-3
    if let sealed = Self.envelope(in: packet) {
      switch sealed.envelope {
      case .control, .dataPlaneReady: break
      default: return false
      }
      switch upstream?.seal.open(sealed) {
      case .dataPlaneReady(let ready): upstream?.negotiation.receive(ready, at: now)
      case .control(let control): take(control, at: now)
      default: break
      }
      return true
    }
    receiveUpstream(packet, at: now)
    streamBytes.relay += UInt64(packet.count)
    return true
  }

  private func take(_ control: TransportControl, at now: Instant) {
    switch control.kind {
    case TransportControl.candidatesKind:
      upstream?.manager?.receive(control.candidates, own: paths.ownCandidates, at: now)
    case TransportControl.callMeMaybeKind: upstream?.manager?.hurry(at: now)
    default: break
    }
  }

  /// Takes a datagram; whether it shows that payload moves.
  func takeUpstream(_ datagram: UnsafeRawBufferPointer, over path: DirectPath, at now: Instant) -> Bool {
    if STUNMessage.isSTUN(datagram) {
      paths.receive(datagram, over: path, at: now, random: &random)
      return false
    }
    switch upstream?.manager?.receive(datagram, over: path, at: now) {
    case .data:
      streamBytes.direct += UInt64(datagram.count)
      receiveUpstream(datagram, mayBegin: upstream?.manager?.knows(path) == true, at: now)
    case .stranger: paths.strangers += 1
    case .disco, nil: break
    }
    noteUpstreamPath()
    return false
  }

  /// - Parameter mayBegin: whether another connection of a tunnel may begin with the packet (UPS-11).
  private func receiveUpstream(_ packet: UnsafeRawBufferPointer, mayBegin: Bool = true, at now: Instant) {
    // Texts for holes in NATs and the like have QUIC's fixed bit, too: the connection drops what it cannot open.
    guard let streams = packetStreams, let first = packet.first, first & 0x40 != 0 else { return }
    upstream?.manager?.noteTraffic(at: now)
    tunnel?.endpoint.mayBegin = mayBegin
    streams.receive(packet, at: now)
    if !isEstablished, streams.isReady { prove(at: now) }
  }

  /// Tells the host when packets take another way.
  private func noteUpstreamPath() {
    guard upstream?.manager?.takeChange() == true else { return }
    upstream?.pathChanges += 1
    if isEstablished { reportUpstreamPath() }
  }

  func tellUpstream(_ event: HostEvent, at now: Instant) {
    guard upstream?.manager != nil else { return }
    switch event {
    case .socketOpened, .portMapped: upstream?.manager?.hurry(at: now)
    case .networkChanged: upstream?.manager?.networkChanged(at: now)
    case .datagramFailed(let path, .unreachable): upstream?.manager?.datagramFailed(path, at: now)
    default: return
    }
    handleUpstreamTimeout(at: now)
  }

  // MARK: What leaves

  /// Puts envelopes that are due into the outbox, and packets, too, when a door sends them.
  func collectUpstream(at now: Instant) {
    guard outcome == nil, let peer, let seal = upstream?.seal else { return }
    var envelopes: [Envelope] = []
    for ready in upstream?.negotiation.takeDue() ?? [] { envelopes.append(.dataPlaneReady(ready)) }
    for control in upstream?.manager?.takeControls() ?? [] { envelopes.append(.control(control)) }
    for envelope in envelopes { outbox.append((seal.seal(envelope), peer)) }
    guard configuration.sessionKey != nil, upstream?.active == nil, let streams = packetStreams else {
      return
    }
    let packet = UnsafeMutableRawBufferPointer.allocate(
      byteCount: streams.parameters.largestPacket, alignment: 8)
    defer { packet.deallocate() }
    while true {
      let length = streams.nextPacket(into: packet, at: now)
      guard length > 0 else { break }
      streamBytes.relay += UInt64(length)
      outbox.append((Array(packet[..<length]), peer))
    }
    streams.burstEnded(at: now)
  }

  /// Puts one packet frame at `offset`; nil when none is due.
  func pollUpstream(into buffer: UnsafeMutableRawBufferPointer, at offset: Int, _ now: Instant) -> Int? {
    guard outcome == nil, configuration.sessionKey == nil, let peer, let streams = packetStreams,
      upstream?.active == nil, link.maySend(at: now)
    else { return nil }
    let start = offset + DERP.packetHeaderLength
    let room = UnsafeMutableRawBufferPointer(
      rebasing: buffer[start..<start + streams.parameters.largestPacket])
    let length = streams.nextPacket(into: room, at: now)
    guard length > 0 else { return nil }
    streams.burstEnded(at: now)
    streamBytes.relay += UInt64(length)
    DERPFrameHeader.storePacketHeader(
      .sendPacket, peer: peer, packetLength: length,
      into: UnsafeMutableRawBufferPointer(rebasing: buffer[offset..<start]))
    link.didSend(DERP.packetHeaderLength + length)
    return DERP.packetHeaderLength + length
  }

  /// Probes, answers and packets for the direct way; nil when there is nothing.
  func pollUpstreamDatagrams(
    into buffer: UnsafeMutableRawBufferPointer, at now: Instant
  ) -> Transmission? {
    let small: (bytes: [UInt8], path: DirectPath)?
    if let last = upstream?.lastDatagrams.first {
      upstream?.lastDatagrams.removeFirst()
      small = last
    } else {
      small = outcome == nil ? upstream?.manager?.takeDatagram() : nil
    }
    if let small {
      buffer.copyBytes(from: small.bytes)
      lastDatagramLength = small.bytes.count
      return Transmission(
        path: .direct(small.path), length: small.bytes.count, segmentLength: small.bytes.count)
    }
    guard outcome == nil, let streams = packetStreams, let path = upstream?.active else { return nil }
    let batch = streams.nextPackets(into: buffer, count: Self.maximumBatch, at: now)
    guard batch.length > 0 else { return nil }
    streamBytes.direct += UInt64(batch.length)
    upstream?.manager?.noteTraffic(at: now)
    lastDatagramLength = batch.segment
    return Transmission(path: .direct(path), length: batch.length, segmentLength: batch.segment)
  }

  // MARK: Time

  /// Without a way to the peer QUIC's timers would only back off.
  private var isUpstreamTimed: Bool { upstream?.active != nil || isLinkUp || configuration.sessionKey != nil }

  var upstreamDeadline: Instant? {
    guard let upstream else { return nil }
    let times = [
      upstream.negotiation.deadline, upstream.manager?.deadline, upstream.decisionAt,
      isUpstreamTimed ? packetStreams?.deadline : nil,
    ]
    return times.compactMap { $0 }.min()
  }

  func handleUpstreamTimeout(at now: Instant) {
    guard upstream != nil, outcome == nil else { return }
    upstream?.negotiation.handleTimeout(at: now)
    upstream?.manager?.handleTimeout(
      own: paths.ownCandidates, isOpen: paths.isOpen, at: now, random: &random)
    noteUpstreamPath()
    if isUpstreamTimed { packetStreams?.handleTimeout(at: now) }
    repeatDecision(at: now)
  }

  /// UPS-17: a client that has missed the decision may have given up repeating its claim.
  private func repeatDecision(at now: Instant) {
    guard let due = upstream?.decisionAt, due <= now, case .acceptor(let acceptor) = rendezvous else {
      return
    }
    guard tunnel?.hasControl == false else {
      upstream?.decisionAt = nil
      return
    }
    upstream?.decisionAt = now + UpstreamPlane.decisionRepetition
    if let again = acceptor.decisionAgain { apply([again], at: now) }
  }

  // MARK: The end

  /// The end of the connection is the end of the session (UPS-10).
  func settleUpstream(at now: Instant) {
    guard outcome == nil, pendingFailure == nil, let streams = packetStreams else { return }
    if let failure = streams.failure {
      if streams.isIdle { return finish(.failure(.peerSilent), at: now) }
      giveUp(.protocolViolation(failure.description), .protocolViolation, failure.description, at: now)
    } else if streams.isClosedByPeer {
      if let code = streams.peerCloseError {
        finish(.failure(.peerAborted(reason: "QUIC error \(code)")), at: now)
      } else {
        finish(.success(bytes: streams.streamBytesSent + streams.streamBytesReceived), at: now)
      }
    }
  }

  /// Tells the peer that the session is over, both ways: upstream would learn it from silence only.
  func closeUpstream(_ result: SessionOutcome) {
    guard upstream != nil, let streams = packetStreams, let peer else { return }
    let isGood: Bool
    switch result {
    case .success, .failure(.cancelled): isGood = true
    case .failure: isGood = false
    }
    for packet in streams.lastPackets(code: isGood ? 0 : 1, at: latest) {
      if let path = upstream?.active { upstream?.lastDatagrams.append((packet, path)) }
      if configuration.sessionKey == nil {
        link.send(packet, to: peer)
      } else {
        events.append(.envelope(packet, to: peer))
      }
    }
  }
}
