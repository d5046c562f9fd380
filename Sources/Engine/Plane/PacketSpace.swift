import Basics
import DequeModule
import Wire

/// The sender's half of one lane: what is in flight there, how long a round trip takes and how much fits in.
///
/// Loss detection follows RFC 9002 section 6: by packet number (3), by time (9/8 of the round trip), and by a
/// probe after the probe timeout, which is how a lost tail is found.
///
/// A lane may change its path under way; that starts a new generation. Packet numbers go on, round trip, window
/// and rate start afresh. What is in flight from before is awaited for the old path's probe timeout; it says
/// nothing about the new path.
final class PacketSpace {
  /// What one frame in flight carried.
  struct SentFrame {
    var offset: UInt64
    var sentAt: Instant
    /// Bytes delivered and the time of the last delivery when this frame was sent, and when the frame was sent whose
    /// delivery that was: for the rate sample (draft-cheng-iccrg-delivery-rate-estimation).
    var deliveredBefore: UInt64
    var deliveredBeforeAt: Instant
    var deliveredSentAt: Instant
    var length: UInt32
    var isEnd: Bool
    var isSourceLimited: Bool

    /// The bytes that it carried.
    var range: Range<UInt64> { offset..<offset + UInt64(length) }
  }

  /// A frame is lost when one this many numbers later is acknowledged (RFC 9002 section 6.1.1).
  static let packetThreshold: UInt64 = 3
  /// Probe timeouts back off by doubling up to this.
  static let maximumProbeInterval = Interval.seconds(1)

  /// Every frame from the oldest in flight on, whether still in flight or not.
  private var sent = Deque<SentFrame>()
  /// The packet number of `sent.first`.
  private var firstSent: UInt64 = 0
  /// The packet numbers in flight.
  private var flying = IntervalSet()
  private(set) var nextPacketNumber: UInt64 = 0
  /// The first packet number of the present generation.
  private var generationStart: UInt64 = 0
  /// How long frames of earlier generations are waited for.
  private var patienceWithPast = Interval.zero

  /// Payload of the present generation in flight, in bytes.
  private(set) var bytesInFlight = 0
  private var framesInFlight = 0
  /// Payload bytes that were sent, repairs included.
  private(set) var payloadBytes: UInt64 = 0
  private(set) var roundTrip = RoundTripEstimator()
  /// The law of the relay's lane.
  private(set) var window: SendWindow
  /// The law of the direct lane; nil on the relay's.
  private(set) var control: RateControl?
  /// Whether a frame waits for nothing but its turn in pacing.
  private(set) var isPaced = false
  /// Of the present generation.
  private var largestAcknowledged: UInt64?
  private var lossDeadline: Instant?
  /// When something was last sent or newly acknowledged.
  private var probeTimerStart: Instant?
  private var probeBackoff = 0
  /// Whether a frame goes out next whatever the window says.
  private(set) var isProbeDue = false
  private var delivered: UInt64 = 0
  private var deliveredAt: Instant
  /// When the newest frame of those was sent.
  private var deliveredSentAt: Instant
  /// A stretch of time for rate samples on paths whose round trips are too short for one.
  private var stretch: (began: Instant, delivered: UInt64)
  private var roundEndsAt: UInt64 = 0

  /// - Parameter control: the direct lane's; without it this is the relay's lane.
  init(window: SendWindow, control: RateControl? = nil, at now: Instant) {
    self.window = window
    self.control = control
    deliveredAt = now
    deliveredSentAt = now
    stretch = (now, 0)
  }

  /// Whether a frame may leave now.
  func maySend(at now: Instant) -> Bool {
    isPaced = false
    guard control != nil else {
      return bytesInFlight < window.size(minimumRoundTrip: roundTrip.minimum)
        && (roundTrip.isMeasured || framesInFlight < SendWindow.minimumFrames)
    }
    guard bytesInFlight < control!.window else { return false }
    isPaced = !control!.maySend(at: now)
    return !isPaced
  }

  /// When a frame may leave that waits for its turn in pacing.
  var nextSendAt: Instant? { isPaced ? control?.nextSendAt : nil }

  var isIdle: Bool { flying.isEmpty }

  // MARK: Sending

  /// The oldest frame in flight for which `isNeeded` holds.
  func oldest(where isNeeded: (SentFrame) -> Bool) -> SentFrame? {
    for run in flying.ranges {
      for number in run {
        let frame = sent[Int(number - firstSent)]
        if isNeeded(frame) { return frame }
      }
    }
    return nil
  }

  /// A frame went out under `nextPacketNumber`.
  func didSend(_ range: Range<UInt64>, isEnd: Bool, isSourceLimited: Bool, at now: Instant) {
    isProbeDue = false
    // The path was idle: the time since the last delivery says nothing about its rate.
    if bytesInFlight == 0 {
      deliveredAt = now
      deliveredSentAt = now
      stretch = (now, delivered)
    }
    control?.didSend(range.count)
    sent.append(
      SentFrame(
        offset: range.lowerBound, sentAt: now, deliveredBefore: delivered, deliveredBeforeAt: deliveredAt,
        deliveredSentAt: deliveredSentAt, length: UInt32(range.count), isEnd: isEnd,
        isSourceLimited: isSourceLimited))
    flying.insert(nextPacketNumber..<nextPacketNumber + 1)
    nextPacketNumber += 1
    bytesInFlight += range.count
    payloadBytes += UInt64(range.count)
    framesInFlight += 1
    probeTimerStart = now
  }

  // MARK: Acknowledgements

  /// Takes ranges of packet numbers, the highest first, none of them at or above `nextPacketNumber`; each frame
  /// that they newly cover goes to `take`. Returns whether any of the present generation was among them.
  func acknowledge(
    _ ranges: [PacketNumberRange], delay: Interval, at now: Instant, _ take: (SentFrame) -> Void
  ) -> Bool {
    var newest: (number: UInt64, frame: SentFrame)?
    let deliveredBefore = delivered
    for range in ranges {
      while let run = flying.firstOverlap(with: range.lower..<range.upper + 1) {
        for number in run {
          let frame = land(number)
          if number >= generationStart { delivered += UInt64(frame.length) }
          take(frame)
        }
        flying.remove(run)
        let last = run.upperBound - 1
        if last >= newest?.number ?? 0 { newest = (last, sent[Int(last - firstSent)]) }
      }
    }
    dropLanded()
    guard let (number, frame) = newest, number >= generationStart else { return false }
    probeTimerStart = now
    probeBackoff = 0
    isProbeDue = false
    if number >= largestAcknowledged ?? 0 {
      largestAcknowledged = number
      roundTrip.sample(now - frame.sentAt, delay: delay)
    }
    let gained = Int(delivered - deliveredBefore)
    deliveredAt = now
    deliveredSentAt = frame.sentAt
    if gained > 0 { sampleRate(frame, gained: gained, delay: delay, at: now) }
    return true
  }

  /// Takes a frame out of the counts of the present generation; the caller takes it out of `flying`.
  private func land(_ number: UInt64) -> SentFrame {
    let frame = sent[Int(number - firstSent)]
    if number >= generationStart {
      bytesInFlight -= Int(frame.length)
      framesInFlight -= 1
    }
    return frame
  }

  private func dropLanded() {
    let oldest = flying.first?.lowerBound ?? nextPacketNumber
    guard oldest > firstSent else { return }
    sent.removeFirst(Int(oldest - firstSent))
    firstSent = oldest
  }

  private func sampleRate(_ newest: SentFrame, gained: Int, delay: Interval, at now: Instant) {
    let endsRound = newest.deliveredBefore >= roundEndsAt
    if endsRound { roundEndsAt = delivered }
    guard control == nil else {
      control!.acknowledged(
        RateControl.Sample(
          delivered: gained, bytesPerSecond: directRate(newest, at: now),
          roundTrip: max(
            now - newest.sentAt - min(delay, RateControl.acknowledgementDelay), .microseconds(1)),
          bytesInFlight: bytesInFlight, isLimited: newest.isSourceLimited), at: now)
      return
    }
    let elapsed = max((now - newest.deliveredBeforeAt).inSeconds, 1e-6)
    let rate = Double(delivered - newest.deliveredBefore) / elapsed
    window.delivered(acknowledged: gained, bytesPerSecond: rate, sourceLimited: newest.isSourceLimited)
    if endsRound { window.roundEnded() }
  }

  /// The delivery rate in bytes a second. Acknowledgements come in bursts, and so do packets: neither the time that
  /// the frames took to leave nor the time in which they were acknowledged may be left out, and what took less than
  /// an acknowledgement may be held back says nothing by itself.
  private func directRate(_ newest: SentFrame, at now: Instant) -> Double? {
    let elapsed = max(now - newest.deliveredBeforeAt, newest.sentAt - newest.deliveredSentAt)
    if elapsed >= RateControl.acknowledgementDelay {
      return Double(delivered - newest.deliveredBefore) / elapsed.inSeconds
    }
    let time = now - stretch.began
    guard time >= RateControl.acknowledgementDelay else { return nil }
    defer { stretch = (now, delivered) }
    return Double(delivered - stretch.delivered) / time.inSeconds
  }

  // MARK: Loss

  /// Finds what is lost by now. `lose` gets each such frame and returns whether any of its bytes has to travel
  /// again; a copy of what arrived otherwise is no sign of a full queue.
  func detectLoss(at now: Instant, _ lose: (SentFrame) -> Bool) {
    lossDeadline = nil
    let inFlightBefore = bytesInFlight
    var lostBytes = 0
    var anyLost = false
    // Both loops stop at the first frame that is not lost: a later one was sent later, and has a higher number.
    while let number = flying.firstOverlap(with: 0..<generationStart)?.lowerBound {
      let lostAt = sent[Int(number - firstSent)].sentAt + patienceWithPast
      guard lostAt <= now else {
        lossDeadline = lostAt
        break
      }
      flying.remove(number..<number + 1)
      _ = lose(land(number))
    }
    let limit = max(largestAcknowledged ?? 0, generationStart)
    while let number = flying.firstOverlap(with: generationStart..<limit)?.lowerBound {
      let lostAt = sent[Int(number - firstSent)].sentAt + roundTrip.lossDelay
      guard number + Self.packetThreshold <= limit || lostAt <= now else {
        lossDeadline = min(lossDeadline ?? lostAt, lostAt)
        break
      }
      flying.remove(number..<number + 1)
      let frame = land(number)
      if lose(frame) {
        anyLost = true
        lostBytes += Int(frame.length)
      }
    }
    dropLanded()
    guard anyLost else { return }
    if control == nil {
      window.lost(inFlight: inFlightBefore)
    } else {
      control!.lost(lostBytes, inFlight: inFlightBefore)
    }
  }

  /// Everything in flight counts as lost; nobody is to blame for that but the path.
  func abandon(_ lose: (SentFrame) -> Bool) {
    for run in flying.ranges {
      for number in run { _ = lose(land(number)) }
    }
    flying.removeAll()
    dropLanded()
    lossDeadline = nil
    forgetProbes()
  }

  /// Nothing is in flight that a probe could ask for.
  func forgetProbe() { isProbeDue = false }

  /// The lane carries new payload no longer, or again.
  func forgetProbes() {
    probeBackoff = 0
    isProbeDue = false
  }

  /// Another path carries the lane from now on.
  ///
  /// - Parameters:
  ///   - control: the law of the new path.
  ///   - roundTrip: what a challenge saw on it, if any.
  func renew(control: RateControl, roundTrip measured: Interval?, at now: Instant) {
    patienceWithPast = max(roundTrip.probeTimeout, flying.isEmpty ? .zero : patienceWithPast)
    lossDeadline = flying.first.map { sent[Int($0.lowerBound - firstSent)].sentAt + patienceWithPast }
    generationStart = nextPacketNumber
    bytesInFlight = 0
    framesInFlight = 0
    largestAcknowledged = nil
    roundTrip = RoundTripEstimator()
    if let measured { roundTrip.sample(measured, delay: .zero) }
    self.control = control
    isPaced = false
    deliveredAt = now
    deliveredSentAt = now
    stretch = (now, delivered)
    roundEndsAt = delivered
    probeTimerStart = now
    forgetProbes()
  }

  /// The path's datagrams have another size from now on.
  func resizeFrames(_ payload: Int) { control?.resizeFrames(payload) }

  // MARK: Time

  /// When `handleTimeout` is due, if anything is in flight.
  var deadline: Instant? {
    if let lossDeadline { return lossDeadline }
    guard !flying.isEmpty, let probeTimerStart, !isProbeDue else { return nil }
    var interval = roundTrip.probeTimeout
    for _ in 0..<probeBackoff where interval < Self.maximumProbeInterval { interval = interval * 2 }
    return probeTimerStart + max(min(interval, Self.maximumProbeInterval), roundTrip.smoothed)
  }

  /// Declares losses; returns whether the probe timeout has passed. Gives up everything in flight on a lane that
  /// may not send probes.
  ///
  /// - Parameter isNeedless: whether a frame is a copy of what arrived otherwise. It may be lost and never
  ///   acknowledged: nobody has to wait for it.
  func handleTimeout(
    maySendProbes: Bool, at now: Instant, isNeedless: (SentFrame) -> Bool, _ lose: (SentFrame) -> Bool
  ) -> Bool {
    guard let due = deadline, due <= now else { return false }
    if lossDeadline != nil {
      detectLoss(at: now, lose)
      return false
    }
    guard maySendProbes else {
      abandon(lose)
      return false
    }
    for run in flying.ranges {
      for number in run where isNeedless(sent[Int(number - firstSent)]) {
        _ = land(number)
        flying.remove(number..<number + 1)
      }
    }
    dropLanded()
    guard !flying.isEmpty else { return false }
    probeBackoff = min(probeBackoff + 1, 10)
    probeTimerStart = now
    return true
  }

  /// A frame goes out next whatever the window says.
  func requestProbe() { isProbeDue = true }
}
