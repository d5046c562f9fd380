import Basics
import Testing

@testable import Engine

extension QUICConnection {
  func send(datagram bytes: [UInt8], packetSize: Int = 1_200) -> DatagramSending {
    bytes.withUnsafeBytes { sendDatagram($0, packetSize: packetSize) }
  }

  /// All datagrams that the host has not taken.
  func takeDatagrams() -> [[UInt8]] {
    var datagrams: [[UInt8]] = []
    while readDatagram({ datagrams.append(Array($0)) }) {}
    return datagrams
  }
}

extension QUICPair {
  /// A pair that is ready for datagrams.
  static func carryingDatagrams() throws -> QUICPair {
    var parameters = QUICParameters()
    parameters.carriesDatagrams = true
    let pair = try QUICPair(parameters: parameters)
    pair.run { pair.client.isReady && pair.server.isReady }
    _ = pair.client.takeEvents()
    _ = pair.server.takeEvents()
    return pair
  }
}

@Suite("Datagrams of a QUIC connection")
struct QUICDatagramTests {
  @Test("datagrams of every size that fits arrive whole, both ways")
  func bothWays() throws {
    let pair = try QUICPair.carryingDatagrams()
    let largest = try #require(pair.client.largestDatagram(packetSize: 1_200))
    let sizes = [0, 1, 63, 64, 500, largest - 1, largest]
    let datagrams = sizes.map { [UInt8](repeating: UInt8(truncatingIfNeeded: $0), count: $0) }
    for datagram in datagrams {
      #expect(pair.client.send(datagram: datagram) == .accepted)
      #expect(pair.server.send(datagram: datagram) == .accepted)
    }
    pair.run()
    #expect(pair.server.takeDatagrams() == datagrams)
    #expect(pair.client.takeDatagrams() == datagrams)
    #expect(pair.client.datagramCounts.sent == 7)
    #expect(pair.server.datagramCounts.received == 7)
    #expect(pair.largestPacket <= 1_200)
  }

  @Test("DGR-2: a datagram that no packet carries is too large, counted, and does no harm")
  func tooLarge() throws {
    let pair = try QUICPair.carryingDatagrams()
    for packetSize in [1_200, 1_452, 8_192] {
      let largest = try #require(pair.client.largestDatagram(packetSize: packetSize))
      // As much as a packet has room for, but for a few bytes of its number.
      #expect((packetSize - 32...packetSize - 29).contains(largest))
      let result = pair.client.send(
        datagram: [UInt8](repeating: 0, count: largest + 1), packetSize: packetSize)
      #expect(result == .tooLarge)
    }
    #expect(pair.client.datagramCounts.tooLarge == 3)
    #expect(pair.client.send(datagram: [1]) == .accepted)
    pair.run()
    #expect(pair.server.takeDatagrams() == [[1]])
  }

  @Test("DGR-2: what waits when the path becomes smaller is dropped and counted, the rest leaves")
  func smallerPath() throws {
    let pair = try QUICPair.carryingDatagrams()
    #expect(pair.client.send(datagram: [UInt8](repeating: 1, count: 8_000), packetSize: 8_192) == .accepted)
    #expect(pair.client.send(datagram: [2], packetSize: 8_192) == .accepted)
    pair.run()
    #expect(pair.server.takeDatagrams() == [[2]])
    #expect(pair.client.datagramCounts.tooLarge == 1)
    #expect(pair.client.datagramCounts.sent == 1)
    pair.packetSize = 8_192
    #expect(pair.client.send(datagram: [UInt8](repeating: 3, count: 8_000), packetSize: 8_192) == .accepted)
    pair.run()
    #expect(pair.server.takeDatagrams().map(\.count) == [8_000])
  }

  @Test("a datagram that does not fit behind others of a batch waits and is not too large")
  func shortPacketOfABatch() throws {
    let pair = try QUICPair.carryingDatagrams()
    let datagram = [UInt8](repeating: 1, count: 1_000)
    #expect(pair.client.send(datagram: datagram) == .accepted)
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_200, alignment: 16)
    defer { buffer.deallocate() }
    #expect(pair.client.poll(into: buffer, limit: 300, packetSize: 1_200, at: pair.now) == 0)
    let waiting = pair.client.outgoingDatagrams.count
    #expect(waiting == 1)
    pair.run()
    #expect(pair.server.takeDatagrams() == [datagram])
    #expect(pair.client.datagramCounts.tooLarge == 0)
  }

  @Test("a connection carries datagrams only when both sides want it", arguments: [true, false])
  func unavailable(_ isClientWilling: Bool) throws {
    var willing = QUICParameters()
    willing.carriesDatagrams = true
    let pair = try QUICPair(
      parameters: isClientWilling ? willing : QUICParameters(),
      serverParameters: isClientWilling ? QUICParameters() : willing)
    #expect(pair.client.send(datagram: [1]) == .unavailable)
    pair.run { pair.client.isReady && pair.server.isReady }
    #expect(pair.client.send(datagram: [1]) == .unavailable)
    #expect(pair.server.send(datagram: [1]) == .unavailable)
    #expect(pair.client.largestDatagram(packetSize: 1_200) == nil)
    pair.run()
    #expect(pair.client.failure == nil && pair.server.failure == nil)
  }

  @Test("DGR-3: a lost datagram is not sent again")
  func lost() throws {
    let pair = try QUICPair.carryingDatagrams()
    pair.run()
    var losses = 0
    pair.isLost = { fromClient in
      guard fromClient, losses == 0 else { return false }
      losses += 1
      return true
    }
    #expect(pair.client.send(datagram: [1]) == .accepted)
    pair.run()
    #expect(pair.client.send(datagram: [2]) == .accepted)
    pair.run()
    #expect(losses == 1)
    #expect(pair.server.takeDatagrams() == [[2]])
    #expect(!pair.client.awaitsAcknowledgement)
  }

  @Test("DGR-3: who sends more than leaves is refused, and told")
  func queueFull() throws {
    let pair = try QUICPair.carryingDatagrams()
    for _ in 0..<DatagramQueue.usualLimit { #expect(pair.client.send(datagram: [1]) == .accepted) }
    #expect(pair.client.send(datagram: [2]) == .queueFull)
    #expect(pair.client.datagramCounts.refused == 1)
    pair.run { pair.client.outgoingDatagrams.isEmpty }
    #expect(pair.client.send(datagram: [3]) == .accepted)
  }

  @Test("DGR-4: a host that takes none loses what comes last, and is told once that some are there")
  func slowHost() throws {
    let pair = try QUICPair.carryingDatagrams()
    let count = DatagramQueue.usualLimit + 44
    for number in 0..<count {
      #expect(pair.client.send(datagram: [UInt8(number >> 8), UInt8(number & 0xff)]) == .accepted)
      if number % 50 == 49 { pair.run { pair.client.outgoingDatagrams.isEmpty } }
    }
    pair.run()
    #expect(pair.server.datagramCounts.received == UInt64(DatagramQueue.usualLimit))
    #expect(pair.server.datagramCounts.dropped == 44)
    #expect(pair.server.events.filter { $0 == .datagrams }.count == 1)
    while let event = pair.server.pollEvent() { #expect(event == .datagrams) }
    let datagrams = pair.server.takeDatagrams()
    #expect(datagrams.count == DatagramQueue.usualLimit)
    #expect(datagrams.first == [0, 0])
    // The next one is an event of its own.
    #expect(pair.client.send(datagram: [9]) == .accepted)
    pair.run()
    #expect(pair.server.pollEvent() == .datagrams)
    #expect(pair.server.takeDatagrams() == [[9]])
  }

  @Test("DGR-5: where streams and datagrams wait, each goes first in every other packet")
  func turns() throws {
    let pair = try QUICPair.carryingDatagrams()
    let id = try #require(pair.client.openStream())
    pair.run()
    #expect(pair.client.put([UInt8](repeating: 7, count: 32 << 10), on: id) == 32 << 10)
    for _ in 0..<8 { #expect(pair.client.send(datagram: [UInt8](repeating: 8, count: 1_100)) == .accepted) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_200, alignment: 16)
    defer { buffer.deallocate() }
    let streamBytes = pair.client.streamBytesSent
    for _ in 0..<8 { #expect(pair.client.poll(into: buffer, limit: 1_200, at: pair.now) > 1_100) }
    #expect(pair.client.datagramCounts.sent == 4)
    // The rest of a packet behind a datagram is the streams' as well.
    #expect(pair.client.streamBytesSent - streamBytes > 4 * 1_100)
  }

  @Test("small datagrams share a packet")
  func packing() throws {
    let pair = try QUICPair.carryingDatagrams()
    pair.run()
    let before = pair.client.packetsSent
    let datagrams = (0..<40).map { [UInt8](repeating: $0, count: 100) }
    for datagram in datagrams { #expect(pair.client.send(datagram: datagram) == .accepted) }
    pair.run { pair.server.datagramCounts.received == 40 }
    #expect(pair.server.takeDatagrams() == datagrams)
    #expect(pair.client.packetsSent - before <= 6)
  }
}
