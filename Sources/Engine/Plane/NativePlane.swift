import Basics
import Crypto
import Wire

/// Which way the payload of a session flows, seen from this side.
public enum PayloadFlow: Sendable, Hashable {
  case sends
  case receives
}

/// What happened on the native plane that the session has to know.
enum PlaneEvent {
  /// The output has taken the whole payload of this length.
  case payloadEnded(UInt64)
  /// The peer wrote everything: the sender's success.
  case peerCompleted(UInt64)
  /// The peer knows that we completed, or enough time was given to it.
  case completionSettled
  /// The peer gave up.
  case peerAborted(Abandonment)
  /// Our own abort is known to the peer, or enough time was given to it.
  case abortSettled
  /// Nothing authentic came from the peer for 14 s while our own path was up.
  case peerSilent
  /// The peer broke the protocol.
  case violation(String)
}

/// The native data plane of one session: sealed frames in both directions, payload in one of them.
///
/// Control frames (pings, acknowledgements, the ending) have keys and packet numbers of their own. What must not
/// be lost is repeated until it is answered: a `complete` or `abort` until `closed`, a ping until a pong.
final class NativePlane {
  /// Silence after which the peer is asked for a sign of life.
  static let pingAfter = Interval.seconds(5)
  /// Silence after which the peer counts as dead; the other side has ended within 15 s of it.
  static let deadAfter = Interval.seconds(14)
  /// How often an unanswered ping is repeated while the peer has to be found again.
  static let searchInterval = Interval.milliseconds(200)
  /// How often an unanswered `complete` or `abort` is repeated.
  static let endingInterval = Interval.milliseconds(150)
  /// How long the answer to our `complete` is waited for while our own path is up: as long as any silence of the
  /// peer is borne, because it may be on its way back to the relay. We succeeded whether or not the answer comes.
  static let completionLinger = NativePlane.deadAfter
  /// How long the answer to our `abort` is waited for.
  static let abortLinger = Interval.milliseconds(600)

  enum Ending {
    case open
    case completing(since: Instant)
    case aborting(Abandonment, since: Instant)
  }

  /// The half that this side plays.
  let sender: PayloadSender?
  let receiver: PayloadReceiver?
  var dataSealer: FrameSealer
  var controlSealer: FrameSealer
  var dataOpener: FrameOpener
  var controlOpener: FrameOpener
  var controlFilter = ReplayFilter()
  var nextControlNumber: UInt64 = 0

  var ending = Ending.open
  var endingDueAt: Instant?
  var payloadEndReported = false
  var closedDue = false

  /// When the path came up; nil while it is down.
  var pathUpAt: Instant?
  var lastHeard: Instant
  var lastPingAt: Instant?
  var pingDue: Bool
  var pongDue: UInt64?
  var pingToken: UInt64 = 0
  var pingSentAt: Instant?
  /// True until something authentic arrives on the present path: only pings are sent, because whatever else is
  /// sent before the peer is back on the relay is dropped there. Not at the start: both are known to be there.
  var isSearching = false
  /// True for a claimant until something authentic arrives: its ping is its proof of the keys, so it is repeated
  /// (CLM-7). Payload goes out meanwhile.
  var isProving: Bool
  var reportedSilence = false
  /// Round trips seen by pings.
  private(set) var roundTrip = RoundTripEstimator()
  var framesSent: UInt64 = 0
  private(set) var framesReceived: UInt64 = 0
  private(set) var framesRefused: UInt64 = 0

  var events: [PlaneEvent] = []

  init(
    schedule: SessionKeySchedule, isClaimant: Bool, flow: PayloadFlow, framesPerEpoch: UInt64,
    largestPayload: Int = SessionFrameHeader.maximumPayloadLength, at now: Instant
  ) throws(CryptoError) {
    let outgoing: SessionKeySchedule.Direction = isClaimant ? .claimantToAcceptor : .acceptorToClaimant
    let incoming: SessionKeySchedule.Direction = isClaimant ? .acceptorToClaimant : .claimantToAcceptor
    dataSealer = try FrameSealer(
      secret: schedule.secret(direction: outgoing, purpose: .data), framesPerEpoch: framesPerEpoch)
    controlSealer = try FrameSealer(
      secret: schedule.secret(direction: outgoing, purpose: .control), framesPerEpoch: framesPerEpoch)
    dataOpener = try FrameOpener(
      secret: schedule.secret(direction: incoming, purpose: .data), framesPerEpoch: framesPerEpoch)
    controlOpener = try FrameOpener(
      secret: schedule.secret(direction: incoming, purpose: .control), framesPerEpoch: framesPerEpoch)
    switch flow {
    case .sends:
      sender = PayloadSender(
        initialLimit: UInt64(PayloadReceiver.windowSize), largestPayload: largestPayload, at: now)
      receiver = nil
    case .receives:
      sender = nil
      receiver = PayloadReceiver()
    }
    pathUpAt = now
    lastHeard = now
    // The claimant's ping is its proof of the keys (DEC-7); the acceptor has nothing to prove.
    pingDue = isClaimant
    isProving = isClaimant
  }

  /// The events since the last call.
  func takeEvents() -> [PlaneEvent] {
    guard !events.isEmpty else { return [] }
    defer { events.removeAll() }
    return events
  }

  // MARK: Path

  /// The relay connection was lost.
  func pathLost() {
    pathUpAt = nil
    pingSentAt = nil
  }

  /// The relay connection stands again.
  func pathRestored(at now: Instant) {
    if case .completing = ending { ending = .completing(since: now) }
    pathUpAt = now
    isSearching = true
    pingDue = true
    lastPingAt = nil
  }

  /// Whether the peer has been silent long enough to doubt the path itself.
  func isQuiet(at now: Instant) -> Bool { now - max(lastHeard, pathUpAt ?? lastHeard) >= Self.pingAfter }

  // MARK: Receiving

  /// Opens and takes one frame, in place. Returns whether it was authentic and new or a mere repetition of an
  /// authentic one; anything else is dropped and counted.
  func handle(
    _ frame: UnsafeMutableRawBufferPointer, at now: Instant, sink: some PayloadSink
  ) -> Bool {
    let header: SessionFrameHeader
    let payload: UnsafeRawBufferPointer
    do {
      header = try SessionFrameHeader.parse(UnsafeRawBufferPointer(frame))
      guard header.lane == 0 else { throw SessionFrameError.outOfRange }
      payload =
        header.kind.isPayload
        ? try dataOpener.open(header, frame: frame) : try controlOpener.open(header, frame: frame)
    } catch {
      framesRefused += 1
      return false
    }
    framesReceived += 1
    // A repeated frame is no sign of life: a relay can replay one long after its sender died.
    if header.kind.isPayload {
      guard let receiver else {
        violated("payload from the side that receives it")
        return true
      }
      if !receiver.hasSeen(header.packetNumber) { heard(at: now) }
      guard receiver.handle(header, payload: payload, at: now, sink: sink) else {
        violated("payload outside the window")
        return true
      }
      reportPayloadEnd()
    } else if !controlFilter.hasSeen(header.packetNumber) {
      controlFilter.insert(header.packetNumber)
      heard(at: now)
      handleControl(header.kind, payload, at: now)
    }
    return true
  }

  func heard(at now: Instant) {
    lastHeard = max(lastHeard, now)
    if isProving {
      isProving = false
      pingDue = false
    }
    if isSearching {
      isSearching = false
      sender?.pathWasReplaced()
      receiver?.repeatAcknowledgement(at: now)
    }
  }

  func handleControl(
    _ kind: SessionFrameKind, _ body: UnsafeRawBufferPointer, at now: Instant
  ) {
    do {
      switch kind {
      case .data, .end: break
      case .acknowledgement:
        let acknowledgement = try Acknowledgement.parse(body)
        guard let sender, sender.handle(acknowledgement, at: now) else {
          return violated("an acknowledgement of what was never sent")
        }
      case .ping:
        guard body.count == 8 else { throw SessionFrameError.malformedBody }
        pongDue = body.loadUnaligned(as: UInt64.self)
      case .pong:
        guard body.count == 8 else { throw SessionFrameError.malformedBody }
        if body.loadUnaligned(as: UInt64.self) == pingToken, let pingSentAt {
          roundTrip.sample(now - pingSentAt, delay: .zero)
          self.pingSentAt = nil
        }
        pingDue = false
      case .complete:
        let completion = try Completion.parse(body)
        guard let sender, completion.bytesReceived == sender.finalLength else {
          return violated("completion of another length")
        }
        closedDue = true
        events.append(.peerCompleted(completion.bytesReceived))
      case .abort:
        let abandonment = try Abandonment.parse(body)
        closedDue = true
        events.append(.peerAborted(abandonment))
      case .closed:
        guard body.isEmpty else { throw SessionFrameError.malformedBody }
        handleClosed()
      }
    } catch {
      violated("a malformed control frame")
    }
  }

  func handleClosed() {
    switch ending {
    case .open: break
    case .completing: events.append(.completionSettled)
    case .aborting: events.append(.abortSettled)
    }
    endingDueAt = nil
  }

  func violated(_ what: String) { events.append(.violation(what)) }

  func reportPayloadEnd() {
    guard !payloadEndReported, let receiver, receiver.isComplete else { return }
    payloadEndReported = true
    events.append(.payloadEnded(receiver.delivered))
  }

  /// Offers kept payload to the output again.
  func drain(into sink: some PayloadSink, at now: Instant) {
    guard let receiver else { return }
    receiver.drain(into: sink)
    receiver.windowMayHaveGrown(at: now)
    reportPayloadEnd()
  }

  // MARK: Ending

  /// The host has written and closed everything: tells the peer until it answers.
  func complete(at now: Instant) {
    ending = .completing(since: now)
    endingDueAt = now
  }

  /// Gives up and tells the peer for a moment.
  func abort(_ abandonment: Abandonment, at now: Instant) {
    if case .aborting = ending { return }
    ending = .aborting(abandonment, since: now)
    endingDueAt = now
  }

  /// Whether everything is written and only the peer's answer is waited for.
  var isCompleting: Bool {
    if case .completing = ending { true } else { false }
  }
}
