import Basics
import Relaying
import Testing
import Wire

@Suite struct FrameTests {
  @Test("a packet arrives with the sender's key in front, also at oneself")
  func packets() {
    let world = World()
    let (a, b) = (world.join(), world.join())
    world.feed(TestFrame.send(Array("hi".utf8), to: b.name), from: a)
    world.feed(TestFrame.send([], to: a.name), from: b)
    world.feed(TestFrame.send([1], to: b.name), from: b)
    #expect(
      world.frames(b) == [.received(Array("hi".utf8), from: a.name), .received([1], from: b.name)])
    #expect(world.frames(a) == [.received([], from: b.name)])
    #expect(world.server.counters.packetsRelayed == 3)
  }

  @Test("frames that follow each other to one receiver leave in one write")
  func runs() {
    let world = World()
    let (a, b, c) = (world.join(), world.join(), world.join())
    let before = world.sink.writes
    var input: [UInt8] = []
    for number in 0..<10 { input += TestFrame.send([UInt8(number)], to: b.name) }
    for number in 10..<20 { input += TestFrame.send([UInt8(number)], to: c.name) }
    world.feed(input, from: a)
    #expect(world.sink.writes - before == 2)
    #expect(world.frames(b) == (0..<10).map { .received([$0], from: a.name) })
    #expect(world.frames(c) == (10..<20).map { .received([$0], from: a.name) })
  }

  @Test("any chunks give the same result as one piece", arguments: 0..<12)
  func chunks(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    let world = World()
    let (a, b, c) = (world.join(), world.join(), world.join())
    var input: [UInt8] = []
    var expected: [[TestFrame]] = [[], []]
    for _ in 0..<30 {
      switch generator.next() % 8 {
      case 0: input += TestFrame(.ping, generator.bytes(8 + Int(generator.next() % 20))).bytes
      case 1: input += [0x77, 0, 0, 1, 0] + [UInt8](repeating: 9, count: 256)
      case 2: input += TestFrame(.pong, []).bytes + TestFrame(.notePreferred, [1]).bytes
      case 3: input += TestFrame.send([1, 2, 3], to: .zero)
      default:
        let size = generator.next() % 5 == 0 ? 40_000 : Int(generator.next() % 3_000)
        let packet = generator.bytes(size)
        let index = Int(generator.next() % 2)
        input += TestFrame.send(packet, to: (index == 0 ? b : c).name)
        expected[index].append(.received(packet, from: a.name))
      }
    }
    var rest = input[...]
    while !rest.isEmpty {
      let step = Int(generator.next() % (generator.next() % 3 == 0 ? 50_000 : 40)) + 1
      world.feed(Array(rest.prefix(step)), from: a)
      rest = rest.dropFirst(step)
    }
    #expect(world.reason(a) == nil)
    #expect(world.frames(b) == expected[0])
    #expect(world.frames(c) == expected[1])
    #expect(world.frames(a)?.allSatisfy { $0.type == DERPFrameType.pong.rawValue } == true)
  }

  @Test("a ping comes back as its first eight bytes")
  func ping() {
    let world = World()
    let a = world.join()
    world.feed(TestFrame(.ping, Array(1...8)).bytes + TestFrame(.ping, Array(1...20)).bytes, from: a)
    #expect(world.frames(a) == [TestFrame(.pong, Array(1...8)), TestFrame(.pong, Array(1...8))])
  }

  @Test(
    "frames that end the connection",
    arguments: [
      TestFrame(.sendPacket, [UInt8](repeating: 1, count: 31)).bytes,
      [0x04, 0, 1, 0, 0x21],  // 65,569 bytes are announced
      [0x04, 0xff, 0xff, 0xff, 0xff],
      TestFrame(.ping, [1, 2, 3, 4, 5, 6, 7]).bytes,
      [0x12, 0, 0, 0x03, 0xe9],
      TestFrame(.notePreferred, []).bytes,
      TestFrame(.notePreferred, [1, 0]).bytes,
      TestFrame(.watchConnections, []).bytes,
      TestFrame(.closePeer, [UInt8](repeating: 1, count: 32)).bytes,
      TestFrame(.forwardPacket, [UInt8](repeating: 1, count: 64)).bytes,
    ])
  func hostile(frame: [UInt8]) {
    for drip in [false, true] {
      let world = World()
      let (a, b) = (world.join(), world.join())
      let good = TestFrame.send([5], to: b.name)
      if drip {
        for byte in good + frame { world.feed([byte], from: a) }
      } else {
        world.feed(good + frame + good, from: a)
      }
      #expect(world.reason(a) == .malformedFrame(frame[0]))
      // What came before still counts, what came after does not.
      #expect(
        world.frames(b) == [
          .received([5], from: a.name), TestFrame(.peerGone, a.name.array + [0]),
        ])
      world.feed(good, from: a)
      #expect(world.server.connectionCount == 1)
    }
  }

  @Test("unknown frames are skipped by their length, without keeping them")
  func unknown() {
    let world = World()
    let (a, b) = (world.join(), world.join())
    let length = 3_000_000
    world.feed([0x55, 0, UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255)], from: a)
    for _ in 0..<300 { world.feed([UInt8](repeating: 4, count: 10_000), from: a) }
    world.feed([0x55, 0, 0, 0, 0] + TestFrame.send([1], to: b.name), from: a)
    #expect(world.frames(b) == [.received([1], from: a.name)])
  }

  @Test("a packet for nobody is dropped in silence, unless it looks like Tailscale's discovery")
  func nobody() {
    let world = World()
    let a = world.join()
    let absent = world.newKey().publicKey
    let discovery = [0x54, 0x53, 0xf0, 0x9f, 0x92, 0xac] + [UInt8](repeating: 0, count: 56)
    world.feed(TestFrame.send([1, 2, 3], to: absent), from: a)
    world.feed(TestFrame.send(Array(discovery.dropLast()), to: absent), from: a)
    #expect(world.frames(a) == [])
    for _ in 0..<5 { world.feed(TestFrame.send(discovery, to: absent), from: a) }
    let notHere = TestFrame(.peerGone, absent.array + [1])
    #expect(world.frames(a) == [notHere, notHere, notHere])
    world.advance(.milliseconds(334))
    for _ in 0..<5 { world.feed(TestFrame.send(discovery, to: absent), from: a) }
    #expect(world.frames(a) == [notHere])
    #expect(world.server.counters.droppedUnknown == 12)
  }
}

@Suite struct NoiseTests {
  @Test("random bytes and damaged frames never trap, and harm no one else", arguments: 0..<30)
  func noise(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed) + 1_000)
    let world = World()
    let (a, b) = (world.join(), world.join())
    for round in 0..<40 {
      let noisy = world.join()
      var input: [UInt8] = []
      for _ in 0..<6 { input += TestFrame.send(generator.bytes(Int(generator.next() % 300)), to: b.name) }
      for _ in 0..<Int(generator.next() % 6) {
        input[Int(generator.next() % UInt64(input.count))] = UInt8(truncatingIfNeeded: generator.next())
      }
      if round % 4 == 0 { input = generator.bytes(500) }
      while !input.isEmpty {
        let step = min(Int(generator.next() % 200) + 1, input.count)
        world.feed(Array(input.prefix(step)), from: noisy)
        input.removeFirst(step)
      }
      let stranger = world.connect()!
      world.feed(round % 2 == 0 ? generator.bytes(100) : World.request + generator.bytes(100), from: stranger)
      #expect(world.frames(b) != nil)
      world.server.disconnect(noisy.id, at: world.now, sink: world.sink)
      world.server.disconnect(stranger, at: world.now, sink: world.sink)
      _ = world.frames(b)
      world.feed(TestFrame.send([9], to: b.name), from: a)
      #expect(world.frames(b) == [.received([9], from: a.name)])
    }
    #expect(world.server.connectionCount == 2)
  }
}
