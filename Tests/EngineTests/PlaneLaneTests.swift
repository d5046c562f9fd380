import Basics
import Crypto
import Testing
import Wire

@testable import Engine

private func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }

@Suite("A plane on two lanes")
struct PlaneLaneTests {
  @Test("Promotion under way without loss sends nothing twice, and moves payload to the direct lane")
  func promotion() throws {
    let pair = try PlanePair(length: 3_000_000)
    try pair.run(until: at(70))
    let sender = try #require(pair.claimant.sender)
    #expect(sender.bytesInFlight(on: .relay) > 0)
    pair.promote()
    #expect(try pair.finish())
    #expect(pair.isExact)
    #expect(sender.retransmittedFrames == 0)
    #expect(pair.acceptor.receiver?.duplicates == 0)
    #expect(sender.isIdle(.relay) && sender.isIdle(.direct))
    #expect(pair.has { if case .directAcknowledged = $0 { true } else { false } })
    for lane in Lane.allCases {
      #expect(pair.acceptor.payloadBytes(on: lane) > 0)
      #expect(pair.acceptor.payloadBytes(on: lane) == pair.claimant.payloadBytes(on: lane))
    }
    // Acknowledgements are few: three of a hundred packets once the path is known.
    let direct = pair.framesOnLane[1]
    #expect(direct[1] * 100 <= direct[0] * 5)
  }

  @Test("Demotion repairs over the relay what the direct path swallowed", arguments: UInt64(0)..<4)
  func demotion(seed: UInt64) throws {
    let pair = try PlanePair(length: 2_000_000, seed: seed)
    pair.loss = [0, 10 * Int(seed)]
    try pair.run(until: at(60))
    pair.promote(roundTrip: .milliseconds(10))
    try pair.run(until: at(90))
    pair.loss[1] = 1_000
    pair.drop(.direct)
    try pair.run(until: at(130))
    let stuck = pair.written.count
    #expect(stuck < 2_000_000)
    pair.both { $0.pathDemoted(at: pair.now) }
    #expect(try pair.finish(within: .seconds(5)))
    #expect(pair.isExact)
    #expect(pair.claimant.currentLane == .relay)
    #expect(pair.claimant.sender?.isIdle(.direct) == true)
  }

  @Test(
    "Loss on both lanes, promotion and demotion again and again keep the bytes exact",
    arguments: UInt64(0)..<6)
  func moves(seed: UInt64) throws {
    let pair = try PlanePair(length: 1_500_000, framesPerEpoch: 64, seed: seed)
    pair.loss = [20, 30]
    for step in 0..<12 where !pair.isDone {
      try pair.run(until: pair.now + .milliseconds(60), while: { !pair.isDone })
      switch step % 4 {
      case 0: pair.promote()
      case 1: pair.both { $0.pathReplaced(datagramSize: PlanePair.datagramSize, at: pair.now) }
      case 2: pair.both { $0.datagramSizeChanged(1_000) }
      default: pair.both { $0.pathDemoted(at: pair.now) }
      }
    }
    #expect(try pair.finish())
    #expect(pair.isExact)
    #expect(!pair.has { if case .violation = $0 { true } else { false } })
  }

  @Test("Another direct path starts afresh; the old one's frames are freed by its late acknowledgements")
  func replacement() throws {
    let pair = try PlanePair(length: 3_000_000)
    pair.promote()
    try pair.run(until: at(40))
    let sender = try #require(pair.claimant.sender)
    #expect(sender.roundTrip.isMeasured)
    #expect(sender.bytesInFlight(on: .direct) > 0)
    pair.both { $0.pathReplaced(datagramSize: PlanePair.datagramSize, at: pair.now) }
    #expect(!sender.roundTrip.isMeasured)
    #expect(sender.bytesInFlight(on: .direct) == 0)
    #expect(!sender.isIdle(.direct))
    // What the old path still delivers is no measurement of the new one.
    pair.latency[1] = .milliseconds(30)
    try pair.run(until: pair.now + .milliseconds(50))
    #expect(!sender.roundTrip.isMeasured)
    #expect(try pair.finish())
    #expect(sender.roundTrip.minimum! >= .milliseconds(60))
    #expect(sender.retransmittedFrames == 0)
    #expect(pair.isExact)
  }

  @Test("What a replaced path swallowed is sent again after its time")
  func replacementOfDeadPath() throws {
    let pair = try PlanePair(length: 1_000_000)
    pair.promote()
    try pair.run(until: at(40))
    pair.drop(.direct)
    pair.both { $0.pathReplaced(datagramSize: PlanePair.datagramSize, at: pair.now) }
    #expect(try pair.finish(within: .seconds(2)))
    #expect(pair.isExact)
  }

  @Test("While the relay is away the direct lane goes on, with the acknowledgements of both")
  func relayLoss() throws {
    let pair = try PlanePair(length: 3_000_000)
    try pair.run(until: at(70))
    pair.promote()
    pair.drop(.relay)
    pair.both { $0.relayLost(at: pair.now) }
    let relayed = pair.framesOnLane[0]
    #expect(try pair.finish(within: .seconds(5)))
    #expect(pair.isExact)
    #expect(pair.framesOnLane[0] == relayed)
    // Back again, the peer is looked for there, and only there; direct frames are no answer to that.
    pair.both { $0.relayRestored(at: pair.now) }
    #expect(pair.claimant.isSearching)
    try pair.run(until: pair.now + .milliseconds(300))
    #expect(!pair.claimant.isSearching && !pair.acceptor.isSearching)
  }

  @Test("Without a direct path a lost relay stops everything until the peer is found there again")
  func relayAlone() throws {
    let pair = try PlanePair(length: 1_000_000)
    try pair.run(until: at(50))
    pair.drop(.relay)
    pair.both { $0.relayLost(at: pair.now) }
    let before = pair.framesOnLane[0]
    try pair.run(until: pair.now + .seconds(20))
    #expect(pair.framesOnLane[0] == before)
    #expect(!pair.has { if case .peerSilent = $0 { true } else { false } })
    pair.both { $0.relayRestored(at: pair.now) }
    #expect(try pair.finish(within: .seconds(5)))
    #expect(pair.isExact)
  }

  @Test("Acknowledgements of the direct lane take the relay while their side has no direct path")
  func acknowledgementRoute() throws {
    let pair = try PlanePair(length: 500_000)
    pair.claimant.pathPromoted(datagramSize: PlanePair.datagramSize, at: .zero)
    #expect(try pair.finish(within: .seconds(20)))
    #expect(pair.isExact)
    #expect(pair.framesOnLane[1][0] > 0)
    #expect(pair.framesOnLane[1][1] == 0)
    #expect(pair.claimant.sender?.retransmittedFrames == 0)
  }

  @Test("A frame that comes on another lane than it says is refused")
  func laneMismatch() throws {
    let pair = try PlanePair(length: 0)
    var buffer = [UInt8](repeating: 0, count: 2_000)
    let length = try buffer.withUnsafeMutableBytes {
      try pair.claimant.sealPathProof(.challenge, token: 7, length: 1_200, .direct, into: $0)
    }
    #expect(length == 1_200)
    func give(_ lane: Lane) -> FrameReception {
      var frame = Array(buffer[..<length])
      return frame.withUnsafeMutableBytes {
        pair.acceptor.handle($0, on: lane, at: .zero, sink: pair)
      }
    }
    #expect(give(.relay) == .refused)
    #expect(give(.direct) == .fresh)
    #expect(give(.direct) == .repeated)
    let events = Array(pair.acceptor.events)
    #expect(events.count == 1)
    guard case .challenge(7, 1_200, .direct) = events.first else {
      Issue.record("\(events)")
      return
    }
  }

  @Test("An unanswered ending takes both lanes in turn")
  func ending() throws {
    let pair = try PlanePair(length: 0)
    pair.promote()
    try pair.run(until: at(100))
    pair.loss = [0, 1_000]
    pair.acceptor.complete(at: pair.now)
    try pair.run(until: pair.now + .milliseconds(400))
    #expect(pair.has { if case .peerCompleted = $0 { true } else { false } })
    #expect(pair.has { if case .completionSettled = $0 { true } else { false } })
  }

  @Test("A peer that is silent on both lanes is noticed; pings try both")
  func silence() throws {
    let pair = try PlanePair(length: 0)
    pair.promote()
    #expect(try pair.finish(within: .seconds(1)))
    pair.loss = [1_000, 1_000]
    let before = pair.framesOnLane
    try pair.run(until: pair.now + .seconds(16))
    #expect(pair.has { if case .peerSilent = $0 { true } else { false } })
    #expect(pair.framesOnLane[0][0] > before[0][0])
    #expect(pair.framesOnLane[1][0] > before[1][0])
  }

  @Test("Candidates arrive sealed, and their receipt")
  func candidates() throws {
    let pair = try PlanePair(length: 0)
    let update = CandidateUpdate(
      sequence: 3, mapping: .destinationDependent, wantsProbes: true,
      candidates: [IPEndpoint("192.0.2.1:4242")!, IPEndpoint("[2001:db8::1]:1")!], guessedPorts: [5, 6])
    var buffer = [UInt8](repeating: 0, count: NativePlane.minimumFrameRoom)
    var count = try buffer.withUnsafeMutableBytes {
      try pair.claimant.sealControl(.candidates, update.serialized(), .relay, into: $0)
    }
    pair.carry(Array(buffer[..<count]), on: .relay, toAcceptor: true)
    count = try buffer.withUnsafeMutableBytes {
      try pair.acceptor.sealControl(.candidatesReceived, [0, 0, 0, 3], .relay, into: $0)
    }
    pair.carry(Array(buffer[..<count]), on: .relay, toAcceptor: false)
    try pair.run(until: at(100))
    #expect(pair.has { if case .candidates(update) = $0 { true } else { false } })
    #expect(pair.has { if case .candidatesReceived(3) = $0 { true } else { false } })
  }
}
