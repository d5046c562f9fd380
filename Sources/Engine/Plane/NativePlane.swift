import Basics
import Crypto
import DequeModule
import Wire

/// Which way the payload of a session flows, seen from this side.
public enum PayloadFlow: Sendable, Hashable {
  case sends
  case receives
}

/// The native data plane of one session: sealed frames in both directions on two lanes. Payload goes in one
/// direction; in a dialogue its receiver answers with a stream of its own, which has no end. Beside a QUIC connection
/// the plane carries no payload, only control frames: it proves paths, keeps the peer in sight and says goodbye.
///
/// Control frames (pings, acknowledgements, the ending) have keys and packet numbers of their own. What must not
/// be lost is repeated until it is answered: a `complete` or `abort` until `closed`, a ping until a pong.
final class NativePlane {
  /// Silence after which the peer is asked for a sign of life.
  static let pingAfter = Interval.milliseconds(6_500)
  /// The acceptor waits this much longer: one of the two asks, and the question tells the other as much as an answer.
  static let acceptorPatience = Interval.seconds(1)
  /// How often an unanswered ping is repeated.
  static let pingInterval = Interval.seconds(2)
  /// Silence after which the peer counts as missing; of a transfer the other side has ended within 15 s of it.
  static let deadAfter = Interval.seconds(14)
  /// How often an unanswered ping is repeated while somebody waits for the peer to come back.
  static let awaitedPingInterval = Interval.milliseconds(400)
  /// How often an unanswered ping is repeated while the peer has to be found again.
  static let searchInterval = Interval.milliseconds(200)
  /// How often an unanswered `complete` or `abort` is repeated.
  static let endingInterval = Interval.milliseconds(150)
  /// How long the answer to our `complete` is waited for while our own path is up: as long as any silence of the
  /// peer is borne, because it may be on its way back to the relay. We succeeded whether or not the answer comes.
  static let completionLinger = NativePlane.deadAfter
  /// How long the answer to our `abort` is waited for.
  static let abortLinger = Interval.milliseconds(600)
  /// `poll` and `sealControl` need room for the longest control frame without padding.
  static let minimumFrameRoom = SessionFrameHeader.overhead + CandidateUpdate.maximumLength

  enum Ending {
    case open
    case completing(since: Instant)
    case aborting(Abandonment, since: Instant)
  }

  /// Which way the payload goes; nil when there is none.
  let flow: PayloadFlow?
  /// The half that this side plays; in a dialogue both.
  let sender: PayloadSender?
  let receiver: PayloadReceiver?
  private let relay: PlaneLane
  private let direct: PlaneLane
  /// The most payload bytes of a frame on the relay.
  let largestRelayPayload: Int

  /// The lane that payload takes, and what else is not bound to one. The direct lane is usable for sending exactly
  /// while it is the current one.
  var currentLane = Lane.relay
  /// The size of the datagrams of the direct path, in bytes.
  var datagramSize = NativePlane.minimumFrameRoom

  var ending = Ending.open
  var endingDueAt: Instant?
  /// The lane that the next `complete` or `abort` takes.
  var endingLane = Lane.relay
  var payloadEndReported = false
  /// The lane on which an answer to the peer's last word is due.
  var closedDue: Lane?

  var isRelayUp = true
  /// Since when there has been a usable lane without a break; nil while there is none.
  var pathUpSince: Instant?
  var lastHeard: Instant
  var lastPingAt: Instant?
  let quietFor: Interval
  var pingDue: Bool
  var pingToken: UInt64 = 0
  /// The last ping, until it is answered.
  var openPing: (sentAt: Instant, lane: Lane)?
  /// When the peer is sought on the relay by the next ping; nil when it is there. Until something authentic arrives
  /// over a relay that was lost, only pings are sent there, because whatever else is sent before the peer is back
  /// is dropped. Not at the start: both are known to be there.
  var searchPingAt: Instant?
  /// True for a claimant until something authentic arrives: its ping is its proof of the keys, so it is repeated
  /// (CLM-7). Payload goes out meanwhile.
  var isProving: Bool
  var reportedSilence = false
  var reportedMissing = false
  /// Whether large packets stay without an answer, so that a small one that gets through proves nothing: a path may lose
  /// large packets only.
  var doubtsLargePackets = false
  /// Whether what was sent to the peer stays without an answer, so that it is asked for a sign of life more often.
  var isPeerAwaited: Bool { awaitedSince != nil }
  var awaitedSince: Instant?
  /// Of a plane beside streams.
  let patience: StreamPatience
  /// Round trips on the current path seen by pings.
  var roundTrip = RoundTripEstimator()
  /// The acknowledgement that is being handled; kept for its memory.
  var acknowledgement = Acknowledgement.none
  var framesSent: UInt64 = 0
  private(set) var framesReceived: UInt64 = 0
  private(set) var framesRefused: UInt64 = 0

  var events = Deque<PlaneEvent>()
  private var hasReportedAbandonment = false

  init(
    schedule: SessionKeySchedule, isClaimant: Bool, flow: PayloadFlow?, isDialogue: Bool = false,
    framesPerEpoch: UInt64, largestPayload: Int = SessionFrameHeader.maximumPayloadLength,
    isTraced: Bool = false, patience: StreamPatience = .session, at now: Instant
  ) throws(CryptoError) {
    self.patience = patience
    relay = try PlaneLane(
      .relay, schedule: schedule, isClaimant: isClaimant, framesPerEpoch: framesPerEpoch)
    direct = try PlaneLane(
      .direct, schedule: schedule, isClaimant: isClaimant, framesPerEpoch: framesPerEpoch)
    largestRelayPayload = largestPayload
    self.flow = flow
    sender =
      flow == .sends || isDialogue
      ? PayloadSender(initialLimit: UInt64(PayloadReceiver.initialWindow), at: now) : nil
    receiver = flow == .receives || isDialogue ? PayloadReceiver() : nil
    sender?.isTraced = isTraced
    pathUpSince = now
    lastHeard = now
    // The claimant's ping is its proof of the keys (DEC-7); the acceptor has nothing to prove.
    pingDue = isClaimant
    isProving = isClaimant
    quietFor = isClaimant ? Self.pingAfter : Self.pingAfter + Self.acceptorPatience
  }

  func state(_ lane: Lane) -> PlaneLane { lane == .relay ? relay : direct }

  /// Whether `nextEvent` has something.
  var hasEvents: Bool {
    guard events.isEmpty, let sender else { return !events.isEmpty }
    return sender.isAbandoned && !hasReportedAbandonment || sender.hasRecords
  }

  /// The oldest event that was not taken yet.
  func nextEvent() -> PlaneEvent? {
    if let event = events.popFirst() { return event }
    guard let sender else { return nil }
    if let record = sender.takeRecord() { return .transition(record) }
    guard sender.isAbandoned, !hasReportedAbandonment else { return nil }
    hasReportedAbandonment = true
    return .repairAbandoned
  }

  /// Payload bytes that arrived on the lane when this side receives, or were sent there (repairs included).
  func payloadBytes(on lane: Lane) -> UInt64 {
    switch flow {
    case .sends: sender?.payloadBytes(on: lane) ?? 0
    case .receives: receiver?.payloadBytes(on: lane) ?? 0
    case nil: 0
    }
  }

  /// Payload bytes that the peer has, or that our output took.
  var payloadBytes: UInt64 {
    switch flow {
    case .sends: sender?.acknowledgedOffset ?? 0
    case .receives: receiver?.delivered ?? 0
    case nil: 0
    }
  }

  // MARK: Receiving

  /// Opens and takes one frame that came on `lane`, in place. What is not authentic is dropped and counted.
  func handle(
    _ frame: UnsafeMutableRawBufferPointer, on lane: Lane, at now: Instant, sink: any PayloadSink
  ) -> FrameReception {
    let header: SessionFrameHeader
    let payload: UnsafeRawBufferPointer
    let state = state(lane)
    do {
      header = try SessionFrameHeader.parse(UnsafeRawBufferPointer(frame))
      payload = try state.open(header, frame: frame)
    } catch {
      framesRefused += 1
      return .refused
    }
    framesReceived += 1
    // A repeated frame is no sign of life: a relay can replay one long after its sender died.
    if header.kind.isPayload {
      // The stream of answers in a dialogue has no end.
      guard let receiver, flow == .receives || header.kind == .data else {
        violated("payload from the side that receives it")
        return .repeated
      }
      let isNew = !receiver.hasSeen(header.packetNumber, on: lane)
      if isNew { heard(on: lane, at: now) }
      guard receiver.handle(header, on: lane, payload: payload, at: now, sink: sink) else {
        violated("payload outside the window")
        return .repeated
      }
      reportPayloadEnd()
      return isNew ? .fresh : .repeated
    }
    guard state.isNewControl(header.packetNumber) else { return .repeated }
    heard(on: lane, at: now)
    handleControl(header.kind, payload, on: lane, at: now)
    return .fresh
  }

  func heard(on lane: Lane, at now: Instant) {
    lastHeard = max(lastHeard, now)
    awaitedSince = nil
    if reportedMissing {
      reportedMissing = false
      events.append(.peerBack)
    }
    if isProving {
      isProving = false
      pingDue = false
    }
    if lane == .relay, searchPingAt != nil {
      searchPingAt = nil
      sender?.abandon(.relay)
      receiver?.repeatAcknowledgement(on: .relay, at: now)
    }
  }

  func violated(_ what: String) { events.append(.violation(what)) }

  func reportPayloadEnd() {
    guard !payloadEndReported, let receiver, receiver.isComplete else { return }
    payloadEndReported = true
    events.append(.payloadEnded(receiver.delivered))
  }

  /// Offers kept payload to the output again.
  func drain(into sink: any PayloadSink, at now: Instant) {
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
    endingLane = currentLane
  }

  /// Gives up and tells the peer for a moment.
  func abort(_ abandonment: Abandonment, at now: Instant) {
    if case .aborting = ending { return }
    ending = .aborting(abandonment, since: now)
    endingDueAt = now
    endingLane = currentLane
  }

  /// Whether everything is written and only the peer's answer is waited for.
  var isCompleting: Bool {
    if case .completing = ending { true } else { false }
  }
}
