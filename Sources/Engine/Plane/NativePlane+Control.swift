import Basics
import Wire

/// What control frames do.
extension NativePlane {
  func handleControl(
    _ kind: SessionFrameKind, _ body: UnsafeRawBufferPointer, on lane: Lane, at now: Instant
  ) {
    do {
      switch kind {
      case .data, .end: break
      case .acknowledgement: try handleAcknowledgement(body, at: now)
      case .ping: state(lane).pongDue = try Self.token(body, isPadded: false)
      case .pong:
        let token = try Self.token(body, isPadded: false)
        if token == pingToken, let openPing {
          if openPing.lane == currentLane { roundTrip.sample(now - openPing.sentAt, delay: .zero) }
          // It went out over the direct path: as good as an echo (PRM-7).
          if openPing.lane == .direct, currentLane == .direct, !doubtsLargePackets {
            events.append(.directAcknowledged)
          }
          self.openPing = nil
        }
        pingDue = false
      case .complete:
        let completion = try Completion.parse(body)
        guard flow != .receives, completion.bytesReceived == (flow == nil ? 0 : sender?.finalLength) else {
          return violated("completion of another length")
        }
        closedDue = lane
        events.append(.peerCompleted(completion.bytesReceived))
      case .abort:
        let abandonment = try Abandonment.parse(body)
        closedDue = lane
        events.append(.peerAborted(abandonment))
      case .closed:
        guard body.isEmpty else { throw SessionFrameError.malformedBody }
        handleClosed()
      case .challenge:
        let token = try Self.token(body, isPadded: true)
        events.append(
          .challenge(token: token, length: SessionFrameHeader.overhead + body.count, lane: lane))
      case .echo:
        let token = try Self.token(body, isPadded: true)
        events.append(.echo(token: token, length: SessionFrameHeader.overhead + body.count))
      case .candidates: events.append(.candidates(try CandidateUpdate.parse(body)))
      case .candidatesReceived:
        guard body.count == 4 else { throw SessionFrameError.malformedBody }
        events.append(.candidatesReceived(UInt32(bigEndian: body.loadUnaligned(as: UInt32.self))))
      }
    } catch {
      violated("a malformed control frame")
    }
  }

  private func handleAcknowledgement(_ body: UnsafeRawBufferPointer, at now: Instant)
    throws(SessionFrameError)
  {
    try acknowledgement.read(body)
    switch sender?.handle(acknowledgement, at: now) {
    case .none, .impossible: violated("an acknowledgement of what was never sent")
    case .stale: break
    case .news:
      // One event for many acknowledgements says as much.
      if acknowledgement.lane == .direct, currentLane == .direct {
        if case .directAcknowledged = events.last { return }
        events.append(.directAcknowledged)
      }
    }
  }

  private static func token(
    _ body: UnsafeRawBufferPointer, isPadded: Bool
  ) throws(SessionFrameError) -> UInt64 {
    guard body.count == 8 || isPadded && body.count > 8 else { throw .malformedBody }
    return body.loadUnaligned(as: UInt64.self)
  }

  func handleClosed() {
    switch ending {
    case .open: break
    case .completing: events.append(.completionSettled)
    case .aborting: events.append(.abortSettled)
    }
    endingDueAt = nil
  }
}
