import Basics
import Crypto
import Wire

/// What the host gets out of a session: bytes, events and the next deadline.
extension Session {
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
  func pollPlane(
    into buffer: UnsafeMutableRawBufferPointer, at offset: Int, _ now: Instant
  ) -> Int? {
    if upstream != nil { return pollUpstream(into: buffer, at: offset, now) }
    // An acceptor says nothing to a claimant that has not proved itself (DEC-5).
    guard let plane, let peer, isEstablished || isClaimant else { return nil }
    guard outcome == nil || plane.owesAnswer, link.maySend(at: now) else { return nil }
    let start = offset + DERP.packetHeaderLength
    let room = UnsafeMutableRawBufferPointer(rebasing: buffer[start..<start + DERP.maximumPacketLength])
    do {
      var length = try pollCandidates(plane, into: room, at: now)
      if length == 0 { length = try plane.poll(.relay, into: room, limit: room.count, at: now) }
      if length == 0 { length = pollStreams(.relay, into: room, limit: Self.relayPacketLimit, at: now) }
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

  /// Seals the candidates that are due, or the acknowledgement of the peer's: sealed, because the relay shall not
  /// learn who is where.
  private func pollCandidates(
    _ plane: NativePlane, into buffer: UnsafeMutableRawBufferPointer, at now: Instant
  ) throws(CryptoError) -> Int {
    guard outcome == nil, !plane.isSearching else { return 0 }
    if let sequence = paths.exchange.acknowledgement() {
      let body = withUnsafeBytes(of: sequence.bigEndian) { Array($0) }
      return try plane.sealControl(.candidatesReceived, body, .relay, into: buffer)
    }
    guard let update = paths.exchange.update(at: now) else { return 0 }
    return try plane.sealControl(.candidates, update.serialized(), .relay, into: buffer)
  }

  var isClaimant: Bool {
    if case .claimant = rendezvous { true } else { false }
  }

  /// The next thing that the host has to do or may want to show.
  public func pollEvent() -> SessionEvent? {
    if events.isEmpty, upstream != nil, configuration.sessionKey != nil { flushOutbox() }
    return events.popFirst()
  }

  // MARK: Time

  /// How long the relay may say nothing before it is asked: often while it carries a transfer, rarely while waiting.
  var relayQuiet: Interval {
    let isCarrying = plane.map { $0.currentLane != .direct } ?? upstream.map { $0.active == nil } ?? false
    return isCarrying ? .seconds(5) : .seconds(30)
  }

  /// When `handleTimeout` is due; nil when only an event can change anything.
  public var nextDeadline: Instant? {
    guard outcome == nil else { return nil }
    var next = schedule.dialAt
    func consider(_ instant: Instant?) {
      guard let instant else { return }
      next = next.map { min($0, instant) } ?? instant
    }
    consider(
      link.deadline(quiet: relayQuiet, wantsToSend: plane != nil || upstream != nil, polled: latest))
    switch rendezvous {
    case .claimant(let claimant): consider(claimant.deadline)
    case .acceptor(let acceptor): consider(acceptor.deadline)
    case .door: break
    }
    if isEstablished || isClaimant {
      consider(plane?.deadline(polled: latest))
      consider(streamsDeadline)
    }
    consider(upstreamDeadline)
    consider(paths.deadline(polled: latest))
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
    case .door: break
    }
    if isEstablished || isClaimant {
      plane?.handleTimeout(at: now)
      handleStreamsTimeout(at: now)
    }
    handleUpstreamTimeout(at: now)
    paths.promoter.hasPayloadInFlight =
      (plane?.sender?.bytesInFlight(on: .direct) ?? 0) > 0 || quic?.awaitsAcknowledgement == true
    paths.handleTimeout(at: now, random: &random)
    drainPaths(at: now)
    settlePlane(at: now)
    flushOutbox()
  }
}
