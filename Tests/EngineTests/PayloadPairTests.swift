import Basics
import Testing
import Wire

@testable import Engine

/// A sender and a receiver with a channel between them that loses, doubles and delays.
private final class PayloadPair: PayloadSink {
  struct InFlight {
    var arrivesAt: Instant
    var header: SessionFrameHeader
    var payload: [UInt8]
  }

  let sender: PayloadSender
  let receiver = PayloadReceiver()
  var random: SeededGenerator
  var now = Instant.zero
  let length: Int
  let latency: Interval
  /// Of a thousand frames, and acknowledgements.
  let loss: Int
  let doubling: Int
  var outputLimit = Int.max
  var forward: [InFlight] = []
  var back: [(arrivesAt: Instant, acknowledgement: Acknowledgement)] = []
  var written: [UInt8] = []
  private var produced = 0
  var framesSent = 0
  var lostAcknowledgements = 0

  init(length: Int, latency: Interval = .milliseconds(10), loss: Int = 0, doubling: Int = 0, seed: UInt64 = 1)
  {
    self.length = length
    self.latency = latency
    self.loss = loss
    self.doubling = doubling
    random = SeededGenerator(seed: seed)
    sender = PayloadSender(initialLimit: UInt64(PayloadReceiver.initialWindow), at: .zero)
  }

  static func byte(_ offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: offset &* 167 &+ offset >> 8) }

  func accept(_ bytes: UnsafeRawBufferPointer) -> Int {
    let taken = min(bytes.count, outputLimit)
    if outputLimit != .max { outputLimit -= taken }
    written += bytes.prefix(taken)
    return taken
  }

  private func isLucky(_ perMille: Int) -> Bool { Int.random(in: 0..<1_000, using: &random) >= perMille }

  func feed() {
    while sender.wanted > 0, produced < length {
      produced += sender.fill { space in
        let count = min(space.count, length - produced)
        for index in 0..<count { space[index] = Self.byte(produced + index) }
        return count
      }
    }
    if produced == length { sender.sourceEnded() }
  }

  func transmit() {
    while let plan = sender.plan(on: .relay, largestPayload: SessionFrameHeader.maximumPayloadLength, at: now)
    {
      let header = SessionFrameHeader(
        kind: plan.kind, lane: 0, epochLowByte: 0, packetNumber: sender.nextPacketNumber(on: .relay),
        offset: plan.offset)
      let frame = InFlight(
        arrivesAt: now + latency, header: header,
        payload: Array(sender.payload(of: plan).0) + Array(sender.payload(of: plan).1))
      sender.didSend(plan, on: .relay, at: now)
      framesSent += 1
      if isLucky(loss) { forward.append(frame) }
      if !isLucky(doubling) {
        var second = frame
        second.arrivesAt = frame.arrivesAt + .milliseconds(Int64.random(in: 0...30, using: &random))
        forward.append(second)
      }
    }
    if receiver.takeAcknowledgement(on: .relay, at: now) {
      let acknowledgement = receiver.acknowledgement
      if isLucky(loss) { back.append((now + latency, acknowledgement)) } else { lostAcknowledgements += 1 }
    }
  }

  private func arrive() {
    for frame in forward where frame.arrivesAt <= now {
      let isAllowed = frame.payload.withUnsafeBytes {
        receiver.handle(frame.header, on: .relay, payload: $0, at: now, sink: self)
      }
      #expect(isAllowed)
    }
    forward.removeAll { $0.arrivesAt <= now }
    for (arrivesAt, acknowledgement) in back where arrivesAt <= now {
      #expect(sender.handle(acknowledgement, at: now) != .impossible)
    }
    back.removeAll { $0.arrivesAt <= now }
  }

  /// Goes on until both are done; false when that took more virtual time than `limit`, or stalled.
  func run(limit: Interval = .seconds(600)) -> Bool {
    while !(receiver.isComplete && sender.isAcknowledged && sender.acknowledgedOffset == UInt64(length)) {
      feed()
      transmit()
      var next = forward.map(\.arrivesAt) + back.map(\.arrivesAt)
      next += [sender.deadline(on: .relay), receiver.deadline(on: .relay)].compactMap { $0 }
      guard let instant = next.min(), instant <= .zero + limit else { return false }
      now = max(now, instant)
      arrive()
      sender.handleTimeout(on: .relay, at: now)
    }
    return true
  }
}

@Suite("Payload from sender to receiver")
struct PayloadPairTests {
  @Test("Nothing is sent twice where nothing is lost", arguments: [0, 1, 8_192, 3_000_000])
  func clean(length: Int) {
    let pair = PayloadPair(length: length)
    #expect(pair.run(limit: .seconds(5)))
    #expect(pair.written == (0..<length).map(PayloadPair.byte))
    #expect(pair.sender.retransmittedFrames == 0)
    #expect(pair.receiver.duplicates == 0)
    #expect(pair.sender.bytesInFlight(on: .relay) == 0)
  }

  @Test("Loss and doubling lose and double nothing", arguments: UInt64(0)..<12)
  func lossy(seed: UInt64) {
    let pair = PayloadPair(length: 1_000_000, loss: 20 * Int(seed), doubling: 100, seed: seed)
    #expect(pair.run())
    #expect(pair.written == (0..<1_000_000).map(PayloadPair.byte))
  }

  @Test("A lost tail is found by a probe (RFC 9002, section 6.2)")
  func lostTail() {
    let pair = PayloadPair(length: 1)
    pair.feed()
    pair.transmit()
    #expect(pair.forward.count == 2)
    pair.forward.removeAll()
    #expect(pair.run(limit: .seconds(10)))
    #expect(pair.written == [PayloadPair.byte(0)])
    #expect(pair.sender.retransmittedFrames > 0)
  }

  @Test("A lost copy of what arrived otherwise is not waited for")
  func needlessCopy() throws {
    let pair = PayloadPair(length: 1)
    pair.feed()
    pair.transmit()
    pair.now = try #require(pair.sender.deadline(on: .relay))
    pair.sender.handleTimeout(on: .relay, at: pair.now)
    pair.transmit()
    #expect(pair.framesSent == 3)
    let acknowledgement = Acknowledgement(
      contiguousOffset: 1, windowLimit: 100, delayMicroseconds: 0, lane: .relay,
      ranges: [PacketNumberRange(lower: 0, upper: 1)])
    #expect(pair.sender.handle(acknowledgement, at: pair.now + .milliseconds(1)) == .news)
    for _ in 0..<10 {
      guard let due = pair.sender.deadline(on: .relay) else { break }
      pair.now = max(pair.now, due)
      pair.sender.handleTimeout(on: .relay, at: pair.now)
      while let plan = pair.sender.plan(
        on: .relay, largestPayload: SessionFrameHeader.maximumPayloadLength, at: .zero)
      {
        pair.sender.didSend(plan, on: .relay, at: pair.now)
      }
    }
    #expect(pair.sender.deadline(on: .relay) == nil)
    #expect(pair.sender.bytesInFlight(on: .relay) == 0)
  }

  @Test("Before the path is measured at most 24 frames are in flight")
  func firstFlight() {
    let pair = PayloadPair(length: 10_000_000)
    pair.feed()
    pair.transmit()
    #expect(pair.framesSent == 24)
  }

  @Test("An output that takes nothing stops the sender at the window, and goes on when it takes again")
  func backPressure() {
    let length = PayloadReceiver.initialWindow + 2_000_000
    let pair = PayloadPair(length: length)
    pair.outputLimit = 0
    #expect(!pair.run(limit: .seconds(30)))
    #expect(pair.receiver.isBlocked)
    #expect(pair.receiver.delivered == 0)
    #expect(pair.sender.acknowledgedOffset == UInt64(PayloadReceiver.initialWindow))
    pair.outputLimit = .max
    pair.receiver.drain(into: pair)
    pair.receiver.windowMayHaveGrown(at: pair.now)
    #expect(pair.run(limit: .seconds(60)))
    #expect(pair.written.count == length)
  }

  @Test("After a path was replaced everything unacknowledged travels again")
  func replacedPath() {
    let pair = PayloadPair(length: 100_000)
    pair.feed()
    pair.transmit()
    pair.forward.removeAll()
    pair.sender.abandon(.relay)
    #expect(pair.sender.bytesInFlight(on: .relay) == 0)
    #expect(pair.run(limit: .seconds(2)))
    #expect(pair.written == (0..<100_000).map(PayloadPair.byte))
  }

  @Test("An acknowledgement of what was never sent is refused")
  func impossibleAcknowledgement() {
    let pair = PayloadPair(length: 10)
    pair.feed()
    pair.transmit()
    func acknowledgement(_ contiguous: UInt64, _ upper: UInt64) -> Acknowledgement {
      Acknowledgement(
        contiguousOffset: contiguous, windowLimit: 0, delayMicroseconds: 0, lane: .relay,
        ranges: [PacketNumberRange(lower: 0, upper: upper)])
    }
    #expect(pair.sender.handle(acknowledgement(11, 0), at: .zero) == .impossible)
    #expect(pair.sender.handle(acknowledgement(0, 2), at: .zero) == .impossible)
    #expect(pair.sender.handle(acknowledgement(10, 1), at: .zero + .milliseconds(1)) == .news)
    #expect(pair.sender.isAcknowledged)
  }

  @Test("Payload beyond the window, behind the end or with another end is a violation")
  func receiverLimits() {
    let pair = PayloadPair(length: 0)
    func take(_ kind: SessionFrameKind, _ number: UInt64, _ offset: UInt64, _ payload: [UInt8]) -> Bool {
      let header = SessionFrameHeader(
        kind: kind, lane: 0, epochLowByte: 0, packetNumber: number, offset: offset)
      return payload.withUnsafeBytes {
        pair.receiver.handle(
          header, on: .relay, payload: $0, at: .zero, sink: pair)
      }
    }
    #expect(!take(.data, 0, UInt64(PayloadReceiver.initialWindow), [1]))
    #expect(take(.data, 1, 4, [5, 6]))
    #expect(!take(.end, 2, 5, []), "an end before bytes that came")
    #expect(take(.end, 3, 8, []))
    #expect(!take(.end, 4, 9, []), "another end")
    #expect(!take(.data, 5, 7, [8, 9]), "bytes behind the end")
    #expect(!take(.end, 6, 8, [1]), "an end with bytes")
    #expect(take(.data, 7, 0, [1, 2, 3, 4]))
    #expect(pair.written == [1, 2, 3, 4, 5, 6])
    #expect(take(.data, 8, 3, [4, 5, 6, 7, 8]))
    #expect(pair.written == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(pair.receiver.isComplete)
  }
}
