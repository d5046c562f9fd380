import Basics
import Crypto
import Relaying
import Testing
import Wire

/// Gives the bytes 0x81, 0x82 … as nonce.
private struct CountingGenerator: RandomNumberGenerator {
  var byte: UInt64 = 0x81

  mutating func next() -> UInt64 {
    var word: UInt64 = 0
    for index in 0..<8 { word |= ((byte + UInt64(index)) & 0xff) << (8 * UInt64(index)) }
    byte += 8
    return word
  }
}

/// A handshake recorded with upstream's code, from fixed keys and nonces.
@Suite struct RecordedHandshakeTests {
  static let serverKey = X25519PrivateKey(
    clamping: hexBytes("1012131415161718191a1b1c1d1e1f202122232425262728292a2b2c2d2e2f70"))!
  static let request =
    "GET /derp HTTP/1.1\r\nHost: 127.0.0.1:3340\r\nUser-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\n"
  static let response = """
    HTTP/1.1 101 Switching Protocols\r\nUpgrade: DERP\r\nConnection: Upgrade\r\nDerp-Version: 2\r\n\
    Derp-Public-Key: 4d27bcee3135c4944b28d27dd809b07be10c35160d20131caa7e85575498d07c\r\n\r\n
    """
  static let serverKeyFrame =
    "010000002844455250f09f94914d27bcee3135c4944b28d27dd809b07be10c35160d20131caa7e85575498d07c"
  static let clientInfo = """
    0200000068d214723afdfe2cddbdc929b18a5e43017e44445fc5d6c8fcf88b1868c53f395c\
    0102030405060708090a0b0c0d0e0f101112131415161718b564938138265170a766408515e54307b4d01029dfbcb8929ae279a5515548\
    58e20002abcb92a8143ca241bb334d2202
    """
  static let serverInfo = """
    03000000358182838485868788898a8b8c8d8e8f909192939495969798b1a93784fc3c16b102d6590fc40003d77690abe12bf0f8ca17f5ac\
    7ce3
    """

  func server() -> DERPServer { DERPServer(key: Self.serverKey, generator: CountingGenerator()) }

  func feed(_ server: DERPServer, _ bytes: [UInt8], _ id: ConnectionID, _ sink: TestSink) {
    var copy = bytes
    copy.withUnsafeMutableBytes { server.receive($0, from: id, at: .zero, sink: sink) }
  }

  @Test("byte for byte, in whole pieces and byte by byte", arguments: [false, true])
  func recorded(drip: Bool) {
    let server = server()
    let sink = TestSink()
    let id = server.connect(from: .zero, at: .zero, sink: sink)!
    let input = Array((Self.request + "Upgrade: DERP\r\n\r\n").utf8) + hexBytes(Self.clientInfo)
    if drip {
      for byte in input { feed(server, [byte], id, sink) }
    } else {
      feed(server, input, id, sink)
    }
    let expected =
      Array(Self.response.utf8) + hexBytes(Self.serverKeyFrame) + hexBytes(Self.serverInfo)
    #expect(sink.output[id] == expected)
    let key = Bytes32(hexBytes("d214723afdfe2cddbdc929b18a5e43017e44445fc5d6c8fcf88b1868c53f395c"))!
    #expect(sink.events == [.joined(id, key: key, address: .zero)])
  }

  @Test("fast start: no HTTP answer, the server key all the same")
  func fastStart() {
    let server = server()
    let sink = TestSink()
    let id = server.connect(from: .zero, at: .zero, sink: sink)!
    let input =
      Array((Self.request + "Derp-Fast-Start: 1\r\nUpgrade: DERP\r\n\r\n").utf8)
      + hexBytes(Self.clientInfo)
    feed(server, input, id, sink)
    #expect(sink.output[id] == hexBytes(Self.serverKeyFrame) + hexBytes(Self.serverInfo))
  }
}

@Suite struct HandshakeTests {
  @Test("the server key comes before anything is asked of the client")
  func greeting() {
    let world = World()
    let id = world.connect()!
    #expect(world.takeOutput(id) == [])
    world.feed(World.request, from: id)
    let output = world.takeOutput(id)
    let key = TestFrame(.serverKey, DERP.magic + world.server.publicKey.array).bytes
    #expect(output.suffix(key.count) == key[...])
    #expect(output.starts(with: Array("HTTP/1.1 101 ".utf8)))
  }

  @Test("packets that follow the client information at once are relayed")
  func pipelined() {
    let world = World()
    let receiver = world.join()
    let id = world.connect()!
    let key = world.newKey()
    world.feed(World.request + world.clientInfo(key) + TestFrame.send([7], to: receiver.name), from: id)
    #expect(world.frames(receiver) == [.received([7], from: key.publicKey)])
  }

  @Test("client information that is not acceptable", arguments: 0..<7)
  func badClientInfo(variant: Int) {
    let world = World()
    let id = world.connect()!
    let key = world.newKey()
    var info = world.clientInfo(key)
    switch variant {
    case 0: info[5] ^= 1  // another key than that of the box
    case 1: info[info.count - 1] ^= 1
    case 2: info = TestFrame(.clientInfo, [UInt8](repeating: 1, count: 55)).bytes
    case 3: info = Array(TestFrame(.clientInfo, [UInt8](repeating: 1, count: 16_385)).bytes.prefix(5))
    case 4: info[0] = DERPFrameType.sendPacket.rawValue
    case 5: info = world.clientInfo(key, "not JSON")
    default: info = TestFrame(.clientInfo, [UInt8](repeating: 0, count: 120)).bytes  // a weak key
    }
    world.feed(World.request + info, from: id)
    #expect(world.sink.closed[id] == .malformedClientInfo)
    #expect(world.server.connectionCount == 0)
  }

  @Test("an empty object is enough")
  func emptyInfo() {
    let world = World()
    let id = world.connect()!
    world.feed(World.request + world.clientInfo(world.newKey(), "{}"), from: id)
    #expect(world.server.counters.joins == 1)
  }

  @Test("only allowed keys join")
  func allowedKeys() {
    var configuration = RelayConfiguration.loopback
    var generator = SeededGenerator(seed: 99)
    let member = X25519PrivateKey(random: &generator)
    configuration.allowedKeys = [member.publicKey]
    let world = World(configuration)
    let welcome = world.join(member)
    let stranger = world.join()
    #expect(world.reason(welcome) == nil)
    #expect(world.reason(stranger) == .keyNotAllowed)
  }

  @Test("a request and client information each have ten seconds")
  func timeouts() {
    let world = World()
    let silent = world.connect()!
    world.advance(.milliseconds(9_999))
    #expect(world.sink.closed[silent] == nil)
    world.feed(World.request, from: silent)
    world.advance(.milliseconds(9_999))
    #expect(world.sink.closed[silent] == nil)
    let other = world.connect()!
    world.advance(.milliseconds(1))
    #expect(world.sink.closed[silent] == .handshakeTimeout)
    world.advance(.seconds(10))
    #expect(world.sink.closed[other] == .handshakeTimeout)
    #expect(world.server.nextDeadline == nil)
  }

  @Test(
    "other requests are answered and the connection ends",
    arguments: [
      ("GET /derp/probe HTTP/1.1", "200 OK", "Access-Control-Allow-Origin: *"),
      ("HEAD /derp/latency-check HTTP/1.1", "200 OK", "Access-Control-Allow-Origin: *"),
      ("POST /derp/probe HTTP/1.1", "405 Method Not Allowed", ""),
      (
        "GET /generate_204 HTTP/1.1\r\nX-Tailscale-Challenge: ts_a.b-C:9", "204 No Content",
        "X-Tailscale-Response: response ts_a.b-C:9"
      ),
      ("GET /derp HTTP/1.1", "426 Upgrade Required", "Upgrade: DERP"),
      ("GET /derp HTTP/1.1\r\nUpgrade: websocket", "426 Upgrade Required", ""),
      ("GET /elsewhere HTTP/1.1\r\nUpgrade: DERP", "404 Not Found", ""),
      ("GET / HTTP/1.0", "200 OK", "This is a DERP relay."),
      ("GET /derp SPDY/1", "400 Bad Request", ""),
    ])
  func answers(request: String, status: String, line: String) {
    let world = World()
    let id = world.connect()!
    world.feed(Array((request + "\r\nHost: a\r\n\r\n").utf8), from: id)
    let output = String(decoding: world.takeOutput(id), as: UTF8.self)
    #expect(output.hasPrefix("HTTP/1.1 \(status)\r\n"))
    #expect(output.contains("Connection: close\r\n"))
    #expect(line.isEmpty || output.contains(line))
    #expect(world.sink.finished.contains(id))
    world.advance(.seconds(2))
    #expect(world.sink.closed[id] != nil)
  }

  @Test("a challenge that is not harmless text is not echoed")
  func challenge() {
    let world = World()
    for bad in ["a b", "<script>", String(repeating: "a", count: 65)] {
      let id = world.connect()!
      world.feed(
        Array("GET /generate_204 HTTP/1.1\r\nX-Tailscale-Challenge: \(bad)\r\n\r\n".utf8), from: id)
      #expect(!String(decoding: world.takeOutput(id), as: UTF8.self).contains("X-Tailscale-Response"))
    }
  }

  @Test("what is no HTTP ends at once; a head that does not end is cut off at its limit")
  func hostileRequests() {
    let world = World()
    let tls = world.connect()!
    world.feed([0x16, 0x03, 0x01, 0x02, 0x00], from: tls)
    #expect(world.sink.closed[tls] == .malformedRequest)
    let endless = world.connect()!
    world.feed(Array("GET /derp HTTP/1.1\r\nX: ".utf8), from: endless)
    for _ in 0..<17 { world.feed([UInt8](repeating: 0x61, count: 1_000), from: endless) }
    #expect(String(decoding: world.takeOutput(endless), as: UTF8.self).hasPrefix("HTTP/1.1 400 "))
    #expect(world.sink.finished.contains(endless))
  }
}
