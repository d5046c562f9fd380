import Basics
import Machines
import Wire

/// The relay's connection, and how a session ends.
extension Session {
  // MARK: Relay

  func noticeLink(at now: Instant) {
    let isReconnection = hadRelay
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
    if let gone = link.goneKey {
      link.goneKey = nil
      if gone == peer, configuration.streamPatience.countsOwnOutage { plane?.awaitPeer(at: now) }
    }
    guard link.isEstablished, !isLinkUp else { return }
    isLinkUp = true
    if isReconnection {
      statisticsOfPast.relayReconnections += 1
    } else if !isClaimant {
      events.append(.state(.waitingForClaim))
    }
    plane?.relayRestored(at: now)
    tellClaimant(.relayUp, at: now)
  }

  func loseRelay(_ reason: String, at now: Instant, isClosed: Bool = false) {
    let wasUp = isLinkUp
    isLinkUp = false
    isLinkConfirmed = false
    link.disconnected()
    plane?.relayLost(at: now)
    if !isClosed { events.append(.closeRelay) }
    if let failure = pendingFailure {
      // Last words may still go over a direct path.
      if plane?.currentLane != .direct { finish(.failure(failure), at: now) }
      return
    }
    if wasUp {
      if hadRelay { events.append(.relayLost(reason: reason)) }
      tellClaimant(.relayDown, at: now)
    }
    guard outcome == nil else { return }
    // The very first attempt is the user's to repeat: a wrong address should not take a minute to show.
    guard hadRelay || configuration.isRelayAwaited else {
      return giveRelayUp(.relayUnreachable(reason), at: now)
    }
    // A direct path needs no relay; should it die, the relay's minute begins then.
    if !schedule.lost(at: now, isNeeded: !paths.promoter.isDirect && upstream?.active == nil, random: &random)
    {
      giveRelayUp(.relayLost(reason), at: now)
    }
  }

  /// The relay stays away: what is complete is complete, everything else has failed.
  func giveRelayUp(_ failure: SessionFailure, at now: Instant) {
    pendingFailure = failure
    tellClaimant(.relayLost, at: now)
    tellAcceptor(.relayLost, at: now)
    let written = plane?.isCompleting == true ? plane?.receiver?.delivered : nil
    finish(written.map { .success(bytes: $0) } ?? .failure(failure), at: now)
  }

  func flushOutbox() {
    if upstream != nil { collectUpstream(at: latest) }
    for (packet, peer) in outbox {
      if configuration.sessionKey == nil {
        link.send(packet, to: peer)
      } else {
        events.append(.envelope(packet, to: peer))
      }
    }
    outbox.removeAll(keepingCapacity: true)
  }

  // MARK: Ending

  /// Ends the session after telling the peer, when there is one to tell.
  func giveUp(
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
    if let plane, isLinkUp || plane.currentLane == .direct, isEstablished || isClaimant {
      plane.abort(Abandonment(code: code, reason: reason), at: now)
    } else {
      finish(.failure(failure), at: now)
    }
  }

  /// - Parameter path: the direct path that the frames came over which made these events; nil for the relay.
  func settlePlane(at now: Instant, arrivedOver path: DirectPath? = nil) {
    settleStreams(at: now)
    guard let plane else { return }
    while let event = plane.nextEvent() {
      guard outcome == nil else { continue }
      switch event {
      case .payloadEnded(let length): events.append(.payloadEnded(length: length))
      case .peerCompleted(let length): finish(.success(bytes: length), at: now)
      case .completionSettled: finish(.success(bytes: plane.receiver?.delivered ?? 0), at: now)
      case .peerAborted(let abandonment):
        let failure: SessionFailure =
          abandonment.code == .declined
          ? .peerDeclined(reason: abandonment.reason) : .peerAborted(reason: abandonment.reason)
        finish(.failure(pendingFailure ?? failure), at: now)
      case .abortSettled: finish(.failure(pendingFailure ?? .cancelled), at: now)
      case .repairAbandoned:
        giveUp(.undeliverable, .localFailure, "a part of the data does not get through", at: now)
      case .transition(let record): events.append(.transition(record))
      case .peerMissing: events.append(.peerMissing(true))
      case .peerBack: events.append(.peerMissing(false))
      case .peerSilent: finish(.failure(pendingFailure ?? .peerSilent), at: now)
      case .challenge(let token, let length, _):
        guard let path else { continue }
        paths.challenged(token, length: length, over: path, at: now, random: &random)
      case .echo(let token, _):
        guard let path else { continue }
        paths.echoed(token, over: path, at: now, random: &random)
      case .candidates(let update): paths.receive(update, at: now, random: &random)
      case .candidatesReceived(let sequence): paths.exchange.acknowledged(sequence)
      case .directAcknowledged: paths.directAcknowledged(at: now, random: &random)
      case .violation(let what):
        giveUp(.protocolViolation(what), .protocolViolation, what, at: now)
      }
    }
  }

  func finish(_ result: SessionOutcome, at now: Instant) {
    guard outcome == nil else { return }
    outcome = result
    closeUpstream(result)
    if let sender = plane?.sender {
      sender.repairer.sessionEnded()
      while let record = sender.takeRecord() { events.append(.transition(record)) }
    }
    // DEC-13: nobody else is let in, whatever the outcome.
    if isEstablished { tellAcceptor(.sessionEnded, at: now) }
    paths.close(at: now, random: &random)
    drainPaths(at: now)
    events.append(.finished(result))
  }
}
