import Basics
import Wire

/// Takes payload in order, as the host's output accepts it.
public protocol PayloadSink: AnyObject {
  /// Writes as much of `bytes` as the output takes now and returns how many that were; the session keeps the
  /// rest and offers it again in `Session.drainPayload`.
  func accept(_ bytes: UnsafeRawBufferPointer) -> Int
}

/// The receiving half of a payload: puts frames in order, hands them to the output, says what arrived.
final class PayloadReceiver {
  /// How many bytes may be sent beyond what the output has taken.
  static let windowSize = 8 << 20

  private var buffer = ReceiveBuffer(capacity: PayloadReceiver.windowSize)
  private var relay = ArrivalLog(.relay)
  private var direct = ArrivalLog(.direct)
  /// The lane on which payload came last.
  private var latestLane = Lane.relay
  /// Bytes that the output has taken.
  private(set) var delivered: UInt64 = 0
  /// The payload's length, once its end frame has arrived.
  private(set) var finalLength: UInt64?
  private var advertisedLimit = UInt64(PayloadReceiver.windowSize)
  /// Frames that had arrived before.
  private(set) var duplicates: UInt64 = 0

  /// Whether the output has taken every byte of an ended payload.
  var isComplete: Bool { delivered == finalLength }

  /// Whether a frame of this packet number was taken before on the lane.
  func hasSeen(_ packetNumber: UInt64, on lane: Lane) -> Bool {
    lane == .relay ? relay.hasSeen(packetNumber) : direct.hasSeen(packetNumber)
  }

  private func change(_ lane: Lane, _ body: (inout ArrivalLog) -> Void) {
    if lane == .relay { body(&relay) } else { body(&direct) }
  }

  /// Takes an opened frame of the lane. False when it violates the window or the known end.
  func handle(
    _ header: SessionFrameHeader, on lane: Lane, payload: UnsafeRawBufferPointer, at now: Instant,
    sink: some PayloadSink
  ) -> Bool {
    let end = header.offset + UInt64(payload.count)
    if hasSeen(header.packetNumber, on: lane) {
      duplicates += 1
      change(lane) { $0.hasten(at: now) }
      return true
    }
    guard end <= advertisedLimit, end <= finalLength ?? .max else { return false }
    if header.kind == .end {
      guard payload.isEmpty, finalLength == nil || finalLength == header.offset else { return false }
      guard header.offset >= highestArrived else { return false }
      finalLength = header.offset
    }
    latestLane = lane
    change(lane) {
      $0.insert(header.packetNumber, payloadLength: payload.count, at: now)
      if header.kind == .end { $0.hasten(at: now) }
    }
    place(payload, at: header.offset, sink: sink)
    return true
  }

  private var highestArrived: UInt64 { max(delivered, buffer.held.ranges.last?.upperBound ?? 0) }

  /// Hands payload straight to the output when it is the next, else keeps it.
  private func place(_ payload: UnsafeRawBufferPointer, at offset: UInt64, sink: some PayloadSink) {
    var rest = payload
    var offset = offset
    if offset < delivered {
      let known = min(delivered - offset, UInt64(rest.count))
      rest = UnsafeRawBufferPointer(rebasing: rest[Int(known)...])
      offset += known
    }
    guard !rest.isEmpty else { return }
    if offset == delivered, !startsInBuffer {
      let taken = sink.accept(rest)
      precondition(taken >= 0 && taken <= rest.count)
      delivered += UInt64(taken)
      offset += UInt64(taken)
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
    }
    buffer.store(rest, at: offset)
    if rest.isEmpty { drain(into: sink) }
  }

  private var startsInBuffer: Bool { buffer.held.first?.contains(delivered) ?? false }

  /// Offers what is kept to the output until it takes no more.
  func drain(into sink: some PayloadSink) {
    while true {
      // Bytes kept below the mark arrived directly meanwhile.
      buffer.release(below: delivered)
      let piece = buffer.contiguous(from: delivered)
      guard !piece.isEmpty else { return }
      let taken = sink.accept(piece)
      precondition(taken >= 0 && taken <= piece.count)
      guard taken > 0 else { return }
      delivered += UInt64(taken)
    }
  }

  /// Whether payload waits for the output.
  var isBlocked: Bool { startsInBuffer }

  /// The output took bytes: tells the sender when its window grew by a quarter.
  func windowMayHaveGrown(at now: Instant) {
    let limit = delivered + UInt64(Self.windowSize)
    if limit - advertisedLimit >= UInt64(Self.windowSize / 4) { change(latestLane) { $0.hasten(at: now) } }
  }

  // MARK: Acknowledgements

  /// When an acknowledgement of the lane's frames is due.
  func deadline(on lane: Lane) -> Instant? { lane == .relay ? relay.acknowledgeAt : direct.acknowledgeAt }

  /// Payload bytes that arrived on the lane, without frames that arrived twice.
  func payloadBytes(on lane: Lane) -> UInt64 { lane == .relay ? relay.payloadBytes : direct.payloadBytes }

  /// The acknowledgement of the lane's frames that is due by now, if any.
  func acknowledgement(on lane: Lane, at now: Instant) -> Acknowledgement? {
    var isDue = false
    change(lane) { isDue = $0.takeDue(at: now) }
    guard isDue else { return nil }
    advertisedLimit = max(advertisedLimit, delivered + UInt64(Self.windowSize))
    var contiguous = delivered
    if let first = buffer.held.first, first.lowerBound <= delivered {
      contiguous = max(delivered, first.upperBound)
    }
    let log = lane == .relay ? relay : direct
    return Acknowledgement(
      contiguousOffset: contiguous, windowLimit: advertisedLimit, delayMicroseconds: log.delay(at: now),
      lane: lane, ranges: log.ranges)
  }

  /// Makes an acknowledgement due now: a path was replaced and the sender may have missed the last one.
  func repeatAcknowledgement(on lane: Lane, at now: Instant) { change(lane) { $0.hasten(at: now) } }
}
