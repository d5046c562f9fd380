import Engine
import Glibc
import Testing

@testable import Reactor

/// Where connections come from and where they go to.
@Suite struct StreamHostTests {
  // MARK: The opener's side

  @Test func nobodyCanConnectBeforeThePeerIsThere() throws {
    let world = try StreamWorld(.opener(listen: .tcp(host: "127.0.0.1", port: 0)))
    world.turn()
    #expect(world.listening == nil)
    world.carrier.happen(.ready)
    world.turn()
    guard case .tcp("127.0.0.1", let port) = world.listening else {
      Issue.record("listens at \(String(describing: world.listening))")
      return
    }
    #expect(port != 0)
  }

  @Test func aPortThatIsTakenIsSaid() throws {
    let first = try StreamWorld.opener()
    let second = try StreamWorld(.opener(listen: try #require(first.listening)))
    second.carrier.happen(.ready)
    second.turn()
    #expect(second.listening == nil)
    #expect(second.log.count == 1 && second.log[0].contains("Address already in use"))
  }

  @Test func connectionsWaitUntilThePeerAllowsTheirStream() throws {
    let world = try StreamWorld.opener()
    world.carrier.allowance = 1
    let peers = try (0..<4).map { index in
      let peer = try world.connect()
      peer.write([UInt8(index)])
      return peer
    }
    #expect(world.run { world.carrier.streams.values.contains { !$0.outgoing.isEmpty } })
    world.settle()
    #expect(world.carrier.streams.count == 1)
    // One is accepted to see whether it may have a stream; the others stay in the kernel's queue.
    #expect(world.host.waiting.count == 1)
    #expect(peers.allSatisfy { $0.end == nil })
    world.carrier.allowance = 3
    world.carrier.happen(.mayOpen)
    #expect(
      world.run {
        world.carrier.streams.count == 4 && world.carrier.streams.values.allSatisfy { !$0.outgoing.isEmpty }
      })
    #expect(world.carrier.streams.values.map { $0.outgoing[0] }.sorted() == [0, 1, 2, 3])
  }

  @Test func theEndOfTheSessionResetsWhatIsOpenAndWhatWaits() throws {
    let world = try StreamWorld.opener()
    world.carrier.allowance = 1
    let (open, _, stream) = try #require(try world.joined())
    let waiting = try world.connect()
    world.settle()
    world.host.sessionEnded()
    #expect(world.run { open.end != nil && waiting.end != nil })
    #expect(open.end == .reset)
    #expect(waiting.end == .reset)
    #expect(stream.resetCode == .gone)
    #expect(world.log == ["0 opened", "0 reset"])
    guard case .tcp(let host, let port) = world.listening else { return }
    let address = try #require(SocketAddress(literal: host, port: port))
    let late = try Socket.make(address, SOCK_STREAM)
    defer { close(late) }
    #expect(address.withSystemAddress { connect(late, $0, $1) } != 0)
    #expect(Socket.pendingError(of: late) == ECONNREFUSED)
  }

  @Test func theSideThatOpensServesNothing() throws {
    let world = try StreamWorld.opener()
    let (_, stream) = world.carrier.peerOpens(1)
    world.turn()
    #expect(stream.resetCode == .refused && stream.stopCode == .refused)
    #expect(world.log == ["1 opened", "1 refused"])
  }

  // MARK: The service's side

  /// A service on the world's loop: the connections that it got.
  private final class Service {
    var listener: Listener?
    var peers: [LocalPeer] = []
  }

  private static func address() throws -> (SocketAddress, Int32) {
    let (descriptor, address) = try Socket.bound(SocketAddress(parsing: "127.0.0.1:0"), SOCK_STREAM)
    return (address, descriptor)
  }

  /// A world that shares a service at a free port.
  private func shared() throws -> (StreamWorld, Service) {
    let (address, descriptor) = try Self.address()
    close(descriptor)
    let world = try StreamWorld(.service(.tcp(host: address.host, port: address.port)))
    let service = Service()
    service.listener = try Listener(world.test.loop, address) { [unowned world] descriptor, _ in
      service.peers.append(LocalPeer(world, descriptor))
      world.check()
    }
    return (world, service)
  }

  @Test func aStreamBecomesAConnectionToTheService() throws {
    let (world, service) = try shared()
    let (id, stream) = world.carrier.peerOpens(0)
    // Before the connection stands nothing is taken from the session.
    world.carrier.peerSends([1, 2, 3], on: id)
    world.turn()
    #expect(stream.unread == 3)
    #expect(world.run { service.peers.first?.received.count == 3 })
    let peer = try #require(service.peers.first)
    #expect(peer.received == [1, 2, 3])
    peer.write([4, 5])
    peer.finishWriting()
    #expect(world.run { stream.isFinished })
    #expect(stream.outgoing == [4, 5])
    world.carrier.peerSends([], isEnd: true, on: id)
    #expect(world.run { peer.end != nil })
    #expect(peer.end == .orderly)
    #expect(world.log == ["0 opened", "0 closed"])
  }

  @Test(arguments: [false, true]) func aServiceThatIsNotThereIsARefusal(isUnix: Bool) throws {
    let (address, descriptor) = try Self.address()
    defer { close(descriptor) }
    let world = try StreamWorld(
      .service(
        isUnix
          ? .unix(path: "/nonexistent/derphole.socket") : .tcp(host: address.host, port: address.port)))
    let (id, stream) = world.carrier.peerOpens(0)
    world.carrier.peerSends([1, 2, 3], isEnd: true, on: id)
    #expect(world.run { world.log.count == 2 })
    #expect(world.log == ["0 opened", "0 refused"])
    #expect(stream.resetCode == .refused && stream.stopCode == .refused)
    #expect(world.host.counts.refused == 1 && world.host.counts.open == 0)
  }

  @Test func aPeerThatGivesUpEndsTheAttempt() throws {
    let (world, service) = try shared()
    let (first, _) = world.carrier.peerOpens(0)
    world.turn()
    world.carrier.happen(.reset(first, .reset))
    let (second, _) = world.carrier.peerOpens(4)
    world.carrier.peerSends([1], on: second)
    #expect(world.run { service.peers.contains { $0.received == [1] } })
    #expect(world.log.prefix(3) == ["0 opened", "0 reset", "4 opened"])
    #expect(service.peers.count == 1)
  }

  @Test func aServiceHasABoundOfConnections() throws {
    let (world, _) = try shared()
    let streams = (0...StreamHost.mostStreams).map { world.carrier.peerOpens(Int64($0) * 4).1 }
    world.turn()
    #expect(streams.dropLast().allSatisfy { $0.resetCode == nil && $0.stopCode == nil })
    #expect(streams.last?.resetCode == .limited && streams.last?.stopCode == .limited)
    #expect(world.log.last == "\(StreamHost.mostStreams * 4) refused")
    world.host.sessionEnded()
  }
}
