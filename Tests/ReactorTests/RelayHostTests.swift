import Basics
import Crypto
import Glibc
import Reactor
import Testing
import Wire

/// A DERP client on the same loop: what it gets, frame by frame.
private final class LoopClient {
  let key: X25519PrivateKey
  private(set) var frames: [(type: UInt8, payload: [UInt8])] = []
  private(set) var sawEnd = false
  private let stream: PlainStream
  private var watcher: StreamWatcher!
  private var received: [UInt8] = []
  private var sawHead = false
  private var outgoing: [UInt8] = []
  private let changed: () -> Void

  init(_ loop: EventLoop, _ host: RelayHost, seed: UInt64, changed: @escaping () -> Void) throws {
    var generator = SeededGenerator(seed: seed)
    key = X25519PrivateKey(random: &generator)
    stream = PlainStream(descriptor: blockingConnection(to: host.address))
    self.changed = changed
    watcher = StreamWatcher(
      loop, stream, readable: { [unowned self] in read() }, writable: { [unowned self] in write() })
    let sealed = try NaClBox.seal(
      ClientInfo().serialized(), nonce: generator.bytes(24), to: host.publicKey, from: key)
    let info = ClientInfoFrame(clientPublic: key.publicKey, sealedInfo: sealed)
    send(
      DERPUpgrade.request(host: "relay", path: "/derp", fastStart: false)
        + DERPControlFrame.clientInfo(info).serialized())
    watcher.wantsRead = true
  }

  var hasJoined: Bool { frames.contains { $0.type == DERPFrameType.serverInfo.rawValue } }
  var packets: [[UInt8]] {
    frames.filter { $0.type == DERPFrameType.receivePacket.rawValue }.map { Array($0.payload.dropFirst(32)) }
  }

  func send(_ bytes: [UInt8]) {
    outgoing += bytes
    write()
  }

  func send(packet: [UInt8], to peer: Bytes32) {
    var header = [UInt8](repeating: 0, count: DERP.packetHeaderLength)
    header.withUnsafeMutableBytes {
      DERPFrameHeader.storePacketHeader(.sendPacket, peer: peer, packetLength: packet.count, into: $0)
    }
    send(header + packet)
  }

  func close() {
    watcher.cancel()
    stream.close()
  }

  private func write() {
    while !outgoing.isEmpty, let taken = try? put(outgoing, to: stream), taken > 0 {
      outgoing.removeFirst(taken)
    }
    watcher.wantsWrite = !outgoing.isEmpty
  }

  private func read() {
    guard let (result, bytes) = try? take(1 << 20, from: stream) else { return end() }
    if result == .end { return end() }
    received += bytes
    if !sawHead {
      let head = received.withUnsafeBytes { try? DERPUpgrade.parseResponseHead($0) }
      guard let head, head.status == 101 else { return }
      received.removeFirst(head.headLength)
      sawHead = true
    }
    var offset = 0
    while let header = received.withUnsafeBytes({ DERPFrameHeader.parse(.init(rebasing: $0[offset...])) }),
      received.count >= offset + 5 + header.length
    {
      frames.append((header.type, Array(received[offset + 5..<offset + 5 + header.length])))
      offset += 5 + header.length
    }
    received.removeFirst(offset)
    changed()
  }

  private func end() {
    sawEnd = true
    close()
    changed()
  }
}

@Suite struct RelayHostTests {
  private func host(_ loop: EventLoop, stun: SocketAddress? = nil) throws -> RelayHost {
    var generator = SeededGenerator(seed: 1)
    return try RelayHost(
      loop, RelayHost.Options(listen: SocketAddress(parsing: "127.0.0.1:0"), stun: stun),
      key: X25519PrivateKey(random: &generator), generator: generator
    ) { _ in }
  }

  @Test("packets of all sizes pass between two clients, more than sockets hold at a time")
  func relays() throws {
    let test = try TestLoop()
    let host = try host(test.loop)
    let sizes = [0, 1, 1_200, 65_536, 5, 40_000, 65_536, 65_535, 3, 64_000]
    let packets = (0..<200).map { index in
      [UInt8](repeating: UInt8(index), count: sizes[index % sizes.count])
    }
    var sender: LoopClient!
    var receiver: LoopClient!
    var sent = 0
    // At most eight packets are on their way, so none has to be dropped.
    let step = {
      guard sender?.hasJoined == true, receiver?.hasJoined == true else { return }
      while sent < packets.count, sent - receiver.packets.count < 8 {
        sender.send(packet: packets[sent], to: receiver.key.publicKey)
        sent += 1
      }
      if receiver.packets.count == packets.count { test.loop.stop() }
    }
    sender = try LoopClient(test.loop, host, seed: 2, changed: step)
    receiver = try LoopClient(test.loop, host, seed: 3, changed: step)
    #expect(test.run())
    #expect(receiver.packets == packets)
    #expect(host.counters.droppedFull == 0)
    #expect(host.connectionCount == 2)
  }

  @Test("stop: clients are told and see the end, and the host says when it is done")
  func stops() throws {
    let test = try TestLoop()
    let host = try host(test.loop)
    var clients: [LoopClient] = []
    var isStopping = false
    let step = {
      guard clients.count == 3, clients.allSatisfy(\.hasJoined), !isStopping else { return }
      isStopping = true
      host.stop { test.loop.stop() }
    }
    for seed in 0..<3 { clients.append(try LoopClient(test.loop, host, seed: UInt64(seed), changed: step)) }
    #expect(test.run())
    #expect(host.connectionCount == 0)
    for client in clients {
      #expect(client.sawEnd)
      #expect(client.frames.last?.type == DERPFrameType.restarting.rawValue)
    }
  }

  @Test("a client that goes away is noticed, and its receivers are told")
  func leaves() throws {
    let test = try TestLoop()
    let host = try host(test.loop)
    var first: LoopClient!
    var second: LoopClient!
    var hasSent = false
    let step = {
      guard first?.hasJoined == true, second?.hasJoined == true else { return }
      if !hasSent {
        hasSent = true
        first.send(packet: [1], to: second.key.publicKey)
      } else if second.packets.count == 1 {
        first.close()
      }
      if second.frames.last?.type == DERPFrameType.peerGone.rawValue { test.loop.stop() }
    }
    first = try LoopClient(test.loop, host, seed: 2, changed: step)
    second = try LoopClient(test.loop, host, seed: 3, changed: step)
    #expect(test.run())
    #expect(second.frames.last?.payload == first.key.publicKey.array + [0])
    #expect(host.connectionCount == 1)
  }

  @Test("STUN requests are answered with the address they came from")
  func stun() throws {
    let test = try TestLoop()
    let host = try host(test.loop, stun: SocketAddress(parsing: "127.0.0.1:0"))
    var generator = SeededGenerator(seed: 4)
    let id = STUNTransactionID(random: &generator)
    var answer: (id: STUNTransactionID, endpoint: IPEndpoint)?
    let client = try UDPSocket(test.loop, SocketAddress(parsing: "127.0.0.1:0")) { _, datagram, _ in
      answer = try? STUNMessage.parseResponse(UnsafeRawBufferPointer(datagram))
      test.loop.stop()
    }
    let target = try #require(host.stunAddress)
    STUNMessage.request(id).withUnsafeBytes { _ = client.send($0, to: target) }
    #expect(test.run())
    #expect(answer?.id == id)
    #expect(answer?.endpoint.description == client.address.description)
  }

  @Test("a STUN request may want the answer from another port")
  func otherSTUNPort() throws {
    let test = try TestLoop()
    let host = try host(test.loop, stun: SocketAddress(parsing: "127.0.0.1:0"))
    var generator = SeededGenerator(seed: 4)
    var sources: [SocketAddress] = []
    let client = try UDPSocket(test.loop, SocketAddress(parsing: "127.0.0.1:0")) { _, datagram, peer in
      guard STUNMessage.isSTUN(UnsafeRawBufferPointer(datagram)) else { return }
      sources.append(peer)
      if sources.count == 3 { test.loop.stop() }
    }
    let target = try #require(host.stunAddress)
    for change in [STUNChange.port, .address, []] {
      STUNMessage.request(STUNTransactionID(random: &generator), change: change)
        .withUnsafeBytes { _ = client.send($0, to: target) }
    }
    #expect(test.run())
    #expect(sources.count { $0 == target } == 2)
    #expect(Set(sources.map(\.host)) == ["127.0.0.1"])
  }

  @Test("a host name has addresses, or none, and a literal is its own")
  func names() throws {
    let test = try TestLoop()
    var found: [[IPAddress]] = []
    let lookups = ["localhost", "192.0.2.7", "no such name"].map { name in
      NameLookup(test.loop, name) {
        found.append($0)
        if found.count == 3 { test.loop.stop() }
      }
    }
    #expect(test.run())
    #expect(lookups.count == 3)
    #expect(found.contains([IPAddress("192.0.2.7")!]))
    #expect(found.contains([]))
    #expect(found.joined().contains { $0.isLoopback })
  }

  @Test("the source of what is sent to this machine is this machine")
  func routeSource() throws {
    let source = try RouteSource.address(towards: SocketAddress(parsing: "127.0.0.1:9"))
    #expect(source == IPAddress("127.0.0.1"))
  }

  @Test("an address in use is an error that names it")
  func inUse() throws {
    let test = try TestLoop()
    let host = try host(test.loop)
    var generator = SeededGenerator(seed: 1)
    let key = X25519PrivateKey(random: &generator)
    #expect(throws: ReactorError.self) {
      try RelayHost(
        test.loop, RelayHost.Options(listen: host.address), key: key, generator: generator
      ) { _ in }
    }
  }
}
