import Basics
import Glibc
import Reactor
import Testing

@Suite struct SocketTests {
  @Test(arguments: [
    ("127.0.0.1:3340", true, 3340, true), ("[::1]:0", false, 0, true), ("0.0.0.0:65535", true, 65535, false),
    ("[fe80::1]:7", false, 7, false), ("[::ffff:127.0.0.1]:7", false, 7, true),
  ])
  func addressesAreParsedAndSpelled(_ text: String, _ isIPv4: Bool, _ port: UInt16, _ loopback: Bool) throws {
    let address = try SocketAddress(parsing: text)
    #expect(address.isIPv4 == isIPv4)
    #expect(address.port == port)
    #expect(address.isLoopback == loopback)
    #expect(address.description == text)
  }

  @Test(arguments: [
    "", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:+5", "127.0.0.1:-1", "::1:80", "[::1]",
    "[127.0.0.1]:80", "localhost:80", "[::1%lo]:80", "1.2.3:80", "[]:1",
  ])
  func otherTextsAreRefused(_ text: String) {
    #expect(throws: ReactorError.badAddress(text)) { try SocketAddress(parsing: text) }
  }

  @Test(arguments: ["127.0.0.1:0", "[::1]:0"])
  func aListenerHandsOverConnections(_ text: String) throws {
    let test = try TestLoop()
    var streams: [PlainStream] = []
    var peers: [SocketAddress] = []
    let listener = try Listener(test.loop, try SocketAddress(parsing: text)) { descriptor, peer in
      streams.append(PlainStream(descriptor: descriptor))
      peers.append(peer)
      if streams.count == 3 { test.loop.stop() }
    }
    #expect(listener.address.port != 0)
    let clients = (0..<3).map { _ in blockingConnection(to: listener.address) }
    defer { for client in clients { close(client) } }
    #expect(test.run())
    #expect(peers.allSatisfy { $0.isLoopback })
    #expect(Set(peers).count == 3)
    #expect(try put([1, 2, 3], to: streams[0]) == 3)
    // The port can be taken again at once, but not twice.
    #expect(throws: ReactorError.self) { try Listener(test.loop, listener.address) { _, _ in } }
    listener.close()
    _ = try Listener(test.loop, listener.address) { _, _ in }
  }

  @Test func aPlainStreamTellsBlockEndAndReset() throws {
    let (near, far) = socketPair()
    let a = PlainStream(descriptor: near)
    let b = PlainStream(descriptor: far)
    #expect(try take(10, from: a).0 == .wouldBlock)
    #expect(try put(Array("hello".utf8), to: b) == 5)
    #expect(try take(3, from: a).1 == Array("hel".utf8))
    #expect(try take(10, from: a).1 == Array("lo".utf8))
    let block = [UInt8](repeating: 7, count: 1 << 20)
    var total = 0
    while case let count = try put(block, to: a), count > 0 { total += count }
    #expect(total > 0)
    b.finishWriting()
    #expect(try take(10, from: a).0 == .end)
    b.close()
    #expect(throws: StreamError.reset) { _ = try put([1], to: a) }
    a.close()
    a.close()
    #expect(throws: StreamError.closed) { _ = try put([1], to: a) }
    #expect(throws: StreamError.closed) { _ = try take(1, from: a) }
  }

  @Test func aStreamWatcherMovesBytesBothWays() throws {
    let test = try TestLoop()
    let (near, far) = socketPair()
    let a = PlainStream(descriptor: near)
    let b = PlainStream(descriptor: far)
    let payload = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var sent = 0
    var received: [UInt8] = []
    var source: StreamWatcher?
    source = StreamWatcher(test.loop, a, readable: {}) {
      sent += (try? put(Array(payload[sent...]), to: a)) ?? 0
      if sent == payload.count {
        source?.cancel()
        a.close()
      }
    }
    let sink = StreamWatcher(test.loop, b) {
      guard let (result, bytes) = try? take(100_000, from: b) else { return }
      received += bytes
      if result == .end { test.loop.stop() }
    } writable: {
    }
    source?.wantsWrite = true
    sink.wantsRead = true
    #expect(test.run())
    #expect(received == payload)
    sink.cancel()
  }

  @Test func datagramsAreAnsweredToTheirSource() throws {
    let test = try TestLoop()
    let echo = try UDPSocket(test.loop, try SocketAddress(parsing: "127.0.0.1:0")) { socket, bytes, peer in
      bytes[0] += 1
      socket.send(UnsafeRawBufferPointer(bytes), to: peer)
    }
    var answer: [UInt8] = []
    var source: SocketAddress?
    let client = try UDPSocket(test.loop, try SocketAddress(parsing: "127.0.0.1:0")) { _, bytes, peer in
      answer = Array(bytes)
      source = peer
      test.loop.stop()
    }
    [UInt8](arrayLiteral: 41, 2, 3).withUnsafeBytes { _ = client.send($0, to: echo.address) }
    #expect(test.run())
    #expect(answer == [42, 2, 3])
    #expect(source == echo.address)
  }

}
