import Basics
import Crypto
import Relaying
import Wire

/// Records what a relay does, and takes as many bytes of each connection as there is room for.
final class TestSink: RelaySink {
  var output: [ConnectionID: [UInt8]] = [:]
  /// Connections without an entry take everything.
  var room: [ConnectionID: Int] = [:]
  var broken: Set<ConnectionID> = []
  var finished: Set<ConnectionID> = []
  var notReading: Set<ConnectionID> = []
  var closed: [ConnectionID: CloseReason] = [:]
  var events: [RelayEvent] = []
  var writes = 0

  func write(_ bytes: UnsafeRawBufferPointer, to connection: ConnectionID) -> Int? {
    guard !broken.contains(connection) else { return nil }
    writes += 1
    let taken = min(bytes.count, room[connection] ?? .max)
    output[connection, default: []].append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[..<taken]))
    if let left = room[connection] { room[connection] = left - taken }
    return taken
  }

  func finishOutput(_ connection: ConnectionID) { finished.insert(connection) }
  func close(_ connection: ConnectionID, reason: CloseReason) { closed[connection] = reason }
  func setReading(_ connection: ConnectionID, _ isReading: Bool) {
    if isReading { notReading.remove(connection) } else { notReading.insert(connection) }
  }
  func note(_ event: RelayEvent) { events.append(event) }
}

/// A frame as a client reads it.
struct TestFrame: Hashable, CustomStringConvertible {
  var type: UInt8
  var payload: [UInt8]

  init(_ type: DERPFrameType, _ payload: [UInt8]) {
    self.type = type.rawValue
    self.payload = payload
  }

  /// Cuts a byte stream into frames; nil when it does not end with a whole one.
  static func parse(_ stream: [UInt8]) -> [TestFrame]? {
    var frames: [TestFrame] = []
    var offset = 0
    while offset < stream.count {
      guard stream.count - offset >= 5 else { return nil }
      let length = stream[offset + 1..<offset + 5].reduce(0) { $0 << 8 | Int($1) }
      guard let type = DERPFrameType(rawValue: stream[offset]), stream.count - offset - 5 >= length else {
        return nil
      }
      frames.append(TestFrame(type, Array(stream[offset + 5..<offset + 5 + length])))
      offset += 5 + length
    }
    return frames
  }

  var bytes: [UInt8] {
    var header = [UInt8](repeating: 0, count: 5)
    header.withUnsafeMutableBytes { DERPFrameHeader(type: type, length: payload.count).store(into: $0) }
    return header + payload
  }

  var description: String { "\(type):\(Hex.encode(payload.prefix(40)))" }

  static func send(_ packet: [UInt8], to key: Bytes32) -> [UInt8] {
    TestFrame(.sendPacket, key.array + packet).bytes
  }

  static func received(_ packet: [UInt8], from key: Bytes32) -> TestFrame {
    TestFrame(.receivePacket, key.array + packet)
  }
}

/// A relay with a clock and clients.
final class World {
  static let request = Array(
    "GET /derp HTTP/1.1\r\nHost: relay\r\nConnection: Upgrade\r\nUpgrade: DERP\r\n\r\n".utf8)

  let server: DERPServer
  let sink = TestSink()
  var now = Instant.zero
  private var generator: SeededGenerator

  init(_ configuration: RelayConfiguration = .loopback, seed: UInt64 = 1) {
    var generator = SeededGenerator(seed: seed)
    let key = X25519PrivateKey(random: &generator)
    server = DERPServer(key: key, configuration: configuration, generator: generator)
    self.generator = SeededGenerator(seed: seed &+ 1000)
  }

  struct Client {
    let id: ConnectionID
    let key: X25519PrivateKey
    var name: Bytes32 { key.publicKey }
  }

  func connect(from address: UInt32 = 0x7f00_0001) -> ConnectionID? {
    server.connect(from: Bytes16(high: 0, low: 0xffff_0000_0000 | UInt64(address)), at: now, sink: sink)
  }

  func clientInfo(_ key: X25519PrivateKey, _ json: String = #"{"version":2,"CanAckPings":true}"#) -> [UInt8] {
    let sealed = try! NaClBox.seal(
      Array(json.utf8), nonce: generator.bytes(24), to: server.publicKey, from: key)
    return TestFrame(.clientInfo, key.publicKey.array + sealed).bytes
  }

  /// Connects a client and takes it through the handshake.
  func join(_ key: X25519PrivateKey? = nil, from address: UInt32 = 0x7f00_0001) -> Client {
    let key = key ?? X25519PrivateKey(random: &generator)
    let id = connect(from: address)!
    feed(Self.request + clientInfo(key), from: id)
    _ = takeOutput(id)
    return Client(id: id, key: key)
  }

  func newKey() -> X25519PrivateKey { X25519PrivateKey(random: &generator) }

  func feed(_ bytes: [UInt8], from id: ConnectionID) {
    var copy = bytes
    copy.withUnsafeMutableBytes { server.receive($0, from: id, at: now, sink: sink) }
  }

  func feed(_ bytes: [UInt8], from client: Client) { feed(bytes, from: client.id) }

  func takeOutput(_ id: ConnectionID) -> [UInt8] {
    defer { sink.output[id] = [] }
    return sink.output[id] ?? []
  }

  /// The frames that the client got since the last time; nil when they do not end with a whole one.
  func frames(_ client: Client) -> [TestFrame]? { TestFrame.parse(takeOutput(client.id)) }

  func reason(_ client: Client) -> CloseReason? { sink.closed[client.id] }

  /// Lets the time pass, doing what is due when it is due.
  func advance(_ interval: Interval) {
    let end = now + interval
    var rounds = 0
    while let due = server.nextDeadline, due <= end, rounds < 10_000 {
      now = max(now, due)
      server.handleTimeout(at: now, sink: sink)
      rounds += 1
    }
    now = end
  }

  func writable(_ client: Client) -> Bool { server.writable(client.id, at: now, sink: sink) }
}

func hexBytes(_ text: String) -> [UInt8] { Hex.decode(text)! }
