import Basics
import Testing

@testable import Engine
@testable import Wire

@Suite("Lanes of upstream's tunnels")
struct LaneTests {
  private func parse(_ bytes: [UInt8]) -> Result<LaneHeader, LaneHeaderError> {
    Result { () throws(LaneHeaderError) in try LaneHeader.parse(bytes) }
  }

  @Test("UPS-12: headers are written as upstream writes them") func headers() throws {
    let headers = try Vector.load("lanes", series: "02")["native_headers"]
    #expect(LaneHeader.control.serialized() == headers["control"].bytes)
    for (name, lane, count) in [("lane_0_of_1", 0, 1), ("lane_0_of_12", 0, 12), ("lane_11_of_12", 11, 12)]
      as [(String, UInt8, UInt8)]
    {
      let bytes = headers[name].bytes
      let id = try #require(Bytes16(bytes.suffix(16)))
      #expect(try LaneHeader(lane: lane, of: count, flowID: id).serialized() == bytes)
      #expect(try parse(bytes + [9]).get() == LaneHeader(lane: lane, of: count, flowID: id))
    }
    #expect(throws: LaneHeaderError.laneOutOfRange) { try LaneHeader(lane: 3, of: 3, flowID: .zero) }
  }

  @Test("UPS-12: headers are taken and refused as upstream does") func verdicts() throws {
    let expected: [String: LaneHeaderError] = [
      "magic wrong": .wrongMagic, "version 2": .unknownVersion(2), "index = count": .laneOutOfRange,
      "count 0 with index 3": .controlWithLane, "short": .truncated,
    ]
    var refused = 0
    for one in try Vector.load("lanes", series: "02")["native_header_verdicts"].list {
      switch parse(one["hex"].bytes) {
      case .success(let header):
        #expect(one["ok"].bool, "\(one["name"].text)")
        #expect(header.isControl == one["control"].bool)
      case .failure(let error):
        #expect(error == expected[one["name"].text], "\(one["name"].text)")
        refused += 1
      }
    }
    #expect(refused == expected.count)
  }

  @Test("UPS-13: a chunk is no longer than upstream's are") func longest() throws {
    #expect(try LaneChunk(sequence: 1, length: 262_144).length == LaneChunk.maximumLength)
    #expect(throws: LaneChunkError.tooLong) { try LaneChunk(sequence: 1, length: 262_145) }
    #expect(throws: LaneChunkError.truncated) {
      try LaneChunk.parse([UInt8](repeating: 0, count: 11))
    }
    #expect(LaneChunk.warmUp.isWarmUp)
    #expect(try !LaneChunk(sequence: .max, length: 1).isWarmUp)
  }
}

@Suite("Striping over lanes")
struct LaneStripingTests {
  /// Everything that `text` is cut into by chunks of at most `size` bytes.
  private func chunks(_ text: String, size: Int, _ sender: inout LaneSender) -> [UInt8] {
    var rest = Array(text.utf8)[...]
    var result: [UInt8] = []
    while !rest.isEmpty {
      var room = [UInt8](repeating: 0, count: LaneChunk.headerLength + size)
      let count = room.withUnsafeMutableBytes { room in
        sender.fill(room) { space in
          let piece = rest.prefix(space.count)
          space.copyBytes(from: piece)
          rest = rest.dropFirst(piece.count)
          return piece.count
        }
      }
      result += room[..<count]
    }
    return result
  }

  @Test("UPS-13: what is sent is cut as upstream cuts it") func sending() throws {
    let vectors = try Vector.load("lanes", series: "02")["striping"]
    var sender = LaneSender(laneCount: 1)
    #expect(sender.preamble.isEmpty)
    #expect(
      chunks("abcdefghij", size: 4, &sender)
        == vectors["one_lane_chunks_of_4_text_abcdefghij"].list[0].bytes)
    #expect(sender.sequence == 3)
    sender = LaneSender(laneCount: 1)
    #expect(
      chunks("hello", size: 262_144, &sender)
        == vectors["one_lane_no_warm_up_text_hello_chunk_262144"].list[0].bytes)
    #expect(
      LaneSender(laneCount: 2).preamble == vectors["two_lanes_empty_source_warm_up_only"].list[0].bytes)
    // No content, no chunk; and never one that is too long.
    var room = [UInt8](repeating: 0, count: 300_000)
    #expect(room.withUnsafeMutableBytes { sender.fill($0) { _ in 0 } } == 0)
    #expect(room.withUnsafeMutableBytes { sender.fill($0) { $0.count } } == 262_156)
    #expect(sender.sequence == 2)
  }

  /// Feeds lanes piece by piece in turn; what came out, and the error.
  private func receive(
    _ lanes: [[UInt8]], piece: Int, appetite: Int = .max, limit: Int = LaneReceiver.mostEarly,
    comfortable: Int = LaneReceiver.comfortable
  ) -> (out: [UInt8], error: LaneStripingError?, isComplete: Bool) {
    var receiver = LaneReceiver(laneCount: lanes.count, limit: limit, comfortable: comfortable)
    var out: [UInt8] = []
    var rest = lanes.map { $0[...] }
    var hasEnded = lanes.map { _ in false }
    let write = { (bytes: UnsafeRawBufferPointer) -> Int in
      out += bytes.prefix(appetite)
      return min(bytes.count, appetite)
    }
    do throws(LaneStripingError) {
      var hasMoved = true
      while hasMoved {
        hasMoved = false
        for lane in lanes.indices where !hasEnded[lane] {
          let bytes = Array(rest[lane].prefix(piece))
          let count = try bytes.lend { (raw) throws(LaneStripingError) -> Int in
            try receiver.receive(raw, on: lane, write)
          }
          rest[lane] = rest[lane].dropFirst(count)
          while !receiver.drain(write) {}
          if count > 0 { hasMoved = true }
          if rest[lane].isEmpty {
            hasEnded[lane] = true
            hasMoved = true
            try receiver.end(lane)
          }
        }
      }
      while !receiver.drain(write) {}
      return (out, nil, receiver.isComplete)
    } catch { return (out, error, receiver.isComplete) }
  }

  @Test(
    "UPS-13: lanes are put together as upstream does, however they come",
    arguments: [1, 3, 1_000], [1, Int.max])
  func vectors(piece: Int, appetite: Int) throws {
    var good = 0
    for one in try Vector.load("lanes", series: "02")["striping_receiver"].list {
      let name = one["name"].text
      let result = receive(one["lanes"].list.map(\.bytes), piece: piece, appetite: appetite)
      #expect(String(decoding: result.out, as: UTF8.self) == one["out"].text, "\(name)")
      #expect((result.error == nil) == one["error"].text.isEmpty, "\(name)")
      #expect(result.isComplete == (result.error == nil), "\(name)")
      switch name {
      case "truncated header": #expect(result.error == .malformed(.truncated))
      case "length 262145": #expect(result.error == .malformed(.tooLong))
      case "duplicate pending": #expect(result.error == .repeated(2))
      case "gap at end (spins until cancelled)": #expect(result.error == .gap(1))
      default: good += 1
      }
    }
    #expect(good == 4)
  }

  private func chunk(_ sequence: UInt64, _ count: Int) -> [UInt8] {
    let header = try? LaneChunk(sequence: sequence, length: count).serialized()
    return (header ?? []) + [UInt8](repeating: UInt8(truncatingIfNeeded: sequence), count: count)
  }

  @Test("UPS-13: what is long past, or came twice in its turn, ends the flow") func repetition() {
    #expect(receive([chunk(0, 3) + chunk(0, 3)], piece: 5).error == .repeated(0))
    // Both lanes are in the middle of it.
    #expect(receive([chunk(0, 3), chunk(0, 3)], piece: 13).error == .repeated(0))
    #expect(receive([chunk(1, 3), chunk(1, 3)], piece: 13).error == .repeated(1))
  }

  @Test("UPS-13: only so much is kept ahead of its turn") func bound() {
    let ahead = (1..<9).flatMap { chunk($0, 1_000) }
    #expect(receive([ahead + chunk(0, 1)], piece: 500, limit: 9_000).error == nil)
    #expect(receive([ahead + chunk(0, 1)], piece: 500, limit: 6_000).error == .tooEarly)
    // Empty ones cost something, too.
    let empty = (1..<1_000).flatMap { chunk($0, 0) }
    #expect(receive([empty], piece: 500, limit: 6_000).error == .tooEarly)
  }

  @Test("UPS-13: a lane that is ahead rests while another may bring what is missing") func resting() {
    let ahead = (1..<200).flatMap { chunk($0, 1_000) }
    // What is missing comes after much that means nothing.
    let late = (0..<1_000).flatMap { _ in LaneChunk.warmUp.serialized() } + chunk(0, 1)
    let result = receive([ahead, late], piece: 1_000, limit: 6_000, comfortable: 3_000)
    #expect(result.error == nil && result.isComplete && result.out.count == 199_001)
    // Nobody else can bring it: only the bound helps.
    let stuck = receive([ahead, chunk(200, 1)], piece: 1_000, limit: 6_000, comfortable: 3_000)
    #expect(stuck.error == .tooEarly)
  }

  @Test("UPS-13: any spread over any lanes comes out in order") func spreads() {
    var random = SeededGenerator(seed: 3)
    for _ in 0..<40 {
      let count = Int.random(in: 1...255, using: &random)
      var lanes = [[UInt8]](repeating: LaneSender(laneCount: count).preamble, count: count)
      var expected: [UInt8] = []
      for sequence in 0..<UInt64.random(in: 0...60, using: &random) {
        let bytes = chunk(sequence, Int.random(in: 0...40, using: &random))
        lanes[Int.random(in: 0..<count, using: &random)] += bytes
        expected += bytes.dropFirst(LaneChunk.headerLength)
      }
      let result = receive(lanes, piece: Int.random(in: 1...50, using: &random), appetite: 7)
      #expect(result.error == nil && result.out == expected)
    }
  }
}
