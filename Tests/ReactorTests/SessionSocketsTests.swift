import Basics
@testable import Engine
import Glibc
import Testing
import Wire

@testable import Reactor

/// What a session would poll, in order.
private final class Script {
  var batches: [(path: DirectPath, bytes: [UInt8], segmentLength: Int)] = []

  func poll(_ buffer: UnsafeMutableRawBufferPointer) -> Transmission? {
    guard !batches.isEmpty else { return nil }
    let (path, bytes, segmentLength) = batches.removeFirst()
    buffer.copyBytes(from: bytes)
    return Transmission(path: .direct(path), length: bytes.count, segmentLength: segmentLength)
  }
}

private func path(_ socket: SocketID, _ remote: String) throws -> DirectPath {
  DirectPath(socket: socket, remote: try #require(IPEndpoint(remote)))
}

@Suite struct SessionSocketsTests {
  @Test func batchesReachTheOtherSocketOfEitherFamily() throws {
    let test = try TestLoop()
    let sockets = SessionSockets(test.loop)
    var received: [(SocketID, [UInt8])] = []
    sockets.received = { bytes, _, id, _ in received.append((id, Array(bytes))) }
    sockets.ready = { if received.count == 2 { test.loop.stop() } }
    var notes: [String] = []
    sockets.noted = { notes.append($0.description) }
    let extra = SocketID(number: 5)
    let ports = try [SocketID.ipv4, .ipv6, extra].map { try sockets.open($0) }
    #expect(Set(ports).count == 3)
    #expect(notes.count == 2 && notes[0].contains("IPv4 UDP port \(ports[0])") && notes[1].contains("IPv6"))
    let script = Script()
    script.batches = [
      (try path(extra, "127.0.0.1:\(ports[0])"), [1, 2], 2),
      (try path(.ipv6, "[::1]:\(ports[1])"), [3], 1),
    ]
    #expect(sockets.pump(limit: 1, script.poll) == 1)
    #expect(script.batches.count == 1)
    #expect(sockets.pump(limit: 9, script.poll) == 1)
    #expect(test.run())
    #expect(received.contains { $0 == (.ipv4, [1, 2]) } && received.contains { $0 == (.ipv6, [3]) })
  }

  @Test func refusalsAreToldAndDoNotStopTheRest() throws {
    let test = try TestLoop()
    let sockets = SessionSockets(test.loop)
    var failures: [(DirectPath, DatagramFailure)] = []
    sockets.failed = { failures.append(($0, $1)) }
    let port = try sockets.open(.ipv4)
    let script = Script()
    let closed = try path(SocketID(number: 7), "127.0.0.1:\(port)")
    let wrong = try path(.ipv4, "[::1]:\(port)")
    let good = try path(.ipv4, "127.0.0.1:\(port)")
    let long = [UInt8](repeating: 0, count: 65_530)
    script.batches = [(closed, [1], 1), (wrong, [1], 1), (good, long, long.count), (good, [1], 1)]
    #expect(sockets.pump(limit: 10, script.poll) == 4)
    #expect(failures.map(\.0) == [closed, wrong, good])
    #expect(failures.last?.1 == .tooLarge)
    #expect(failures.first?.1 == .unreachable(reason: "the socket is closed"))
    sockets.close(.ipv4)
    script.batches = [(good, [1], 1)]
    #expect(sockets.pump(limit: 10, script.poll) == 1)
    #expect(failures.count == 4)
  }

  /// Datagrams to a neighbour that never answers stay in the socket's small buffer.
  @Test(.enabled(if: Namespace.isAvailable, "needs root and ip(8)"), arguments: [false, true])
  func aFullSocketKeepsTheOthersWaitingOnlyForAMoment(isClosed: Bool) throws {
    try Namespace.run {
      let test = try TestLoop()
      for step in [
        "link set lo up", "link add near type veth peer name far", "link set near up", "link set far up",
        "addr add 192.0.2.1/24 dev near",
      ] {
        try Namespace.ip(step)
      }
      let sockets = SessionSockets(test.loop, options: .init(bufferSize: 4_096))
      let port = try sockets.open(.ipv4)
      _ = try sockets.open(SocketID(number: 2))
      let script = Script()
      let stuck = try path(SocketID(number: 2), "192.0.2.2:9")
      let good = try path(.ipv4, "127.0.0.1:\(port)")
      script.batches = Array(repeating: (stuck, [UInt8](repeating: 0, count: 1_000), 1_000), count: 50)
      #expect(sockets.pump(limit: 100, script.poll) < 50)
      #expect(sockets.isBlocked)
      let left = script.batches.count
      #expect(sockets.pump(limit: 100, script.poll) == 0)
      #expect(script.batches.count == left)
      script.batches = [(good, [1], 1)]
      var received = 0
      sockets.received = { _, _, id, _ in received += id == .ipv4 ? 1 : 0 }
      sockets.ready = {
        _ = sockets.pump(limit: 100, script.poll)
        if received > 0 { test.loop.stop() }
      }
      if isClosed {
        sockets.close(SocketID(number: 2))
        #expect(!sockets.isBlocked)
        #expect(sockets.pump(limit: 100, script.poll) == 1)
      }
      #expect(test.run())
      #expect(received == 1)
    }
  }
}
