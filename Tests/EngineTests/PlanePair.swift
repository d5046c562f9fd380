import Basics
import Crypto
import Wire

@testable import Engine

/// Two planes and a channel of two lanes that loses what it is told to; the claimant sends, the acceptor receives.
final class PlanePair: PayloadSink {
  struct InFlight {
    var arrivesAt: Instant
    var lane: Lane
    var goesToAcceptor: Bool
    var frame: [UInt8]
  }

  static let datagramSize = 1_200

  let claimant: NativePlane
  let acceptor: NativePlane
  private(set) var now = Instant.zero
  private var random: SeededGenerator
  private let length: Int
  private var produced = 0
  private var inFlight: [InFlight] = []
  private(set) var written: [UInt8] = []
  private(set) var events: [PlaneEvent] = []
  /// Data frames and other frames that the lanes were given, from the claimant and from the acceptor.
  private(set) var framesOnLane: [[Int]] = [[0, 0], [0, 0]]
  /// Of a thousand frames on each lane; 1,000 is a cut.
  var loss = [0, 0]
  /// From this offset on the acceptor's output takes bytes in any order; `nil`: never.
  private let placesFrom: Int?
  private(set) var placementStart: UInt64?
  /// Bytes that the output still has room for when it takes them in any order.
  var placementRoom = Int.max
  private(set) var placements = 0
  /// What the acceptor says in a dialogue, and what of it came.
  private let answers: [UInt8]
  private var answered = 0
  let answersHeard = Answers()
  var latency = [Interval.milliseconds(20), .milliseconds(5)]

  /// Takes the answers of a dialogue.
  final class Answers: PayloadSink {
    var bytes: [UInt8] = []

    func accept(_ bytes: UnsafeRawBufferPointer) -> Int {
      self.bytes += bytes
      return bytes.count
    }
  }

  init(
    length: Int, answers: [UInt8]? = nil, placesFrom: Int? = nil, framesPerEpoch: UInt64 = 1 << 23,
    seed: UInt64 = 1
  ) throws {
    self.length = length
    self.answers = answers ?? []
    self.placesFrom = placesFrom
    random = SeededGenerator(seed: seed)
    let keys = SessionKeySchedule(
      bearerSecret: .zero, ephemeralShared: SecretBytes(Array(0..<32)),
      staticShared: SecretBytes(Array(32..<64)), transcript: .zero)
    claimant = try NativePlane(
      schedule: keys, isClaimant: true, flow: .sends, isDialogue: answers != nil,
      framesPerEpoch: framesPerEpoch, largestPayload: 8_192, at: .zero)
    acceptor = try NativePlane(
      schedule: keys, isClaimant: false, flow: .receives, isDialogue: answers != nil,
      framesPerEpoch: framesPerEpoch, largestPayload: 8_192, at: .zero)
  }

  static func byte(_ offset: Int) -> UInt8 { UInt8(truncatingIfNeeded: offset &* 167 &+ offset >> 8) }

  var isExact: Bool { written == (0..<length).map(Self.byte) }

  func accept(_ bytes: UnsafeRawBufferPointer) -> Int {
    let taken = min(bytes.count, (placesFrom ?? .max) - written.count)
    written += bytes.prefix(taken)
    if written.count == placesFrom { placementStart = UInt64(written.count) }
    return taken
  }

  func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Bool {
    guard bytes.count <= placementRoom else { return false }
    if placementRoom != .max { placementRoom -= bytes.count }
    placements += 1
    let end = Int(offset) + bytes.count
    if written.count < end { written += [UInt8](repeating: 0, count: end - written.count) }
    for (index, byte) in bytes.enumerated() { written[Int(offset) + index] = byte }
    return true
  }

  func both(_ body: (NativePlane) -> Void) {
    body(claimant)
    body(acceptor)
  }

  func promote(roundTrip: Interval? = nil) {
    both { $0.pathPromoted(datagramSize: Self.datagramSize, roundTrip: roundTrip, at: now) }
  }

  /// Drops what is under way on a lane.
  func drop(_ lane: Lane) { inFlight.removeAll { $0.lane == lane } }

  private func feed() {
    guard let sender = claimant.sender else { return }
    while sender.wanted > 0, produced < length {
      produced += sender.fill { space in
        let count = min(space.count, length - produced)
        for index in 0..<count { space[index] = Self.byte(produced + index) }
        return count
      }
    }
    if produced == length { sender.sourceEnded() }
    guard let answering = acceptor.sender else { return }
    while answering.wanted > 0, answered < answers.count {
      answered += answering.fill { space in
        let count = min(space.count, answers.count - answered)
        space.copyBytes(from: answers[answered..<answered + count])
        return count
      }
    }
  }

  /// Puts a sealed frame on its way.
  func carry(_ frame: [UInt8], on lane: Lane, toAcceptor: Bool) {
    framesOnLane[Int(lane.rawValue)][toAcceptor ? 0 : 1] += 1
    guard Int.random(in: 0..<1_000, using: &random) >= loss[Int(lane.rawValue)] else { return }
    inFlight.append(
      InFlight(
        arrivesAt: now + latency[Int(lane.rawValue)], lane: lane, goesToAcceptor: toAcceptor, frame: frame))
  }

  func transmit() throws {
    feed()
    for (plane, toAcceptor) in [(claimant, true), (acceptor, false)] {
      for lane in Lane.allCases {
        let limit = lane == .relay ? SessionFrameHeader.maximumFrameLength : Self.datagramSize
        var buffer = [UInt8](repeating: 0, count: limit)
        while true {
          let count = try buffer.withUnsafeMutableBytes {
            try plane.poll(lane, into: $0, limit: limit, at: now)
          }
          guard count > 0 else { break }
          carry(Array(buffer[..<count]), on: lane, toAcceptor: toAcceptor)
        }
      }
    }
  }

  private func arrive() {
    let due = inFlight.filter { $0.arrivesAt <= now }
    inFlight.removeAll { $0.arrivesAt <= now }
    for item in due {
      let plane = item.goesToAcceptor ? acceptor : claimant
      var frame = item.frame
      _ = frame.withUnsafeMutableBytes {
        item.goesToAcceptor
          ? plane.handle($0, on: item.lane, at: now, sink: self)
          : plane.handle($0, on: item.lane, at: now, sink: answersHeard)
      }
    }
    both { events += $0.takeEvents() }
  }

  var isDone: Bool {
    acceptor.receiver!.isComplete && claimant.sender!.isAcknowledged
      && claimant.sender!.acknowledgedOffset == UInt64(length)
  }

  /// Lets time pass up to `end`, or until `condition` holds; false when it never did.
  @discardableResult
  func run(until end: Instant, while isGoing: () -> Bool = { true }) throws -> Bool {
    while isGoing() {
      try transmit()
      var next = inFlight.map(\.arrivesAt)
      both { if let due = $0.deadline(polled: now) { next.append(due) } }
      guard let instant = next.min(), instant <= end else {
        now = end
        return false
      }
      now = max(now, instant)
      arrive()
      both { $0.handleTimeout(at: now) }
    }
    return true
  }

  func finish(within limit: Interval = .seconds(60)) throws -> Bool {
    try run(until: now + limit, while: { !isDone })
  }

  func has(_ matches: (PlaneEvent) -> Bool) -> Bool { events.contains(where: matches) }
}
