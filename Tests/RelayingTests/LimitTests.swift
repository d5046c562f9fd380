import Basics
import Crypto
import Testing
import Wire

@testable import Relaying

@Suite struct LimitTests {
  @Test("connections are limited in total and per address, and freed")
  func connections() {
    var configuration = RelayConfiguration.loopback
    configuration.maximumConnections = 5
    configuration.maximumConnectionsPerAddress = 3
    let world = World(configuration)
    let ids = (0..<4).map { _ in world.connect(from: 1) }
    #expect(ids.map { $0 != nil } == [true, true, true, false])
    #expect(world.connect(from: 2) != nil)
    #expect(world.connect(from: 3) != nil)
    #expect(world.connect(from: 4) == nil)
    world.server.disconnect(ids[0]!, at: world.now, sink: world.sink)
    #expect(world.connect(from: 1) != nil)
    #expect(world.server.counters.refusals == 2)
    #expect(
      world.sink.events.filter { if case .refused(_, .tooManyConnections) = $0 { true } else { false } }.count
        == 2)
  }

  @Test("IPv6 addresses of one /64 count as one, IPv4 addresses each for itself")
  func grouping() {
    let first = Bytes16(high: 0x2001_0db8_0000_0001, low: 1)
    let second = Bytes16(high: 0x2001_0db8_0000_0001, low: 2)
    #expect(AddressTable.group(first) == AddressTable.group(second))
    #expect(AddressTable.group(first) != AddressTable.group(Bytes16(high: 0x2001_0db8_0000_0002, low: 1)))
    let mapped = Bytes16(high: 0, low: 0xffff_0102_0304)
    #expect(AddressTable.group(mapped) == mapped)
  }

  @Test("new connections of one address are slowed down")
  func connectionRate() {
    var configuration = RelayConfiguration.loopback
    configuration.connectionRate = RateLimit(perSecond: 2, burst: 3)
    let world = World(configuration)
    func attempt() -> Bool {
      guard let id = world.connect(from: 9) else { return false }
      world.server.disconnect(id, at: world.now, sink: world.sink)
      return true
    }
    #expect((0..<4).map { _ in attempt() } == [true, true, true, false])
    world.advance(.milliseconds(499))
    #expect(!attempt())
    world.advance(.milliseconds(1))
    #expect((0..<2).map { _ in attempt() } == [true, false])
    #expect(world.connect(from: 10) != nil)
  }

  @Test("addresses that are gone are forgotten, those with a used-up rate are not")
  func addressMemory() throws {
    var configuration = RelayConfiguration.loopback
    configuration.connectionRate = RateLimit(perSecond: 1, burst: 1)
    var table = AddressTable(configuration)
    for index in 0..<5_000 {
      let now = Instant.zero + .seconds(Int64(index))
      table.disconnect(try table.connect(Bytes16(high: UInt64(index) << 20, low: 0), at: now))
    }
    #expect(table.slotCount <= 512)
    let now = Instant.zero + .seconds(5_000)
    table.disconnect(try table.connect(.zero, at: now))
    let again = Result { try table.connect(.zero, at: now) }
    #expect(throws: AddressTable.Refusal.self) { try again.get() }
  }

  @Test("a client beyond its rate is told the rate, and read from late")
  func clientRate() throws {
    var configuration = RelayConfiguration.loopback
    configuration.clientRate = RateLimit(perSecond: 100_000, burst: 50_000)
    let world = World(configuration)
    let key = world.newKey()
    let id = world.connect()!
    world.feed(World.request + world.clientInfo(key), from: id)
    let output = world.takeOutput(id)
    let info = TestFrame.parse(Array(output.suffix(5 + 24 + 16 + 78)))?.first
    let json = try NaClBox.open(info?.payload ?? [], from: world.server.publicKey, to: key)
    #expect(
      String(decoding: json, as: UTF8.self)
        == #"{"version":2,"TokenBucketBytesPerSecond":100000,"TokenBucketBytesBurst":50000}"#)

    let receiver = world.join()
    #expect(world.sink.notReading.isEmpty)
    world.advance(.seconds(1))
    // 100,037 bytes: the bucket is overdrawn by 50,037 and level again after a bit more than half a second.
    for _ in 0..<2 {
      world.feed(TestFrame.send([UInt8](repeating: 1, count: 50_000 - 37), to: receiver.name), from: id)
    }
    #expect(world.frames(receiver)?.count == 2)
    #expect(world.sink.notReading == [id])
    world.advance(.milliseconds(499))
    #expect(world.sink.notReading == [id])
    world.advance(.milliseconds(2))
    #expect(world.sink.notReading.isEmpty)
    #expect(world.server.counters.pauses == 1)
  }

  @Test("the clients of one address share its rate")
  func addressRate() {
    var configuration = RelayConfiguration.loopback
    configuration.addressRate = RateLimit(perSecond: 100_000, burst: 100_000)
    let world = World(configuration)
    let (a, b, other) = (world.join(from: 1), world.join(from: 1), world.join(from: 2))
    world.advance(.seconds(1))
    let packet = TestFrame.send([UInt8](repeating: 1, count: 60_000), to: other.name)
    world.feed(packet, from: a)
    #expect(world.sink.notReading.isEmpty)
    world.feed(packet, from: b)
    #expect(world.sink.notReading == [b.id])
    world.feed(packet, from: other)
    #expect(world.sink.notReading == [b.id])
    world.advance(.milliseconds(202))
    #expect(world.sink.notReading.isEmpty)
  }

  @Test(
    "over a long time a client gets its rate, whatever the size of its pieces",
    arguments: [100, 7_000, 300_000])
  func longRun(size: Int) {
    var configuration = RelayConfiguration.loopback
    configuration.clientRate = RateLimit(perSecond: 1_000_000, burst: 100_000)
    let world = World(configuration)
    let a = world.join()
    let absent = world.newKey().publicKey
    var sent = 0
    let start = world.now
    let piece = TestFrame.send([UInt8](repeating: 0, count: min(size, 60_000)), to: absent)
    while world.now < start + .seconds(5) {
      while !world.sink.notReading.contains(a.id), sent < 1 << 26 {
        world.feed(piece, from: a)
        sent += piece.count
      }
      world.advance(.milliseconds(1))
    }
    #expect((4_900_000...5_300_000).contains(sent))
  }

  @Test("rates of any size neither trap nor stall", arguments: [1, 1_000, 1 << 40] as [Int64])
  func extremes(rate: Int64) {
    var bucket = TokenBucket(RateLimit(perSecond: rate, burst: rate), now: .zero)
    var now = Instant.zero
    for step in 0..<1_000 {
      if let level = bucket.draw(step * 1_000, at: now) {
        #expect(level > now)
      }
      now = now + Interval(nanoseconds: Int64(step) * 1_001)
    }
    _ = bucket.draw(.max, at: now)
    _ = bucket.draw(.max, at: Instant(nanoseconds: .max))
    var slow = TokenBucket(RateLimit(perSecond: 3, burst: 1), now: .zero)
    let first = slow.take(at: .zero)
    #expect(first)
    // Looked at every millisecond, it still fills after a third of a second.
    var full: Int64 = 1
    while full < 400, !slow.take(at: .zero + .milliseconds(full)) { full += 1 }
    #expect(full == 334)
  }
}
