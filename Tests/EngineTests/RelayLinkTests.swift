import Basics
import Crypto
import Testing
import Wire

@testable import Engine

/// A relay's words, made by hand.
private struct RelayScript {
  let serverKey: X25519PrivateKey
  let clientKey: X25519PrivateKey
  var random = SeededGenerator(seed: 9)

  init() {
    var random = SeededGenerator(seed: 3)
    serverKey = X25519PrivateKey(random: &random)
    clientKey = X25519PrivateKey(random: &random)
  }

  mutating func serverInfo(bytesPerSecond: Int = 0, burst: Int = 0) throws -> [UInt8] {
    let info = ServerInfo(tokenBucketBytesPerSecond: bytesPerSecond, tokenBucketBytesBurst: burst)
    let sealed = try NaClBox.seal(
      info.serialized(), nonce: random.bytes(24), to: clientKey.publicKey, from: serverKey)
    return DERPControlFrame.serverInfo(ServerInfoFrame(sealedInfo: sealed)).serialized()
  }

  var greeting: [UInt8] {
    DERPUpgrade.response101(serverKey: serverKey.publicKey)
      + DERPControlFrame.serverKey(ServerKeyFrame(serverPublic: serverKey.publicKey)).serialized()
  }

  func packet(_ payload: [UInt8]) -> [UInt8] {
    var frame = [UInt8](repeating: 0, count: DERP.packetHeaderLength)
    frame.withUnsafeMutableBytes {
      DERPFrameHeader.storePacketHeader(
        .receivePacket, peer: Bytes32(words: (1, 2, 3, 4)), packetLength: payload.count, into: $0)
    }
    return frame + payload
  }
}

/// A link with a buffer in front of it, as a host has.
private struct LinkHost {
  var link: RelayLink
  var random = SeededGenerator(seed: 5)
  var pending: [UInt8] = []
  var packets: [[UInt8]] = []
  var now = Instant.zero

  init(_ script: RelayScript, fastStartKey: Bytes32? = nil) throws {
    link = RelayLink(key: script.clientKey, host: "relay.test", path: "/derp")
    try link.connected(fastStartKey: fastStartKey, random: &random, at: now)
  }

  mutating func receive(_ bytes: [UInt8]) throws {
    pending += bytes
    var received: [[UInt8]] = []
    let used = try pending.withUnsafeMutableBytes { (pending) throws in
      try link.receive(pending, random: &random, at: now) { source, packet in
        #expect(source == Bytes32(words: (1, 2, 3, 4)))
        received.append(Array(packet))
      }
    }
    packets += received
    pending.removeFirst(used)
  }

  /// `RelayLink.maySend`, asked of a copy.
  func maySend(at now: Instant) -> Bool {
    var copy = link
    return copy.maySend(at: now)
  }

  mutating func poll() -> [UInt8] {
    var buffer = [UInt8](repeating: 0, count: RelayLink.largestFrame)
    let count = buffer.withUnsafeMutableBytes { link.pollQueue(into: $0) }
    return Array(buffer[..<count])
  }
}

@Suite("The client's side of a relay connection")
struct RelayLinkTests {
  @Test("The same conversation in one piece and byte by byte")
  func dripFeed() throws {
    for piece in [1, 2, 7, 100_000] {
      var script = RelayScript()
      let conversation =
        script.greeting + (try script.serverInfo()) + script.packet([1, 2, 3])
        + DERPControlFrame.keepAlive.serialized() + [0x77, 0, 0, 0, 3, 9, 9, 9] + script.packet([])
        + DERPControlFrame.ping(PingFrame(token: 0x0102)).serialized() + script.packet([4])
      var host = try LinkHost(script)
      #expect(String(decoding: host.poll(), as: UTF8.self).hasPrefix("GET /derp HTTP/1.1\r\n"))
      for start in stride(from: 0, to: conversation.count, by: piece) {
        try host.receive(Array(conversation[start..<min(start + piece, conversation.count)]))
      }
      #expect(host.packets == [[1, 2, 3], [], [4]], "in pieces of \(piece)")
      #expect(host.link.isEstablished && host.link.isConfirmed)
      #expect(host.pending.isEmpty)
      let sent = host.poll()
      #expect(sent.first == DERPFrameType.clientInfo.rawValue)
      #expect(sent.suffix(8) == DERPControlFrame.ping(PingFrame(token: 0x0102)).serialized().suffix(8))
    }
  }

  @Test("With fast start the info goes out at once and the frames come without a response's head")
  func fastStart() throws {
    var script = RelayScript()
    var host = try LinkHost(script, fastStartKey: script.serverKey.publicKey)
    #expect(host.link.isEstablished && !host.link.isConfirmed)
    let sent = String(decoding: host.poll(), as: UTF8.self)
    #expect(sent.contains("Derp-Fast-Start: 1"))
    try host.receive(
      DERPControlFrame.serverKey(ServerKeyFrame(serverPublic: script.serverKey.publicKey)).serialized()
        + (try script.serverInfo()) + script.packet([1]))
    #expect(host.packets == [[1]])
    #expect(host.link.isConfirmed)
  }

  @Test("Hostile bytes end in a typed error, never in a trap")
  func hostile() throws {
    var script = RelayScript()
    let info = try script.serverInfo()
    let frames: [[UInt8]] = [
      Array("HTTP/1.1 403 Forbidden\r\n\r\n".utf8),
      Array("SSH-2.0-OpenSSH\r\n\r\n".utf8),
      [UInt8](repeating: 0x41, count: 20_000),
      DERPUpgrade.response101(serverKey: .zero) + info,
      DERPUpgrade.response101(serverKey: .zero) + [1, 0, 0, 0, 3, 1, 2, 3],
      DERPUpgrade.response101(serverKey: .zero) + [5, 0xff, 0xff, 0xff, 0xff],
      script.greeting + [5, 0, 0, 0, 3, 1, 2, 3],
      script.greeting + [5, 0, 2, 0, 0, 1, 2, 3],
      script.greeting + [3, 0, 0, 0, 60] + [UInt8](repeating: 7, count: 60),
    ]
    for (index, bytes) in frames.enumerated() {
      var host = try LinkHost(script)
      #expect(throws: RelayLinkError.self, "number \(index)") { try host.receive(bytes) }
    }
  }

  @Test("Random bytes after the handshake do no harm", arguments: UInt64(0)..<200)
  func noise(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed)
    var script = RelayScript()
    var host = try LinkHost(script)
    try host.receive(script.greeting + (try script.serverInfo()))
    do {
      for _ in 0..<20 { try host.receive(random.bytes(Int.random(in: 1...300, using: &random))) }
    } catch {
      #expect(error is RelayLinkError)
    }
  }

  @Test("Long frames without interest are skipped without being held")
  func skipping() throws {
    var script = RelayScript()
    var host = try LinkHost(script)
    try host.receive(script.greeting + (try script.serverInfo()) + [0x14, 0, 0x0f, 0, 0])
    for _ in 0..<0xf00 {
      try host.receive([UInt8](repeating: 1, count: 256))
      #expect(host.pending.isEmpty)
    }
    try host.receive(script.packet([9]))
    #expect(host.packets == [[9]])
  }

  @Test("The handshake, and the answer to a ping, are waited for only so long")
  func timeouts() throws {
    var script = RelayScript()
    var host = try LinkHost(script)
    #expect(host.link.deadline(quiet: .seconds(5), wantsToSend: false, polled: .zero) == .zero + .seconds(10))
    #expect(throws: RelayLinkError.timedOut) { try host.link.checkTimeout(at: .zero + .seconds(10)) }

    host = try LinkHost(script)
    try host.receive(script.greeting + (try script.serverInfo()))
    _ = host.poll()
    let quiet = Instant.zero + .seconds(5)
    #expect(host.link.deadline(quiet: .seconds(5), wantsToSend: false, polled: .zero) == quiet)
    host.link.checkLife(quiet: .seconds(5), at: quiet)
    #expect(host.poll().first == DERPFrameType.ping.rawValue)
    try host.link.checkTimeout(at: quiet + .seconds(4))
    #expect(throws: RelayLinkError.timedOut) { try host.link.checkTimeout(at: quiet + .seconds(5)) }
  }

  @Test("The announced rate is kept, and what is due already needs no timer")
  func rate() throws {
    var script = RelayScript()
    var host = try LinkHost(script)
    try host.receive(script.greeting + (try script.serverInfo(bytesPerSecond: 100_000, burst: 70_000)))
    #expect(host.maySend(at: host.now))
    host.link.didSend(65_000)
    _ = host.link.maySend(at: host.now)
    #expect(!host.maySend(at: host.now))
    let opens = try #require(host.link.deadline(quiet: .seconds(30), wantsToSend: true, polled: .zero))
    #expect(opens - .zero < .seconds(1))
    #expect(host.maySend(at: opens))
    _ = host.link.maySend(at: opens)
    host.link.didSend(65_000)
    #expect(!host.maySend(at: opens))
    let later = Instant.zero + .seconds(20)
    let next = try #require(host.link.deadline(quiet: .seconds(30), wantsToSend: true, polled: later))
    #expect(next == .zero + .seconds(30))
  }

  @Test("What waits to be sent is bounded and goes out in pieces of the buffer's size")
  func queue() throws {
    var script = RelayScript()
    var host = try LinkHost(script)
    try host.receive(script.greeting + (try script.serverInfo()))
    _ = host.poll()
    for _ in 0..<20 { host.link.send([UInt8](repeating: 1, count: 60_000), to: .zero) }
    var total = 0
    while true {
      let count = host.poll().count
      guard count > 0 else { break }
      total += count
    }
    #expect(total <= RelayLink.maximumQueuedBytes)
    #expect(total % (60_000 + DERP.packetHeaderLength) == 0)
    host.link.disconnected()
    host.link.send([1], to: .zero)
    #expect(host.poll().isEmpty)
  }
}
