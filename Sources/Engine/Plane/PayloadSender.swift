import Basics
import DequeModule
import Wire

/// The sending half of a payload: what to put into the next frame, what was lost, when to probe.
///
/// Loss detection follows RFC 9002 section 6: by packet number (3), by time (9/8 of the round trip), and by a
/// probe after the probe timeout, which is how a lost tail is found. A lost range travels again under a new
/// packet number. Numbers are those of one lane.
final class PayloadSender {
  /// What one frame in flight carried.
  private struct SentFrame {
    var offset: UInt64
    var length: Int
    var isEnd: Bool
    var isInFlight: Bool
    var sentAt: Instant
    /// Bytes delivered and the time of the last delivery when this frame was sent, for the rate sample
    /// (draft-cheng-iccrg-delivery-rate-estimation).
    var deliveredBefore: UInt64
    var deliveredBeforeAt: Instant
    var isSourceLimited: Bool
  }

  /// What the next frame is to carry.
  struct Plan {
    var kind: SessionFrameKind
    var offset: UInt64
    var length: Int
  }

  /// Bytes of the ring; also the most that is ever unacknowledged.
  static let bufferCapacity = 8 << 20
  /// The most that is read from the source ahead of what was sent.
  static let readAhead = 1 << 20
  /// A frame is lost when one this many numbers later is acknowledged (RFC 9002 section 6.1.1).
  static let packetThreshold: UInt64 = 3
  /// Probe timeouts back off by doubling up to this.
  static let maximumProbeInterval = Interval.seconds(1)

  private let largestPayload: Int
  private var buffer = SendBuffer(capacity: PayloadSender.bufferCapacity)
  private var sent = Deque<SentFrame>()
  /// The packet number of `sent.first`.
  private var firstSent: UInt64 = 0
  private(set) var nextPacketNumber: UInt64 = 0
  private var nextOffset: UInt64 = 0
  private var acknowledged = IntervalSet()
  private var missing = IntervalSet()
  private(set) var bytesInFlight = 0
  private var framesInFlight = 0

  /// The whole length once the source has ended.
  private(set) var finalLength: UInt64?
  private var endNeedsSending = false
  /// Whether the peer has acknowledged every byte and the end.
  private(set) var isAcknowledged = false

  private(set) var roundTrip = RoundTripEstimator()
  private var window = SendWindow()
  private var peerLimit: UInt64 = 0
  private var largestAcknowledged: UInt64?
  private var lossDeadline: Instant?
  private var lastAckElicitingAt: Instant?
  private var probeBackoff = 0
  private var probesDue = 0
  private var delivered: UInt64 = 0
  private var deliveredAt: Instant
  private var roundEndsAt: UInt64 = 0

  /// Frames sent again because they or their probe were lost.
  private(set) var retransmittedFrames: UInt64 = 0
  /// Bytes below this offset are acknowledged.
  var acknowledgedOffset: UInt64 { buffer.base }

  /// - Parameters:
  ///   - initialLimit: how far the peer lets us send before its first acknowledgement, in bytes.
  ///   - largestPayload: the most payload bytes of a frame.
  init(
    initialLimit: UInt64, largestPayload: Int = SessionFrameHeader.maximumPayloadLength, at now: Instant
  ) {
    self.largestPayload = largestPayload
    peerLimit = initialLimit
    deliveredAt = now
  }

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

  // MARK: Sending

  /// What the next frame carries, if one may be sent now.
  func plan() -> Plan? {
    let maximum = min(window.framePayload, largestPayload)
    if probesDue > 0 {
      if let probe = planProbe(maximum) { return probe }
      probesDue = 0
    }
    guard hasWindow else { return nil }
    if let lost = missing.first {
      let piece = buffer.bytes(at: lost.lowerBound, limit: min(maximum, lost.count))
      return Plan(kind: .data, offset: lost.lowerBound, length: piece.count)
    }
    if nextOffset < buffer.end, nextOffset < peerLimit {
      let room = min(maximum, Int(peerLimit - nextOffset))
      let piece = buffer.bytes(at: nextOffset, limit: room)
      return Plan(kind: .data, offset: nextOffset, length: piece.count)
    }
    return planEnd()
  }

  private var hasWindow: Bool {
    bytesInFlight < window.size(minimumRoundTrip: roundTrip.minimum)
      && (roundTrip.isMeasured || framesInFlight < SendWindow.minimumFrames)
  }

  private func planEnd() -> Plan? {
    guard endNeedsSending, let finalLength, nextOffset == finalLength else { return nil }
    return Plan(kind: .end, offset: finalLength, length: 0)
  }

  /// A probe carries the oldest bytes that are not acknowledged, whatever the window says.
  private func planProbe(_ maximum: Int) -> Plan? {
    for frame in sent where frame.isInFlight {
      if frame.isEnd { return Plan(kind: .end, offset: frame.offset, length: 0) }
      let end = frame.offset + UInt64(frame.length)
      guard end > buffer.base else { continue }
      let start = max(frame.offset, buffer.base)
      let piece = buffer.bytes(at: start, limit: min(maximum, Int(end - start)))
      return Plan(kind: .data, offset: start, length: piece.count)
    }
    return nil
  }

  /// The plaintext of a planned frame.
  func payload(of plan: Plan) -> UnsafeRawBufferPointer {
    plan.length == 0
      ? UnsafeRawBufferPointer(start: nil, count: 0)
      : buffer.bytes(at: plan.offset, limit: plan.length)
  }

  /// The planned frame was sealed under `nextPacketNumber` and handed to the path.
  func didSend(_ plan: Plan, at now: Instant) {
    let end = plan.offset + UInt64(plan.length)
    if probesDue > 0 {
      probesDue -= 1
      retransmittedFrames += 1
    } else if plan.kind == .data, plan.offset < nextOffset {
      retransmittedFrames += 1
    }
    if bytesInFlight == 0 {
      // The path was idle: the time since the last delivery says nothing about its rate.
      deliveredAt = now
    }
    sent.append(
      SentFrame(
        offset: plan.offset, length: plan.length, isEnd: plan.kind == .end, isInFlight: true, sentAt: now,
        deliveredBefore: delivered, deliveredBeforeAt: deliveredAt,
        isSourceLimited: nextOffset >= buffer.end && missing.isEmpty))
    nextPacketNumber += 1
    missing.remove(plan.offset..<end)
    nextOffset = max(nextOffset, end)
    if plan.kind == .end { endNeedsSending = false }
    bytesInFlight += plan.length
    framesInFlight += 1
    lastAckElicitingAt = now
  }

  // MARK: Acknowledgements

  /// Takes an acknowledgement; false when it speaks of what was never sent.
  func handle(_ acknowledgement: Acknowledgement, at now: Instant) -> Bool {
    guard acknowledgement.contiguousOffset <= nextOffset else { return false }
    if let highest = acknowledgement.ranges.first, highest.upper >= nextPacketNumber { return false }
    peerLimit = max(peerLimit, acknowledgement.windowLimit)

    var newest: SentFrame?
    var newestNumber: UInt64 = 0
    let deliveredBefore = delivered
    for range in acknowledgement.ranges where range.upper >= firstSent && !sent.isEmpty {
      for number in max(range.lower, firstSent)...range.upper {
        let index = Int(number - firstSent)
        guard sent[index].isInFlight else { continue }
        let frame = take(index)
        delivered += UInt64(frame.length)
        acknowledge(frame)
        if newest == nil || number > newestNumber {
          newest = frame
          newestNumber = number
        }
      }
    }
    if let held = acknowledged.first, held.lowerBound == 0 { buffer.release(below: held.upperBound) }
    if acknowledgement.contiguousOffset > buffer.base { settle(below: acknowledgement.contiguousOffset) }
    guard let newest else { return true }

    probeBackoff = 0
    probesDue = 0
    let isLargest = newestNumber >= largestAcknowledged ?? 0
    largestAcknowledged = max(largestAcknowledged ?? 0, newestNumber)
    if isLargest {
      roundTrip.sample(
        now - newest.sentAt, delay: .microseconds(Int64(acknowledgement.delayMicroseconds)))
    }
    let gained = Int(delivered - deliveredBefore)
    deliveredAt = now
    if gained > 0 { sampleRate(newest, gained: gained, at: now) }
    detectLoss(at: now)
    dropSettledFrames()
    return true
  }

  /// Every byte below `offset` has arrived, also what the acknowledgement's ranges no longer reach.
  private func settle(below offset: UInt64) {
    acknowledged.insert(0..<offset)
    missing.remove(0..<offset)
    buffer.release(below: acknowledged.first?.upperBound ?? offset)
    for index in sent.indices where sent[index].isInFlight && !sent[index].isEnd {
      if sent[index].offset + UInt64(sent[index].length) <= buffer.base {
        delivered += UInt64(take(index).length)
      }
    }
    dropSettledFrames()
  }

  private func take(_ index: Int) -> SentFrame {
    sent[index].isInFlight = false
    bytesInFlight -= sent[index].length
    framesInFlight -= 1
    return sent[index]
  }

  private func acknowledge(_ frame: SentFrame) {
    if frame.isEnd {
      isAcknowledged = true
      endNeedsSending = false
    } else {
      let range = frame.offset..<frame.offset + UInt64(frame.length)
      acknowledged.insert(range)
      missing.remove(range)
    }
  }

  private func sampleRate(_ newest: SentFrame, gained: Int, at now: Instant) {
    let elapsed = max((now - newest.deliveredBeforeAt).inSeconds, 1e-6)
    let rate = Double(delivered - newest.deliveredBefore) / elapsed
    window.delivered(acknowledged: gained, bytesPerSecond: rate, sourceLimited: newest.isSourceLimited)
    if newest.deliveredBefore >= roundEndsAt {
      roundEndsAt = delivered
      window.roundEnded()
    }
  }

  // MARK: Loss

  private func detectLoss(at now: Instant) {
    lossDeadline = nil
    guard let largestAcknowledged else { return }
    let inFlightBefore = bytesInFlight
    var anyLost = false
    for index in sent.indices {
      let number = firstSent + UInt64(index)
      guard number < largestAcknowledged else { break }
      guard sent[index].isInFlight else { continue }
      let lostAt = sent[index].sentAt + roundTrip.lossDelay
      if number + Self.packetThreshold <= largestAcknowledged || lostAt <= now {
        markLost(take(index))
        anyLost = true
      } else if lossDeadline == nil || lostAt < lossDeadline! {
        lossDeadline = lostAt
      }
    }
    if anyLost { window.lost(inFlight: inFlightBefore) }
  }

  private func markLost(_ frame: SentFrame) {
    if frame.isEnd {
      endNeedsSending = !isAcknowledged
      return
    }
    missing.insert(frame.offset..<frame.offset + UInt64(frame.length))
    for range in acknowledged.ranges { missing.remove(range) }
  }

  private func dropSettledFrames() {
    while let oldest = sent.first, !oldest.isInFlight {
      sent.removeFirst()
      firstSent += 1
    }
  }

  /// Everything sent before now on a path that broke is to travel again.
  func pathWasReplaced() {
    for index in sent.indices where sent[index].isInFlight { markLost(take(index)) }
    dropSettledFrames()
    lossDeadline = nil
    probeBackoff = 0
    probesDue = 0
  }

  // MARK: Time

  /// When `handleTimeout` is due, if anything is in flight.
  var deadline: Instant? {
    if let lossDeadline { return lossDeadline }
    guard framesInFlight > 0, let lastAckElicitingAt, probesDue == 0 else { return nil }
    var interval = roundTrip.probeTimeout
    for _ in 0..<probeBackoff where interval < Self.maximumProbeInterval { interval = interval * 2 }
    return lastAckElicitingAt + max(min(interval, Self.maximumProbeInterval), roundTrip.smoothed)
  }

  /// Declares losses or makes a probe due.
  func handleTimeout(at now: Instant) {
    guard let due = deadline, due <= now else { return }
    if lossDeadline != nil {
      detectLoss(at: now)
      dropSettledFrames()
    } else {
      forgetNeedlessFrames()
      guard framesInFlight > 0 else { return }
      probeBackoff = min(probeBackoff + 1, 10)
      probesDue = 1
    }
  }

  /// A copy of what arrived otherwise may be lost and never acknowledged: nobody has to wait for it.
  private func forgetNeedlessFrames() {
    for index in sent.indices where sent[index].isInFlight {
      let frame = sent[index]
      let isNeedless =
        frame.isEnd ? isAcknowledged : frame.offset + UInt64(frame.length) <= buffer.base
      if isNeedless { _ = take(index) }
    }
    dropSettledFrames()
  }
}
