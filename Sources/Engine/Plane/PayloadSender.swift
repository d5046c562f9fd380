import Basics
import Wire

/// The sending half of a payload: what to put into the next frame, what was lost, when to probe.
///
/// Offsets are common to both lanes, everything about frames in flight belongs to a lane's `PacketSpace`. New
/// payload and repairs go out on the current lane alone; the other one keeps what it has in flight until that is
/// acknowledged or lost. A lost range travels again under a new packet number.
final class PayloadSender {
  /// What the next frame is to carry.
  struct Plan {
    var kind: SessionFrameKind
    var offset: UInt64
    var length: Int

    var range: Range<UInt64> { offset..<offset + UInt64(length) }
  }

  /// What came of an acknowledgement.
  enum Verdict {
    /// It speaks of what was never sent.
    case impossible
    /// It tells nothing new about the path that its lane has now.
    case stale
    /// It newly covers frames that went out on the path that its lane has now.
    case news
  }

  /// The most bytes that are read ahead and unacknowledged.
  static let bufferCapacity = PayloadReceiver.windowSize + readAhead
  /// The most that is read from the source ahead of what was sent.
  static let readAhead = 1 << 20

  private var buffer = SendBuffer(capacity: PayloadSender.bufferCapacity)
  private let relay: PacketSpace
  private let direct: PacketSpace
  private var nextOffset: UInt64 = 0
  private var acknowledged = IntervalSet()
  private var missing = IntervalSet()
  private var peerLimit: UInt64

  /// The whole length once the source has ended.
  private(set) var finalLength: UInt64?
  private var endNeedsSending = false
  /// Whether the end was lost and waits to be sent again.
  private var isEndMissing = false
  /// Whether the peer has acknowledged every byte and the end.
  private(set) var isAcknowledged = false

  /// Frames sent again because they or their probe were lost.
  private(set) var retransmittedFrames: UInt64 = 0
  /// Decides on repairs and probes.
  var repairer = Repairer()
  /// Whether transitions of its machines are kept for `takeRecord`.
  var isTraced = false {
    didSet { repairer.isTraced = isTraced }
  }
  var hasRecords: Bool { repairer.hasRecords }

  /// The oldest transition that was not taken.
  func takeRecord() -> TransitionRecord? { repairer.takeRecord() }

  /// Whether a range cannot be brought over (RPR-6).
  private(set) var isAbandoned = false
  /// What was found lost since the repairer was told.
  private var losses = (bytes: 0, end: UInt64(0), isEnd: false, isLowest: false)
  /// Bytes below this offset are acknowledged.
  var acknowledgedOffset: UInt64 { buffer.base }

  /// The lane that new payload and repairs take.
  private(set) var currentLane = Lane.relay

  /// - Parameter initialLimit: how far the peer lets us send before its first acknowledgement, in bytes.
  init(initialLimit: UInt64, at now: Instant) {
    peerLimit = initialLimit
    relay = PacketSpace(window: SendWindow(), at: now)
    direct = PacketSpace(
      window: SendWindow(),
      control: RateControl(framePayload: SendWindow.initialPayload, roundTrip: nil, at: now), at: now)
  }

  private func space(_ lane: Lane) -> PacketSpace { lane == .relay ? relay : direct }

  /// What controls the rate of the direct lane.
  var directControl: RateControl? { direct.control }

  /// The round trip of the current lane.
  var roundTrip: RoundTripEstimator { space(currentLane).roundTrip }

  /// Payload in flight on the lane's present path, in bytes.
  func bytesInFlight(on lane: Lane) -> Int { space(lane).bytesInFlight }

  /// Whether nothing is in flight on the lane, not even on a path that it had before.
  func isIdle(_ lane: Lane) -> Bool { space(lane).isIdle }

  /// The number of the next frame that is sent on the lane.
  func nextPacketNumber(on lane: Lane) -> UInt64 { space(lane).nextPacketNumber }

  /// Payload bytes that were sent on the lane, repairs included.
  func payloadBytes(on lane: Lane) -> UInt64 { space(lane).payloadBytes }

  // MARK: Source

  /// How many bytes are wanted from the source now.
  var wanted: Int {
    guard finalLength == nil else { return 0 }
    return max(0, min(buffer.freeSpace, Self.readAhead - Int(buffer.end - nextOffset)))
  }

  /// Whether bytes are held that no frame has carried yet.
  var hasUnsent: Bool { nextOffset < buffer.end }

  /// Lets `fill` read from the source into the buffer; returns what it returned.
  func fill(_ body: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    let limit = wanted
    return limit > 0 ? buffer.append(limit: limit, body) : 0
  }

  /// The source has no more.
  func sourceEnded() {
    guard finalLength == nil else { return }
    finalLength = buffer.end
    endNeedsSending = true
  }

  // MARK: Lanes

  /// A direct path carries payload from now on; what the relay still has is awaited there.
  ///
  /// - Parameters:
  ///   - framePayload: the most payload bytes of a frame on it.
  ///   - roundTrip: what a challenge saw on it, if any.
  func promote(framePayload: Int, roundTrip: Interval?, at now: Instant) {
    renewDirect(framePayload: framePayload, roundTrip: roundTrip, at: now)
    choose(.direct)
  }

  /// Another direct path takes the place of the one before, whose frames are awaited for a moment.
  func renewDirect(framePayload: Int, roundTrip: Interval?, at now: Instant) {
    let control = RateControl(framePayload: framePayload, roundTrip: roundTrip, at: now)
    direct.renew(control: control, roundTrip: roundTrip, at: now)
  }

  /// Payload goes over the relay from now on, with everything that was in flight on the direct path.
  func demote() {
    choose(.relay)
    abandon(.direct)
  }

  /// The direct path carries frames of another size from now on.
  func resizeDirectFrames(_ payload: Int) { direct.resizeFrames(payload) }

  private func choose(_ lane: Lane) {
    currentLane = lane
    relay.forgetProbes()
    direct.forgetProbes()
  }

  /// Everything in flight on the lane counts as lost: it travels again on the current lane.
  func abandon(_ lane: Lane) {
    space(lane).abandon(lose)
    // Nothing was lost by evidence: it counts as no try (RPR-6).
    losses.isLowest = false
    reportLosses()
  }

  // MARK: Sending

  /// What the next frame on the lane carries, if one may be sent now.
  ///
  /// - Parameter largestPayload: the most payload bytes of a frame that the caller can send.
  func plan(on lane: Lane, largestPayload: Int, at now: Instant) -> Plan? {
    guard lane == currentLane else { return nil }
    let space = space(lane)
    let maximum = lane == .relay ? min(space.window.framePayload, largestPayload) : largestPayload
    if space.isProbeDue {
      if let probe = planProbe(space, maximum) { return probe }
      space.forgetProbe()
    }
    guard hasSomething, space.maySend(at: now) else { return nil }
    if let lost = missing.first {
      return Plan(kind: .data, offset: lost.lowerBound, length: min(maximum, lost.count))
    }
    if nextOffset < buffer.end, nextOffset < peerLimit {
      let limit = min(peerLimit, buffer.end)
      return Plan(kind: .data, offset: nextOffset, length: min(maximum, Int(limit - nextOffset)))
    }
    guard endNeedsSending, let finalLength, nextOffset == finalLength else { return nil }
    return Plan(kind: .end, offset: finalLength, length: 0)
  }

  /// Whether there is anything to send, were there room.
  private var hasSomething: Bool {
    !missing.isEmpty || nextOffset < min(buffer.end, peerLimit)
      || endNeedsSending && nextOffset == finalLength
  }

  /// A probe carries the oldest bytes of the lane that are not acknowledged, whatever the window says.
  private func planProbe(_ space: PacketSpace, _ maximum: Int) -> Plan? {
    guard let frame = space.oldest(where: { !isNeedless($0) }) else { return nil }
    if frame.isEnd { return Plan(kind: .end, offset: frame.offset, length: 0) }
    let start = max(frame.offset, buffer.base)
    return Plan(kind: .data, offset: start, length: min(maximum, Int(frame.range.upperBound - start)))
  }

  /// The plaintext of a planned frame: in one piece, or in two where blocks of the buffer meet.
  func payload(of plan: Plan) -> (UnsafeRawBufferPointer, UnsafeRawBufferPointer) {
    buffer.bytes(at: plan.offset, length: plan.length)
  }

  /// The planned frame was sealed under the lane's `nextPacketNumber` and handed to its path.
  func didSend(_ plan: Plan, on lane: Lane, at now: Instant) {
    let space = space(lane)
    if space.isProbeDue || plan.kind == .data && plan.offset < nextOffset {
      retransmittedFrames += 1
      repairer.noteSent(plan.length)
    }
    missing.remove(plan.range)
    nextOffset = max(nextOffset, plan.range.upperBound)
    if plan.kind == .end {
      endNeedsSending = false
      isEndMissing = false
    }
    space.didSend(plan.range, isEnd: plan.kind == .end, isSourceLimited: !hasSomething, at: now)
    if repairer.isRepairing, !isRepairWaiting { repairer.repairsSent() }
  }

  /// Whether something that was lost waits to be sent again.
  private var isRepairWaiting: Bool { !missing.isEmpty || isEndMissing }

  // MARK: Acknowledgements

  /// Takes an acknowledgement of either lane, whichever way it came.
  func handle(_ acknowledgement: Acknowledgement, at now: Instant) -> Verdict {
    let space = space(acknowledgement.lane)
    guard acknowledgement.contiguousOffset <= nextOffset else { return .impossible }
    if let highest = acknowledgement.ranges.first, highest.upper >= space.nextPacketNumber {
      return .impossible
    }
    peerLimit = max(peerLimit, acknowledgement.windowLimit)
    let isNews = space.acknowledge(
      acknowledgement.ranges, delay: .microseconds(Int64(acknowledgement.delayMicroseconds)), at: now, land)
    // Every byte below has arrived, also what the ranges no longer reach. The frames that carried it leave the
    // flight by their own lane's acknowledgements or clocks.
    if acknowledgement.contiguousOffset > buffer.base {
      acknowledged.insert(0..<acknowledgement.contiguousOffset)
      missing.remove(0..<acknowledgement.contiguousOffset)
    }
    if let held = acknowledged.first, held.lowerBound == 0 { buffer.release(below: held.upperBound) }
    settleRepair()
    if isNews {
      space.detectLoss(at: now, lose)
      reportLosses()
    }
    return isNews ? .news : .stale
  }

  /// Tells the repairer what arrived.
  private func settleRepair() {
    if isAcknowledged, buffer.base == finalLength {
      if !repairer.isFinished { repairer.endAcknowledged() }
    } else if repairer.isRepairing {
      repairer.arrived(
        upTo: buffer.base, isWaiting: isRepairWaiting, isEndAcknowledged: isAcknowledged)
    }
  }

  /// Tells the repairer what was lost.
  private func reportLosses() {
    guard losses.bytes > 0 || losses.isEnd else { return }
    let order = repairer.gapFound(
      losses.bytes, lowest: losses.isLowest ? missing.first?.lowerBound : nil, end: losses.end,
      isEnd: losses.isEnd)
    losses = (0, 0, false, false)
    if order == .abandon { isAbandoned = true }
  }

  private func land(_ frame: PacketSpace.SentFrame) {
    repairer.noteDelivered(Int(frame.length))
    if frame.isEnd {
      isAcknowledged = true
      endNeedsSending = false
      isEndMissing = false
    } else {
      acknowledged.insert(frame.range)
      missing.remove(frame.range)
    }
  }

  /// Whether everything that the frame carried has arrived.
  private func isNeedless(_ frame: PacketSpace.SentFrame) -> Bool {
    frame.isEnd ? isAcknowledged : acknowledged.firstOverlap(with: frame.range) == frame.range
  }

  /// What the frame carried is to travel again, as far as it has not arrived otherwise; returns whether that is
  /// anything.
  private func lose(_ frame: PacketSpace.SentFrame) -> Bool {
    guard !frame.isEnd else {
      guard !isAcknowledged else { return false }
      endNeedsSending = true
      isEndMissing = true
      losses.isEnd = true
      return true
    }
    guard missing.insert(frame.range, without: acknowledged) else { return false }
    losses.bytes += Int(frame.length)
    losses.end = max(losses.end, frame.range.upperBound)
    if let lowest = missing.first?.lowerBound, frame.range.contains(lowest) { losses.isLowest = true }
    return true
  }

  // MARK: Time

  /// When `handleTimeout` is due for the lane, if anything is in flight there.
  func deadline(on lane: Lane) -> Instant? { space(lane).deadline }

  /// When a frame may leave that waits for nothing but its turn in pacing.
  func nextSendAt(on lane: Lane) -> Instant? { lane == currentLane ? space(lane).nextSendAt : nil }

  /// Declares losses on the lane, or makes a probe due.
  func handleTimeout(on lane: Lane, at now: Instant) {
    let space = space(lane)
    let isSilent = space.handleTimeout(
      maySendProbes: lane == currentLane, at: now, isNeedless: isNeedless, lose)
    reportLosses()
    guard isSilent else { return }
    let waiting = missing.ranges.reduce(0) { $0 + $1.count }
    if repairer.tailSilent(waiting: waiting) == .sendProbe { space.requestProbe() }
  }
}
