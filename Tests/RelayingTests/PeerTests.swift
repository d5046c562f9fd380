import Basics
import Relaying
import Testing
import Wire

@Suite struct PeerTests {
  @Test("who got something from a key is told when the key is gone, nobody else")
  func peerGone() {
    let world = World()
    let (a, b, c) = (world.join(), world.join(), world.join())
    world.feed(TestFrame.send([1], to: b.name) + TestFrame.send([2], to: b.name), from: a)
    world.feed(TestFrame.send([3], to: a.name), from: c)
    _ = (world.takeOutput(b.id), world.takeOutput(c.id))
    world.server.disconnect(a.id, at: world.now, sink: world.sink)
    #expect(world.reason(a) == .disconnected)
    #expect(world.frames(b) == [TestFrame(.peerGone, a.name.array + [0])])
    #expect(world.frames(c) == [])
    // What is sent to the key from now on reaches nobody.
    world.feed(TestFrame.send([4], to: a.name), from: b)
    #expect(world.server.counters.droppedUnknown == 1)
  }

  @Test("ends that cause ends are all carried out")
  func cascade() {
    let world = World()
    let clients = (0..<6).map { _ in world.join() }
    for (index, client) in clients.enumerated() {
      world.feed(TestFrame.send([1], to: clients[(index + 1) % 6].name), from: client)
    }
    for client in clients { world.sink.broken.insert(client.id) }
    world.server.disconnect(clients[0].id, at: world.now, sink: world.sink)
    #expect(world.server.connectionCount == 0)
    #expect(world.sink.closed.count == 6)
  }

  @Test("of two connections with one key, the last that joined or sent gets the packets")
  func duplicates() {
    let world = World()
    let a = world.join()
    let first = world.join()
    let second = world.join(first.key)
    world.feed(TestFrame.send([1], to: first.name), from: a)
    #expect(world.frames(second) == [.received([1], from: a.name)])
    world.feed(TestFrame.send([2], to: a.name), from: first)
    world.feed(TestFrame.send([3], to: first.name), from: a)
    #expect(world.frames(first) == [.received([3], from: a.name)])
    world.feed(TestFrame(.ping, Array(1...8)).bytes, from: second)
    _ = world.takeOutput(second.id)
    world.feed(TestFrame.send([4], to: first.name), from: a)
    #expect(world.frames(second) == [.received([4], from: a.name)])
    #expect(world.frames(first) == [])
    // The key is gone only with its last connection.
    _ = world.takeOutput(a.id)
    world.server.disconnect(second.id, at: world.now, sink: world.sink)
    #expect(world.frames(a) == [])
    world.feed(TestFrame.send([5], to: first.name), from: a)
    #expect(world.frames(first) == [.received([5], from: a.name)])
    world.server.disconnect(first.id, at: world.now, sink: world.sink)
    #expect(world.frames(a) == [TestFrame(.peerGone, first.name.array + [0])])
  }

  @Test("one key has eight connections at most; the oldest gives way")
  func tooManyDuplicates() {
    let world = World()
    let first = world.join()
    for _ in 0..<7 { _ = world.join(first.key) }
    #expect(world.reason(first) == nil)
    _ = world.join(first.key)
    #expect(world.reason(first) == .tooManyConnections)
    #expect(world.server.connectionCount == 8)
  }

  @Test("a key that comes back gets packets again, and its old name is not used again")
  func reconnect() {
    let world = World()
    let (a, b) = (world.join(), world.join())
    world.feed(TestFrame.send([1], to: b.name), from: a)
    world.server.disconnect(b.id, at: world.now, sink: world.sink)
    world.feed(TestFrame.send([2], to: b.name), from: a)
    let again = world.join(b.key)
    #expect(again.id != b.id)
    world.feed(TestFrame.send([3], to: b.name), from: a)
    #expect(world.frames(again) == [.received([3], from: a.name)])
    world.feed(TestFrame.send([4], to: a.name), from: b)
    #expect(world.frames(a) == [])
  }

  @Test("keep-alives come every 60 to 65 seconds, each connection in its own rhythm")
  func keepAlive() {
    let world = World()
    let clients = (0..<4).map { _ in world.join() }
    world.advance(.seconds(59))
    for client in clients { #expect(world.frames(client) == []) }
    world.advance(.seconds(6))
    for client in clients { #expect(world.frames(client) == [TestFrame(.keepAlive, [])]) }
    world.advance(.seconds(650))
    for client in clients {
      let count = world.frames(client)?.count ?? 0
      #expect((10...11).contains(count))
    }
  }

  @Test("the same calls give the same bytes")
  func determinism() {
    func run() -> [UInt8] {
      let world = World(seed: 5)
      let clients = (0..<5).map { _ in world.join() }
      var generator = SeededGenerator(seed: 6)
      for _ in 0..<500 {
        let from = clients[Int(generator.next() % 5)]
        let to = clients[Int(generator.next() % 5)]
        world.sink.room[to.id] = Int(generator.next() % 4_000)
        world.feed(TestFrame.send(generator.bytes(Int(generator.next() % 2_000)), to: to.name), from: from)
        world.advance(.milliseconds(Int64(generator.next() % 300)))
        _ = world.writable(from)
      }
      return clients.flatMap { world.sink.output[$0.id] ?? [] }
        + Array(world.sink.events.map { "\($0)" }.joined().utf8)
    }
    #expect(run() == run())
  }

  @Test("graceful stop: a restarting frame, the end, and nothing new")
  func stop() {
    let world = World()
    let (a, b) = (world.join(), world.join())
    let halfway = world.connect()!
    world.server.stop(
      reconnectIn: .milliseconds(1_500), tryFor: .milliseconds(8_000), at: world.now, sink: world.sink)
    let restarting = TestFrame(.restarting, hexBytes("000005dc00001f40"))
    #expect(world.frames(a) == [restarting])
    #expect(world.frames(b) == [restarting])
    #expect(world.sink.finished == [a.id, b.id, halfway])
    #expect(world.connect() == nil)
    world.feed(TestFrame.send([1], to: b.name), from: a)
    #expect(world.frames(b) == [])
    world.server.disconnect(a.id, at: world.now, sink: world.sink)
    #expect(world.server.connectionCount == 2)
    world.advance(.seconds(1))
    #expect(world.server.connectionCount == 0)
    #expect(world.sink.closed == [a.id: .stopping, b.id: .stopping, halfway: .stopping])
  }
}
