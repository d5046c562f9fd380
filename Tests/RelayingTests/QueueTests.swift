import Basics
import Testing
import Wire

@testable import Relaying

@Suite struct QueueTests {
  /// A packet of `size` bytes that tells its number.
  func packet(_ number: Int, _ size: Int) -> [UInt8] {
    [UInt8(number >> 8 & 255), UInt8(number & 255)]
      + [UInt8](repeating: UInt8(number & 127), count: max(size - 2, 0))
  }

  @Test("of forty packets for a client that takes nothing, the last 32 arrive")
  func overflow() {
    let world = World()
    let (a, b) = (world.join(), world.join())
    world.sink.room[b.id] = 0
    for number in 0..<40 { world.feed(TestFrame.send(packet(number, 20_000), to: b.name), from: a) }
    #expect(world.server.counters.droppedFull == 8)
    world.sink.room[b.id] = nil
    #expect(!world.writable(b))
    #expect(world.frames(b) == (8..<40).map { .received(packet($0, 20_000), from: a.name) })
  }

  @Test("a frame that was partly written is finished, whatever is dropped behind it")
  func partial() {
    let world = World()
    let (a, b) = (world.join(), world.join())
    world.sink.room[b.id] = 10
    for number in 0..<50 { world.feed(TestFrame.send(packet(number, 65_536), to: b.name), from: a) }
    world.feed(TestFrame.send([1], to: a.name), from: b)
    world.sink.room[b.id] = 70_000
    #expect(world.writable(b))
    world.sink.room[b.id] = nil
    #expect(!world.writable(b))
    let frames = world.frames(b)
    #expect(frames?.first == .received(packet(0, 65_536), from: a.name))
    #expect(frames?.last == .received(packet(49, 65_536), from: a.name))
    #expect(frames?.count == 33)
  }

  @Test("with room that comes and goes, every frame that arrives is whole and in order", arguments: 0..<16)
  func property(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 77)
    let world = World()
    let (a, b) = (world.join(), world.join())
    var isBlocked = false
    world.sink.room[b.id] = 0
    let large = generator.next() % 2 == 0
    var pings = 0
    for number in 0..<160 {
      let size = Int(generator.next() % (large ? 65_537 : 2_500))
      world.feed(TestFrame.send(packet(number, size), to: b.name), from: a)
      if generator.next() % 16 == 0 {
        pings += 1
        world.feed(TestFrame(.ping, [UInt8](repeating: 3, count: 8)).bytes, from: b)
      }
      if generator.next() % 3 == 0 {
        world.sink.room[b.id] = Int(generator.next() % (large ? 300_000 : 9_000))
        isBlocked = world.writable(b)
      }
    }
    world.sink.room[b.id] = nil
    isBlocked = world.writable(b)
    #expect(!isBlocked)
    let frames = world.frames(b)
    var previous = -1
    var pongs = 0
    for frame in frames ?? [] {
      if frame.type == DERPFrameType.pong.rawValue {
        pongs += 1
        continue
      }
      let content = Array(frame.payload.dropFirst(32))
      guard content.count >= 2 else { continue }
      let number = Int(content[0]) << 8 | Int(content[1])
      #expect(content == packet(number, content.count))
      #expect(number > previous)
      previous = number
    }
    #expect(frames != nil)
    #expect(pongs == pings)
    #expect(previous >= 158)
    let arrived = (frames?.count ?? 0) - pongs
    #expect(UInt64(arrived) + world.server.counters.droppedFull == 160)
  }

  @Test("the memory of all queues together is bounded, and given back")
  func memory() {
    var configuration = RelayConfiguration.loopback
    configuration.queueMemory = 100_000
    let world = World(configuration)
    let (a, b, c) = (world.join(), world.join(), world.join())
    world.sink.room[b.id] = 0
    world.sink.room[c.id] = 0
    for number in 0..<20 { world.feed(TestFrame.send(packet(number, 30_000), to: b.name), from: a) }
    for number in 0..<20 { world.feed(TestFrame.send(packet(number, 30_000), to: c.name), from: a) }
    #expect(world.server.counters.droppedFull > 30)
    world.sink.room[b.id] = nil
    _ = world.writable(b)
    let numbers = world.frames(b)?.map { Int($0.payload[33]) }
    #expect(numbers?.last == 19)
    world.server.disconnect(b.id, at: world.now, sink: world.sink)
    world.server.disconnect(c.id, at: world.now, sink: world.sink)
    #expect(world.server.budget.take(100_000))
  }

  @Test("a client that takes nothing for ten seconds is closed; one that takes a little is not")
  func writeTimeout() {
    let world = World()
    let (a, b, c) = (world.join(), world.join(), world.join())
    for client in [b, c] {
      world.sink.room[client.id] = 0
      for number in 0..<10 {
        world.feed(TestFrame.send(packet(number, 50_000), to: client.name), from: a)
      }
    }
    for _ in 0..<3 {
      world.advance(.seconds(4))
      world.sink.room[c.id] = 1_000
      #expect(world.writable(c))
    }
    #expect(world.reason(b) == .writeTimeout)
    #expect(world.reason(c) == nil)
    // A reminder that there is room, without any taken, is no progress.
    world.advance(.seconds(9))
    #expect(world.writable(c))
    world.advance(.seconds(1))
    #expect(world.reason(c) == .writeTimeout)
    #expect(world.reason(a) == nil)
  }

  @Test("a broken connection is removed by the write that finds out, also one's own")
  func broken() {
    let world = World()
    let (a, b) = (world.join(), world.join())
    world.sink.broken = [b.id]
    world.feed(TestFrame.send([1], to: b.name) + TestFrame.send([2], to: a.name), from: a)
    #expect(world.reason(b) == .disconnected)
    #expect(
      world.frames(a)
        == [.received([2], from: a.name), TestFrame(.peerGone, b.name.array + [0])].filter {
          $0.type == DERPFrameType.receivePacket.rawValue
        })
    world.sink.broken = [a.id]
    world.feed(TestFrame.send([1], to: a.name) + TestFrame.send([2], to: a.name), from: a)
    #expect(world.reason(a) == .disconnected)
    #expect(world.server.connectionCount == 0)
  }

  @Test("a flood of pings to which the answers are not read costs bounded memory")
  func pingFlood() {
    let world = World()
    let a = world.join()
    world.sink.room[a.id] = 0
    for _ in 0..<10_000 { world.feed(TestFrame(.ping, Array(1...8)).bytes, from: a) }
    #expect(world.server.counters.droppedControl > 7_000)
    world.sink.room[a.id] = nil
    _ = world.writable(a)
    #expect((world.frames(a)?.count ?? 0) <= 32_768 / 13)
  }
}

@Suite struct PacketQueueTests {
  func frame(_ tag: UInt8, _ length: Int) -> [UInt8] {
    TestFrame(.receivePacket, [UInt8](repeating: tag, count: length - 5)).bytes
  }

  @Test("behaves like a list of frames whose oldest give way", arguments: 0..<6)
  func model(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let queue = PacketQueue(budget: MemoryBudget(8 << 20))
    var model: [[UInt8]] = []
    for step in 0..<600 {
      if generator.next() % 3 != 0 {
        let limit: UInt64 = step % 200 < 100 ? 2_000 : 65_573
        let frame = frame(UInt8(step & 255), 5 + Int(generator.next() % limit))
        model.append(frame)
        let dropped = frame.withUnsafeBytes { queue.append($0) }
        #expect(dropped == max(model.count - PacketQueue.limit, 0))
        model.removeFirst(dropped)
      } else {
        let run = Array(queue.contiguous)
        var whole: [UInt8] = []
        var count = 0
        while whole.count < run.count {
          whole += model[count]
          count += 1
        }
        #expect(whole == run)
        let taken = count == 0 ? 0 : Int(generator.next() % UInt64(count + 1))
        queue.removeFirst(bytes: model.prefix(taken).reduce(0) { $0 + $1.count })
        model.removeFirst(taken)
      }
      #expect(queue.count == model.count)
    }
  }
}
