import Basics
import Wire

/// The receiver's half of one lane: which packet numbers arrived there, and when its sender is to hear of them.
///
/// RFC 9000 section 13.2 in short: at once when something is missing or late, else after some frames or 5 ms.
struct ArrivalLog {
  /// Payload bytes and frames after which an acknowledgement is due at the latest.
  private let everyBytes: Int
  private let everyFrames: Int
  /// Until this packet number a quarter of the frames suffices: the sender is still finding out its round trip.
  private static let learningFrames: UInt64 = 256

  private var filter = ReplayFilter()
  private var unacknowledgedBytes = 0
  private var unacknowledgedFrames = 0
  private var largestArrivedAt: Instant = .zero
  /// The packet number that makes the sender sure of a loss (RFC 9002 section 6.1.1).
  private var tellingNumber: UInt64?
  /// When an acknowledgement is due.
  private(set) var acknowledgeAt: Instant?
  /// Payload bytes that arrived, without frames that arrived twice.
  private(set) var payloadBytes: UInt64 = 0

  /// On the relay a frame may be large, and few are in flight. On a direct path 40 frames keep acknowledgements
  /// below three of a hundred packets.
  init(_ lane: Lane) {
    everyBytes = lane == .relay ? 128 << 10 : 64 << 10
    everyFrames = lane == .relay ? 8 : 40
  }

  /// Whether a frame of this packet number was taken before.
  func hasSeen(_ packetNumber: UInt64) -> Bool { filter.hasSeen(packetNumber) }

  /// A frame arrived for the first time.
  mutating func insert(_ packetNumber: UInt64, payloadLength: Int, at now: Instant) {
    let expected = filter.largest.map { $0 + 1 } ?? 0
    filter.insert(packetNumber)
    largestArrivedAt = now
    payloadBytes += UInt64(payloadLength)
    unacknowledgedBytes += payloadLength
    unacknowledgedFrames += 1
    if packetNumber > expected { tellingNumber = packetNumber + PacketSpace.packetThreshold - 1 }
    let isTelling = tellingNumber.map { packetNumber >= $0 } ?? false
    if isTelling { tellingNumber = nil }
    let frames = packetNumber < Self.learningFrames ? everyFrames / 4 : everyFrames
    if packetNumber != expected || isTelling || unacknowledgedBytes >= everyBytes
      || unacknowledgedFrames >= max(frames, 8)
    {
      acknowledgeAt = now
    } else if acknowledgeAt == nil {
      acknowledgeAt = now + RoundTripEstimator.maximumAcknowledgementDelay
    }
  }

  /// Makes an acknowledgement due now, if there is anything to acknowledge.
  mutating func hasten(at now: Instant) {
    if filter.largest != nil { acknowledgeAt = now }
  }

  /// Whether an acknowledgement is due by now; the caller sends it.
  mutating func takeDue(at now: Instant) -> Bool {
    guard let due = acknowledgeAt, due <= now else { return false }
    acknowledgeAt = nil
    unacknowledgedBytes = 0
    unacknowledgedFrames = 0
    return true
  }

  /// How long the newest frame has waited for its acknowledgement.
  func delay(at now: Instant) -> UInt32 { UInt32(clamping: (now - largestArrivedAt).inMicroseconds) }

  /// Replaces `ranges` with the newest packet numbers that arrived, the highest range first.
  func store(into ranges: inout [PacketNumberRange]) { filter.storeNewest(into: &ranges) }
}
