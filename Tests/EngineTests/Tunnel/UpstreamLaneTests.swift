import Basics
import Crypto
import Testing

@testable import Engine
@testable import Wire

/// What a dialer of upstream's may say, and what nobody should.
@Suite struct UpstreamLaneTests {
  private typealias Pair = PacketPair<QUICEndpoint, UpstreamTunnel>
  private let flow = Bytes16(high: 5, low: 6)

  private func header(_ lane: UInt8, of count: UInt8, _ id: Bytes16? = nil) throws -> [UInt8] {
    try LaneHeader(lane: lane, of: count, flowID: id ?? flow).serialized()
  }

  private func chunk(_ sequence: UInt64, _ text: String) throws -> [UInt8] {
    try LaneChunk(sequence: sequence, length: text.utf8.count).serialized() + Array(text.utf8)
  }

  /// Another connection, once it stands.
  private func connect(_ pair: Pair) throws -> Int {
    let number = try #require(try pair.left.connect(at: pair.now))
    #expect(pair.run(for: .seconds(5)) { pair.left.connections[number]?.isReady == true })
    return number
  }

  private func ready(
    control: Bool = true, limits: UpstreamTunnel.Limits = UpstreamTunnel.Limits()
  ) throws -> (pair: Pair, number: Int) {
    let pair = try EndpointSeed().bare(limits: limits)
    let number = try connect(pair)
    guard control else { return (pair, number) }
    let stream = try #require(pair.left.say(LaneHeader.control.serialized(), on: number, finishing: true))
    pair.run(for: .milliseconds(100))
    #expect(pair.right.hasControl)
    #expect(pair.left.hear(stream, of: number)?.state == .ended)
    _ = pair.right.takeEvents()
    return (pair, number)
  }

  private func opened(_ tunnel: UpstreamTunnel) -> [Int64] {
    tunnel.takeEvents().compactMap { if case .opened(let id) = $0 { id.number } else { nil } }
  }

  @Test("UPS-14: twelve lanes on twelve connections are one flow, in whatever order they come") func twelve()
    throws
  {
    let (pair, _) = try ready()
    let order: [UInt8] = [11, 3, 0, 7, 1, 10, 2, 9, 4, 8, 6, 5]
    var streams: [(number: Int, stream: Int64)] = []
    for lane in order {
      let number = try connect(pair)
      #expect(opened(pair.right).isEmpty)
      let bytes = try header(lane, of: 12) + LaneChunk.warmUp.serialized() + chunk(UInt64(lane), "<\(lane)>")
      streams.append((number, try #require(pair.left.say(bytes, on: number))))
      pair.run(for: .milliseconds(50))
    }
    let id = try #require(opened(pair.right).first)
    let (got, state) = pair.right.readAll(id)
    #expect(String(decoding: got, as: UTF8.self) == (0..<12).map { "<\($0)>" }.joined())
    #expect(state == .empty)
    // The end is the end of all lanes, and so is ours.
    for (number, stream) in streams { pair.left.add([], to: stream, of: number, finishing: true) }
    #expect(pair.right.put(Array("answer".utf8)[...], on: id) == 6)
    pair.right.finish(id)
    pair.run(for: .milliseconds(100))
    #expect(pair.right.readAll(id).state == .ended)
    var receiver = LaneReceiver(laneCount: 12)
    var answer: [UInt8] = []
    for (index, lane) in streams.enumerated() {
      let heard = try #require(pair.left.hear(lane.stream, of: lane.number))
      #expect(heard.bytes.starts(with: LaneChunk.warmUp.serialized()) && heard.state == .ended)
      _ = try heard.bytes.withUnsafeBytes { raw throws(LaneStripingError) in
        try receiver.receive(raw, on: index) {
          answer += $0
          return $0.count
        }
      }
      try receiver.end(index)
    }
    #expect(String(decoding: answer, as: UTF8.self) == "answer" && receiver.isComplete)
    pair.run(for: .milliseconds(200))
    #expect(pair.right.takeEvents().contains(.closed(StreamID(number: id))))
    // It is for the dialer to close its connections, but not for ever.
    pair.run(for: .seconds(8))
    #expect(pair.right.endpoint.connections.count == 13)
    pair.run(for: .seconds(4))
    #expect(pair.right.endpoint.connections.count == 1 && pair.right.failure == nil)
  }

  @Test("UPS-14: lanes may share a connection, the control connection, too") func shared() throws {
    let (pair, number) = try ready()
    for lane in 0..<2 as Range<UInt8> {
      _ = try pair.left.say(
        header(lane, of: 2) + chunk(UInt64(1 - lane), "\(lane)"), on: number, finishing: true)
    }
    pair.run(for: .milliseconds(100))
    let id = try #require(opened(pair.right).first)
    #expect(pair.right.readAll(id) == (Array("10".utf8), .ended))
    // Giving up such a flow leaves the connection alone.
    pair.right.reset(id, .refused)
    pair.run(for: .seconds(15))
    #expect(pair.right.failure == nil && pair.left.connections[number]?.isOver == false)
  }

  @Test("UPS-12: what is no header ends its connection, and nothing else") func badHeader() throws {
    let (pair, control) = try ready()
    let number = try connect(pair)
    _ = pair.left.say(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8), on: number)
    let short = try connect(pair)
    _ = pair.left.say(Array("DPTS".utf8), on: short, finishing: true)
    pair.run(for: .milliseconds(200))
    #expect(pair.left.connections[number]?.isClosedByPeer == true)
    #expect(pair.left.connections[number]?.peerCloseError == nil)
    #expect(pair.left.connections[short]?.isClosedByPeer == true)
    #expect(pair.left.connections[control]?.isOver == false)
    #expect(opened(pair.right).isEmpty)
  }

  @Test("UPS-14: a lane that is there already, or counts otherwise, is ended, and the flow goes on")
  func strayLanes()
    throws
  {
    let (pair, _) = try ready()
    let number = try connect(pair)
    _ = try pair.left.say(header(0, of: 2) + chunk(0, "a"), on: number)
    pair.run(for: .milliseconds(50))
    let again = try #require(try pair.left.say(header(0, of: 2), on: number))
    let other = try #require(try pair.left.say(header(1, of: 3), on: number))
    pair.run(for: .milliseconds(100))
    #expect(opened(pair.right).isEmpty)
    #expect(pair.left.hear(again, of: number)?.state == .ended)
    #expect(pair.left.hear(other, of: number)?.state == .ended)
    _ = try pair.left.say(header(1, of: 2) + chunk(1, "b"), on: number)
    pair.run(for: .milliseconds(50))
    let id = try #require(opened(pair.right).first)
    #expect(pair.right.readAll(id).bytes == Array("ab".utf8))
  }

  @Test("UPS-14: a flow whose lanes do not come is given up, and so is an idle connection") func incomplete()
    throws
  {
    let (pair, _) = try ready()
    let number = try connect(pair)
    let idle = try connect(pair)
    _ = try pair.left.say(header(0, of: 2), on: number)
    pair.run(for: .seconds(9))
    #expect(pair.right.flows.count == 1 && pair.left.connections[number]?.isOver == false)
    pair.run(for: .seconds(2))
    #expect(pair.right.flows.isEmpty)
    #expect(pair.left.connections[number]?.isClosedByPeer == true)
    #expect(pair.left.connections[idle]?.isClosedByPeer == true)
    #expect(pair.right.failure == nil)
  }

  @Test("UPS-12: a client that opens no control stream does not hold the tunnel") func noControl() throws {
    let (pair, number) = try ready(control: false)
    _ = try pair.left.say(header(0, of: 1), on: number)
    pair.run(for: .seconds(9))
    #expect(pair.right.failure == nil && opened(pair.right).count == 1)
    pair.run(for: .seconds(2))
    #expect(pair.right.isIdle)
  }

  @Test("UPS-12: the end of the control connection is the end") func controlEnds() throws {
    let (pair, number) = try ready()
    let lane = try connect(pair)
    pair.left.close(lane, code: 0, at: pair.now)
    pair.run(for: .milliseconds(100))
    #expect(!pair.right.isClosedByPeer)
    pair.left.close(number, code: 0, at: pair.now)
    pair.run(for: .milliseconds(100))
    #expect(pair.right.isClosedByPeer && pair.right.peerCloseError == nil)
  }

  @Test("UPS-15: a lane's connection that is lost ends the flow", arguments: [true, false])
  func lostLane(isClosed: Bool) throws {
    let (pair, _) = try ready()
    let numbers = [try connect(pair), try connect(pair)]
    for (lane, number) in numbers.enumerated() {
      _ = try pair.left.say(header(UInt8(lane), of: 2), on: number)
    }
    pair.run(for: .milliseconds(100))
    let id = StreamID(number: try #require(opened(pair.right).first))
    if isClosed {
      pair.left.close(numbers[0], code: 0, at: pair.now)
      pair.run(for: .milliseconds(100))
    } else {
      // The client forgets it, and its last words are lost.
      pair.left.close(numbers[0], code: 0, at: pair.now)
      var isFirst = true
      pair.isLost = { fromLeft in
        defer { if fromLeft { isFirst = false } }
        return fromLeft && isFirst
      }
      pair.run(for: .seconds(13))
    }
    let events = pair.right.takeEvents()
    #expect(events.contains(.reset(id, .gone)) && events.contains(.closed(id)))
    #expect(pair.left.connections[numbers[1]]?.isClosedByPeer == true)
    #expect(pair.right.endpoint.connections.count == 1)
  }

  @Test("UPS-13: chunks that cannot be right end the flow") func brokenChunks() throws {
    let (pair, _) = try ready()
    let number = try connect(pair)
    _ = try pair.left.say(header(0, of: 1) + chunk(0, "a") + chunk(0, "b"), on: number)
    pair.run(for: .milliseconds(100))
    let id = try #require(opened(pair.right).first)
    _ = pair.right.readAll(id)
    #expect(pair.right.takeEvents().contains(.reset(StreamID(number: id), .gone)))
    pair.run(for: .milliseconds(100))
    #expect(pair.left.connections[number]?.isClosedByPeer == true)
  }

  @Test("UPS-14: a lane whose host does not read costs no more than its window") func window() throws {
    let (pair, _) = try ready()
    let number = try connect(pair)
    let stream = try #require(try pair.left.say(header(0, of: 1), on: number))
    let block = try chunk(0, String(repeating: "x", count: 200_000))
    for _ in 0..<40 { pair.left.add(block, to: stream, of: number) }
    pair.run(for: .seconds(5))
    let sent = try #require(pair.left.connections[number]?.streamBytesSent)
    #expect(sent <= 4 << 20 && sent > 4_000_000)
  }

  @Test("UPS-14: more flows than the server takes are ended") func tooMany() throws {
    var limits = UpstreamTunnel.Limits()
    limits.flows = 1
    let (pair, _) = try ready(limits: limits)
    let number = try connect(pair)
    _ = try pair.left.say(header(0, of: 1), on: number)
    let second = try #require(try pair.left.say(header(0, of: 1, Bytes16(high: 7, low: 7)), on: number))
    pair.run(for: .milliseconds(100))
    #expect(opened(pair.right).count == 1)
    #expect(pair.left.hear(second, of: number)?.state == .ended)
  }
}
