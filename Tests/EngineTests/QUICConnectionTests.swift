import Basics
import Crypto
import Testing

@testable import Engine

/// Two connections that exchange packets in virtual time.
final class QUICPair {
  let client: QUICConnection
  let server: QUICConnection
  var now = Instant(nanoseconds: 1_000_000_000)
  var delay = Interval.milliseconds(10)
  /// Whether a packet is lost; asked once for each.
  var isLost: (_ fromClient: Bool) -> Bool = { _ in false }
  /// Is shown each packet.
  var seen: (UnsafeMutableRawBufferPointer) -> Void = { _ in }
  /// The size of packets, which may change at any time.
  var packetSize = 1_200
  private var inFlight: [(at: Instant, toServer: Bool, packet: [UInt8])] = []
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
  private(set) var largestPacket = 0

  init(
    clientPin: Bytes32? = nil, serverPin: Bytes32? = nil, parameters: QUICParameters = QUICParameters(),
    serverParameters: QUICParameters? = nil, seed: UInt64 = 1
  )
    throws
  {
    var random = SeededGenerator(seed: seed)
    let clientIdentity = Ed25519Identity(random: &random)
    let serverIdentity = Ed25519Identity(random: &random)
    client = try QUICConnection(
      isServer: false, identity: clientIdentity, pin: clientPin ?? serverIdentity.publicKey,
      parameters: parameters, random: Session.Generator(base: SeededGenerator(seed: seed &+ 1)), at: now)
    server = try QUICConnection(
      isServer: true, identity: serverIdentity, pin: serverPin ?? clientIdentity.publicKey,
      parameters: serverParameters ?? parameters,
      random: Session.Generator(base: SeededGenerator(seed: seed &+ 2)), at: now)
  }

  deinit { buffer.deallocate() }

  /// Lets time pass until nothing is due any more, `done` says so, or a minute is over.
  func run(until done: () -> Bool = { false }) {
    let end = now + .seconds(60)
    while !done(), now < end {
      drain(client, toServer: true)
      drain(server, toServer: false)
      var next = inFlight.map(\.at).min() ?? Instant(nanoseconds: .max)
      for deadline in [client.deadline, server.deadline] { next = min(next, deadline ?? next) }
      guard next < end else { return }
      now = max(now, next)
      let due = inFlight.filter { $0.at <= now }
      inFlight.removeAll { $0.at <= now }
      for item in due {
        item.packet.withUnsafeBytes { (item.toServer ? server : client).receive($0, at: now) }
      }
      client.handleTimeout(at: now)
      server.handleTimeout(at: now)
    }
  }

  private func drain(_ side: QUICConnection, toServer: Bool) {
    while true {
      let length = side.poll(into: buffer, limit: packetSize, at: now)
      guard length > 0 else { break }
      largestPacket = max(largestPacket, length)
      seen(buffer)
      if !isLost(toServer) {
        inFlight.append((now + delay, toServer, Array(buffer[..<length])))
      }
    }
    side.burstEnded(at: now)
  }
}

extension QUICConnection {
  func takeEvents() -> [StreamEvent] {
    defer { events.removeAll() }
    return Array(events)
  }

  /// Everything that has arrived on the stream, and whether that was all.
  func readAll(_ id: Int64) -> (bytes: [UInt8], state: StreamReadState) {
    var bytes: [UInt8] = []
    let state = read(id) {
      bytes += $0
      return $0.count
    }
    return (bytes, state)
  }

  func put(_ bytes: [UInt8], on id: Int64) -> Int {
    fill(id) { room in
      let count = min(room.count, bytes.count)
      room.copyBytes(from: bytes.prefix(count))
      return count
    }
  }
}

@Suite struct QUICConnectionTests {
  @Test func handshakeWithPinnedIdentities() throws {
    let pair = try QUICPair()
    pair.run { pair.client.isReady && pair.server.isReady }
    #expect(pair.client.takeEvents().contains(.ready))
    #expect(pair.server.takeEvents().contains(.ready))
  }

  @Test("STR-1: a server with another key gets nothing") func wrongServer() throws {
    var random = SeededGenerator(seed: 99)
    let pair = try QUICPair(clientPin: Ed25519Identity(random: &random).publicKey)
    pair.run { pair.client.failure != nil }
    #expect(pair.client.failure != nil)
    #expect(!pair.client.isReady)
    #expect(pair.client.openStream() == nil)
    #expect(!pair.server.isReady)
  }

  @Test("STR-1: a client with another key gets no stream") func wrongClient() throws {
    var random = SeededGenerator(seed: 99)
    let pair = try QUICPair(serverPin: Ed25519Identity(random: &random).publicKey)
    pair.run { pair.server.failure != nil }
    #expect(pair.server.failure != nil)
    #expect(!pair.server.isReady)
    #expect(!pair.server.takeEvents().contains(where: { if case .opened = $0 { true } else { false } }))
  }

  @Test("STR-2: a stream is announced before its first byte") func announcement() throws {
    let pair = try QUICPair()
    pair.run { pair.client.isReady && pair.server.isReady }
    let id = try #require(pair.client.openStream())
    pair.run { pair.server.streams[id] != nil }
    #expect(pair.server.takeEvents().contains(.opened(StreamID(number: id))))
    // The service speaks first.
    #expect(pair.server.put(Array("hello".utf8), on: id) == 5)
    pair.run { pair.client.streams[id]!.unread > 0 }
    #expect(pair.client.readAll(id).bytes == Array("hello".utf8))
  }

  @Test func halfCloseBothWays() throws {
    let pair = try QUICPair()
    pair.run { pair.client.isReady && pair.server.isReady }
    let id = try #require(pair.client.openStream())
    _ = pair.client.put(Array("question".utf8), on: id)
    pair.client.finish(id)
    pair.run { pair.server.streams[id]?.hasIncomingEnd == true }
    let question = pair.server.readAll(id)
    #expect(question.bytes == Array("question".utf8))
    #expect(question.state == .ended)
    _ = pair.server.put(Array("answer".utf8), on: id)
    pair.server.finish(id)
    pair.run { pair.client.streams[id]?.hasIncomingEnd == true }
    let answer = pair.client.readAll(id)
    #expect(answer.bytes == Array("answer".utf8))
    #expect(answer.state == .ended)
    pair.run { pair.client.streams.isEmpty && pair.server.streams.isEmpty }
    #expect(pair.client.takeEvents().last == .closed(StreamID(number: id)))
    #expect(pair.server.takeEvents().contains(.closed(StreamID(number: id))))
  }

  @Test func resetReachesThePeer() throws {
    let pair = try QUICPair()
    pair.run { pair.client.isReady && pair.server.isReady }
    let id = try #require(pair.client.openStream())
    pair.run { pair.server.streams[id] != nil }
    pair.server.reset(id, .refused)
    pair.server.stopReading(id, .refused)
    pair.run { pair.client.streams.isEmpty && pair.server.streams.isEmpty }
    let events = pair.client.takeEvents()
    #expect(events.contains(.reset(StreamID(number: id), .refused)))
    #expect(events.contains(.closed(StreamID(number: id))))
    #expect(pair.client.streams.isEmpty)
    #expect(pair.server.streams.isEmpty)
  }

  @Test func whoStopsReadingStopsTheWriter() throws {
    let pair = try QUICPair()
    pair.run { pair.client.isReady && pair.server.isReady }
    let id = try #require(pair.client.openStream())
    pair.run { pair.server.streams[id] != nil }
    pair.server.stopReading(id, .gone)
    pair.run()
    _ = pair.client.put([1, 2, 3], on: id)
    pair.run { pair.client.streams[id]?.isSendingOver == true }
    #expect(pair.client.takeEvents().contains(.stopped(StreamID(number: id))))
    // The other direction goes on.
    _ = pair.server.put([4, 5, 6], on: id)
    pair.server.finish(id)
    pair.run { pair.client.streams[id]?.hasIncomingEnd == true }
    #expect(pair.client.readAll(id).bytes == [4, 5, 6])
    pair.run { pair.client.streams.isEmpty && pair.server.streams.isEmpty }
    #expect(pair.client.streams.isEmpty && pair.server.streams.isEmpty)
  }

  /// Moves a pattern through a stream with a reader that keeps up; what arrived must be the pattern.
  private func transfer(_ pair: QUICPair, bytes total: Int) throws {
    pair.run { pair.client.isReady && pair.server.isReady }
    let id = try #require(pair.client.openStream())
    var sent = 0
    var received = 0
    var isRight = true
    var isOver = false
    pair.run {
      while pair.client.wanted(by: id) > 0, sent < total {
        sent += pair.client.fill(id) { room in
          let count = min(room.count, total - sent)
          for index in 0..<count { room[index] = UInt8(truncatingIfNeeded: (sent + index) &* 31) }
          return count
        }
        if sent == total { pair.client.finish(id) }
      }
      let state = pair.server.read(id) { piece in
        for (index, byte) in piece.enumerated()
        where byte != UInt8(truncatingIfNeeded: (received + index) &* 31) {
          isRight = false
        }
        received += piece.count
        return piece.count
      }
      isOver = state == .ended
      return isOver
    }
    #expect(isOver)
    #expect(isRight)
    #expect(received == total)
    #expect(pair.client.totalUnsent == 0)
  }

  @Test func manyBytesArriveInOrder() throws {
    try transfer(QUICPair(), bytes: 5_000_000)
  }

  @Test func lostPacketsAreSentAgain() throws {
    let pair = try QUICPair()
    var random = SeededGenerator(seed: 7)
    pair.isLost = { _ in Int.random(in: 0..<50, using: &random) == 0 }
    try transfer(pair, bytes: 2_000_000)
  }

  @Test("STR-5: a path that becomes smaller loses nothing") func smallerPath() throws {
    let pair = try QUICPair()
    pair.packetSize = 8_000
    var count = 0
    // The path shrinks in the middle: what was larger is lost, and has to be cut anew.
    pair.isLost = { _ in
      count += 1
      if count == 200 { pair.packetSize = 1_200 }
      return (200..<260).contains(count)
    }
    try transfer(pair, bytes: 5_000_000)
    #expect(pair.largestPacket > 7_000)
  }

  @Test func aReaderThatStopsHoldsTheSenderBack() throws {
    let pair = try QUICPair()
    pair.run { pair.client.isReady && pair.server.isReady }
    let id = try #require(pair.client.openStream())
    let block = [UInt8](repeating: 7, count: 64 << 10)
    var sent = 0
    pair.run {
      while true {
        let count = pair.client.put(block, on: id)
        sent += count
        if count == 0 { return false }
      }
    }
    let window = Int(pair.server.parameters.streamWindow)
    #expect(pair.server.streams[id]!.unread == window)
    #expect(sent <= window + QUICStream.unsentLimit)
    // Once the reader goes on, so does the sender.
    _ = pair.server.readAll(id)
    pair.run { pair.server.streams[id]!.unread > 0 }
    #expect(pair.server.streams[id]!.unread > 0)
  }

  @Test func hundredsOfStreamsAtOnceAndAgain() throws {
    var parameters = QUICParameters()
    parameters.streams = 100
    let pair = try QUICPair(parameters: parameters)
    pair.run { pair.client.isReady && pair.server.isReady }
    var answers = 0
    for _ in 0..<5 {
      var open: [Int64] = []
      while let id = pair.client.openStream() {
        open.append(id)
        _ = pair.client.put(Array("\(id)".utf8), on: id)
        pair.client.finish(id)
      }
      #expect(open.count == 100)
      pair.run {
        for case .readable(let id) in pair.server.takeEvents() {
          let question = pair.server.readAll(id.number)
          guard question.state == .ended else { continue }
          _ = pair.server.put(question.bytes, on: id.number)
          pair.server.finish(id.number)
        }
        for case .readable(let id) in pair.client.takeEvents() {
          let answer = pair.client.readAll(id.number)
          if answer.state == .ended, answer.bytes == Array("\(id.number)".utf8) { answers += 1 }
        }
        return pair.client.streams.isEmpty && pair.server.streams.isEmpty
      }
      // The last MAX_STREAMS may still be on its way.
      pair.run()
    }
    #expect(answers == 500)
    #expect(pair.client.sendQueue.isEmpty)
  }

  @Test func rubbishIsDropped() throws {
    let pair = try QUICPair()
    for first in UInt8.min...UInt8.max {
      let packet = [first] + [UInt8](repeating: 0x5a, count: 60)
      packet.withUnsafeBytes {
        pair.server.receive($0, at: pair.now)
        pair.client.receive($0, at: pair.now)
      }
    }
    pair.run { pair.client.isReady && pair.server.isReady }
    for first in UInt8.min...UInt8.max {
      let packet = [first] + [UInt8](repeating: 0x5a, count: 60)
      packet.withUnsafeBytes {
        pair.server.receive($0, at: pair.now)
        pair.client.receive($0, at: pair.now)
      }
    }
    #expect(pair.client.isReady && pair.client.failure == nil)
    #expect(pair.server.isReady && pair.server.failure == nil)
  }
}
