import Basics
import Wire

/// The receiving half of a payload: puts frames in order, hands them to the output, says what arrived.
///
/// An output may from some offset on take bytes in any order (`PayloadSink.placementStart`); then nothing is kept
/// here but the account of what arrived.
final class PayloadReceiver {
  /// The most bytes that may be sent beyond what the output has taken: what a path of 1 Gbit/s and 300 ms holds.
  static let windowSize = 36 << 20
  /// How many bytes may be sent at first. From there the window grows by two bytes for each that the output takes:
  /// as fast as a sender in slow start, while the window still says little about memory.
  static let initialWindow = 4 << 20
  /// Of outputs that take bytes in any order: how much room must have come back to be worth a message.
  private static let roomStep: UInt64 = 1 << 20

  private var buffer = ReceiveBuffer()
  private var relay = ArrivalLog(.relay)
  private var direct = ArrivalLog(.direct)
  /// The lane on which payload came last.
  private var latestLane = Lane.relay
  /// Bytes that the output has taken, without a gap.
  private(set) var delivered: UInt64 = 0
  /// What the output has taken beyond a gap.
  private var placed = IntervalSet()
  /// How many bytes that is.
  private var placedBytes: UInt64 = 0
  /// Whether the output takes bytes in any order by now.
  private(set) var isPlacing = false
  /// What `placementRoom` said last.
  private var room = 0
  /// The payload's length, once its end frame has arrived.
  private(set) var finalLength: UInt64?
  private var advertisedLimit = UInt64(PayloadReceiver.initialWindow)
  /// The acknowledgement that `takeAcknowledgement` made; kept for its memory.
  private(set) var acknowledgement = Acknowledgement.none
  /// Frames that had arrived before.
  private(set) var duplicates: UInt64 = 0
  /// Frames for which the output had no room.
  private(set) var turnedAway: UInt64 = 0

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
    sink: any PayloadSink
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
    guard take(payload, at: header.offset, sink: sink) else {
      turnedAway += 1
      return true
    }
    change(lane) {
      $0.insert(header.packetNumber, payloadLength: payload.count, at: now)
      if header.kind == .end { $0.hasten(at: now) }
    }
    return true
  }

  private var highestArrived: UInt64 {
    max(delivered, buffer.held.ranges.last?.upperBound ?? 0, placed.ranges.last?.upperBound ?? 0)
  }

  // MARK: Output

  /// Hands payload straight to the output when it can take it, else keeps it; false when neither is possible.
  private func take(_ payload: UnsafeRawBufferPointer, at offset: UInt64, sink: any PayloadSink) -> Bool {
    var rest = payload
    var offset = offset
    if offset < delivered {
      let known = min(delivered - offset, UInt64(rest.count))
      rest = UnsafeRawBufferPointer(rebasing: rest[Int(known)...])
      offset += known
    }
    guard !rest.isEmpty else { return true }
    if isPlacing { return placeNew(rest, at: offset, sink: sink) }
    if offset == delivered, !startsInBuffer {
      let taken = offer(rest, to: sink)
      offset += UInt64(taken)
      rest = UnsafeRawBufferPointer(rebasing: rest[taken...])
    }
    if !rest.isEmpty {
      buffer.release(below: delivered)
      buffer.store(rest, at: offset)
    }
    if rest.isEmpty || isPlacing { drain(into: sink) }
    return true
  }

  /// Offers the next bytes of the stream; returns how many were taken.
  private func offer(_ bytes: UnsafeRawBufferPointer, to sink: any PayloadSink) -> Int {
    let taken = sink.accept(bytes)
    precondition(taken >= 0 && taken <= bytes.count)
    delivered += UInt64(taken)
    if let start = sink.placementStart {
      precondition(start == delivered, "placement starts behind what was taken last")
      isPlacing = true
      room = sink.placementRoom
    }
    return taken
  }

  /// Places what of `bytes` is new; false when the output has no room for all of that.
  private func placeNew(_ bytes: UnsafeRawBufferPointer, at offset: UInt64, sink: any PayloadSink) -> Bool {
    // What waits here goes first, or the output would get bytes twice.
    guard buffer.isEmpty else { return false }
    var range = offset..<offset + UInt64(bytes.count)
    defer { room = sink.placementRoom }
    while !range.isEmpty {
      let known = placed.firstOverlap(with: range) ?? range.upperBound..<range.upperBound
      let new = range.lowerBound..<known.lowerBound
      if !new.isEmpty {
        let piece = bytes[Int(new.lowerBound - offset)..<Int(new.upperBound - offset)]
        guard sink.place(UnsafeRawBufferPointer(rebasing: piece), at: new.lowerBound) else { return false }
        note(placed: new)
      }
      range = known.upperBound..<range.upperBound
    }
    return true
  }

  private func note(placed range: Range<UInt64>) {
    guard range.lowerBound > delivered else {
      delivered = range.upperBound
      if let next = placed.first, next.lowerBound <= delivered {
        placedBytes -= UInt64(next.count)
        delivered = next.upperBound
        placed.remove(next)
      }
      return
    }
    placed.insert(range)
    placedBytes += UInt64(range.count)
  }

  private var startsInBuffer: Bool { buffer.held.first?.contains(delivered) ?? false }

  /// Offers what is kept to the output until it takes no more.
  func drain(into sink: any PayloadSink) {
    while !isPlacing {
      // Bytes kept below the mark arrived directly meanwhile.
      buffer.release(below: delivered)
      let piece = buffer.contiguous(from: delivered)
      guard !piece.isEmpty else { return }
      guard offer(piece, to: sink) > 0 || isPlacing else { return }
    }
    // What came before the output was ready for any order.
    buffer.release(below: delivered)
    while let range = buffer.held.first {
      let piece = buffer.contiguous(from: range.lowerBound)
      guard sink.place(piece, at: range.lowerBound) else { break }
      let end = range.lowerBound + UInt64(piece.count)
      note(placed: range.lowerBound..<end)
      buffer.release(below: end)
    }
    room = sink.placementRoom
  }

  /// Whether payload waits for the output.
  var isBlocked: Bool { isPlacing ? !buffer.isEmpty : startsInBuffer }

  /// How far the peer may send.
  private var limit: UInt64 {
    let window = min(UInt64(Self.windowSize), UInt64(Self.initialWindow) + 2 * delivered)
    guard isPlacing else { return delivered + window }
    return delivered + min(window, placedBytes + UInt64(max(0, room)))
  }

  /// The output took bytes, or has room again: tells the sender when its window grew by enough.
  func windowMayHaveGrown(at now: Instant) {
    let step = isPlacing ? Self.roomStep : min(UInt64(Self.windowSize), limit - delivered) / 4
    let limit = limit
    if limit >= advertisedLimit + step { change(latestLane) { $0.hasten(at: now) } }
  }

  // MARK: Acknowledgements

  /// When an acknowledgement of the lane's frames is due.
  func deadline(on lane: Lane) -> Instant? { lane == .relay ? relay.acknowledgeAt : direct.acknowledgeAt }

  /// Payload bytes that arrived on the lane, without frames that arrived twice.
  func payloadBytes(on lane: Lane) -> UInt64 { lane == .relay ? relay.payloadBytes : direct.payloadBytes }

  /// Makes the acknowledgement of the lane's frames in `acknowledgement`, if one is due by now.
  func takeAcknowledgement(on lane: Lane, at now: Instant) -> Bool {
    var isDue = false
    change(lane) { isDue = $0.takeDue(at: now) }
    guard isDue else { return false }
    advertisedLimit = max(advertisedLimit, limit)
    acknowledgement.contiguousOffset = delivered
    if let first = buffer.held.first, first.lowerBound <= delivered {
      acknowledgement.contiguousOffset = max(delivered, first.upperBound)
    }
    acknowledgement.windowLimit = advertisedLimit
    acknowledgement.lane = lane
    change(lane) {
      acknowledgement.delayMicroseconds = $0.delay(at: now)
      $0.store(into: &acknowledgement.ranges)
    }
    return true
  }

  /// Makes an acknowledgement due now: a path was replaced and the sender may have missed the last one.
  func repeatAcknowledgement(on lane: Lane, at now: Instant) { change(lane) { $0.hasten(at: now) } }
}
