import Basics
import Wire

/// How much may be in flight and how large frames are, from what the path is seen to deliver.
///
/// The law of the relay's lane (that of a direct path is `RateControl`): until the first round trip is measured at most 24 small frames are in flight (a DERP relay queues 32
/// packets a client and drops what exceeds them). Then the window doubles every round trip while the delivery
/// rate keeps growing by a quarter (slow start); afterwards it is twice the product of the highest recent
/// delivery rate and the smallest round trip (the bandwidth-delay model of BBR, draft-cardwell-iccrg-bbr), never
/// below 24 frames. A round with loss multiplies a ceiling by 0.7; rounds without loss raise the ceiling again.
/// A frame carries what the path delivers in 10 ms, so that 24 of them fill a slow link for a quarter second.
struct SendWindow {
  /// Frames in flight before the relay is measured, and the least afterwards.
  static let minimumFrames = 24
  /// Payload of a frame before the path is measured, in bytes.
  static let initialPayload = 8_192
  /// The smallest payload that a slow link shrinks frames to, in bytes.
  static let minimumPayload = 2_048
  /// How much of the path's time one frame may take.
  static let frameTime = Interval.milliseconds(10)
  /// Rounds without a quarter of growth in rate that end slow start.
  static let plateauRounds = 3

  private enum Phase { case slowStart, steady }
  private var phase = Phase.slowStart
  /// The slow-start window in bytes.
  private var startWindow: Int
  /// The highest delivery rate of each of the last rounds, bytes a second.
  private var roundRates: [Double] = []
  private var rateOfRound: Double = 0
  private var plateauRate: Double = 0
  private var roundsWithoutGrowth = 0
  /// Set by loss; bytes.
  private var ceiling: Int?
  private var lossInRound = false

  /// The most payload bytes of a frame at the rate seen so far.
  private(set) var framePayload: Int

  init() {
    framePayload = Self.initialPayload
    startWindow = Self.minimumFrames * Self.initialPayload
  }

  /// The highest delivery rate of the last ten rounds, bytes a second.
  var rate: Double { max(rateOfRound, roundRates.max() ?? 0) }

  /// The bytes that may be in flight when the smallest round trip is `minimumRoundTrip`.
  func size(minimumRoundTrip: Interval?) -> Int {
    let least = Self.minimumFrames * framePayload
    guard let minimumRoundTrip else { return Self.minimumFrames * framePayload }
    let target: Int
    switch phase {
    case .slowStart: target = startWindow
    case .steady: target = Int(min(2 * rate * minimumRoundTrip.inSeconds, 1e9))
    }
    let bounded = min(target, ceiling ?? .max)
    return max(bounded, least)
  }

  /// Takes a delivery-rate sample of `bytesPerSecond` made by an acknowledgement of `acknowledged` new bytes.
  /// A sample that the source limited counts only when it is the highest.
  mutating func delivered(acknowledged: Int, bytesPerSecond: Double, sourceLimited: Bool) {
    if !sourceLimited || bytesPerSecond > rate { rateOfRound = max(rateOfRound, bytesPerSecond) }
    if phase == .slowStart, !sourceLimited { startWindow += acknowledged }
    if rate > 0 {
      let fitting = Int(min(rate * Self.frameTime.inSeconds, 1e6))
      framePayload = min(max(fitting, Self.minimumPayload), SessionFrameHeader.maximumPayloadLength)
    }
  }

  /// One round trip has passed.
  mutating func roundEnded() {
    roundRates.append(rateOfRound)
    if roundRates.count > 10 { roundRates.removeFirst() }
    rateOfRound = 0
    if phase == .slowStart {
      if rate >= plateauRate * 1.25 {
        plateauRate = rate
        roundsWithoutGrowth = 0
      } else {
        roundsWithoutGrowth += 1
        if roundsWithoutGrowth >= Self.plateauRounds { phase = .steady }
      }
    }
    if let limit = ceiling, !lossInRound {
      // Room to find out whether the loss was a passing one: two frames and a sixteenth a round, until the ceiling
      // is higher than anything that can be in flight.
      let raised = limit + 2 * framePayload + limit / 16
      ceiling = raised < PayloadSender.bufferCapacity ? raised : nil
    }
    lossInRound = false
  }

  /// Frames were lost while `inFlight` bytes were under way.
  mutating func lost(inFlight: Int) {
    guard !lossInRound else { return }
    lossInRound = true
    phase = .steady
    ceiling = max(min(inFlight, ceiling ?? .max) * 7 / 10, leastCeiling)
  }

  private var leastCeiling: Int {
    Self.minimumFrames * Self.minimumPayload
  }
}
