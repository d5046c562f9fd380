import Basics
import CAllocations
import Crypto
import Engine
import Wire

/// What the process does at the moment, for the count of allocations.
enum Phase: Int32, CaseIterable {
  case filling = 1
  case sending, receiving, acknowledging, acknowledged, timers

  var title: String {
    switch self {
    case .filling: "source to session"
    case .sending: "sealing and sending"
    case .receiving: "receiving and opening"
    case .acknowledging: "sending acknowledgements"
    case .acknowledged: "receiving acknowledgements"
    case .timers: "timers"
    }
  }

  /// Runs `body` with its allocations counted here.
  func counted<R>(_ body: () -> R) -> R {
    derphole_allocation_phase(rawValue)
    defer { derphole_allocation_phase(0) }
    return body()
  }

  /// Allocations so far.
  var count: Int { Int(derphole_allocation_count(rawValue)) }
}

/// One session and its side of the relay, played by hand: enough for the two to meet.
final class SessionEnd: PayloadSink {
  let session: Session
  let endpoint: IPEndpoint
  private(set) var received = 0
  private let clientKey: Bytes32
  private let serverKey: X25519PrivateKey
  private var random = SeededGenerator(seed: 21)
  /// Packets for the other side.
  private var sent: [[UInt8]] = []
  private var stream: [UInt8] = []
  private var isDirect = false

  init(_ configuration: SessionConfiguration, address: IPAddress, seed: UInt64) throws {
    var serverRandom = SeededGenerator(seed: 8)
    serverKey = X25519PrivateKey(random: &serverRandom)
    clientKey = configuration.derpKey.publicKey
    endpoint = IPEndpoint(address: address, port: 5_000)
    session = Session(configuration, random: SeededGenerator(seed: seed), at: .zero)
    collect(at: .zero)
    session.handle(.networkChanged(addresses: [address]), at: .zero)
    session.handle(.relayConnected(fastStartKey: serverKey.publicKey), at: .zero)
    let info = try NaClBox.seal(
      ServerInfo(tokenBucketBytesPerSecond: 0, tokenBucketBytesBurst: 0).serialized(),
      nonce: random.bytes(24),
      to: clientKey, from: serverKey)
    give(DERPControlFrame.serverInfo(ServerInfoFrame(sealedInfo: info)).serialized(), at: .zero)
  }

  var key: Bytes32 { clientKey }

  func accept(_ bytes: UnsafeRawBufferPointer) -> Int {
    received += bytes.count
    return bytes.count
  }

  /// Whether payload goes directly.
  var hasDirectPath: Bool { isDirect }

  func takeSent() -> [[UInt8]] {
    defer { sent = [] }
    return sent
  }

  func deliver(_ packet: [UInt8], from source: Bytes32, at now: Instant) {
    var frame = [UInt8](repeating: 0, count: DERP.packetHeaderLength)
    frame.withUnsafeMutableBytes {
      DERPFrameHeader.storePacketHeader(.receivePacket, peer: source, packetLength: packet.count, into: $0)
    }
    give(frame + packet, at: now)
  }

  private func give(_ bytes: [UInt8], at now: Instant) {
    var bytes = bytes
    _ = bytes.withUnsafeMutableBytes { session.handle(relayBytes: $0, at: now, sink: self) }
    collect(at: now)
  }

  /// Takes events and what is for the relay.
  func collect(at now: Instant) {
    drainEvents(at: now)
    var buffer = [UInt8](repeating: 0, count: Session.minimumPollBuffer * 2)
    while let transmission = buffer.withUnsafeMutableBytes({ session.poll(into: $0, at: now) }) {
      stream += buffer[..<transmission.length]
    }
    drainEvents(at: now)
    cutFrames()
  }

  func drainEvents(at now: Instant) {
    while let event = session.pollEvent() {
      switch event {
      case .openSocket(.ipv4): session.handle(.socketOpened(.ipv4, port: endpoint.port), at: now)
      case .state(let state): isDirect = state == .connectedDirect
      default: break
      }
    }
  }

  private func cutFrames() {
    if stream.starts(with: Array("GET ".utf8)) {
      let end: [UInt8] = [13, 10, 13, 10]
      guard let start = stream.indices.first(where: { stream[$0...].starts(with: end) }) else { return }
      stream.removeFirst(start + end.count)
    }
    while let header = stream.withUnsafeBytes({ DERPFrameHeader.parse($0) }),
      stream.count >= DERP.frameHeaderLength + header.length
    {
      if header.type == DERPFrameType.sendPacket.rawValue {
        let packet = stream[DERP.frameHeaderLength..<DERP.frameHeaderLength + header.length]
        sent.append(Array(packet.dropFirst(DERP.keyLength)))
      }
      stream.removeFirst(DERP.frameHeaderLength + header.length)
    }
  }
}

/// Batches of datagrams on their way in one direction, in memory that is there from the beginning.
final class DatagramWire {
  private static let slotCount = 512
  private static let delay = Interval.microseconds(500)
  /// Longer ones do not fit through.
  private static let largestDatagram = 1_400

  private let memory = UnsafeMutableRawBufferPointer.allocate(
    byteCount: slotCount * Session.minimumDatagramBuffer, alignment: 64)
  private var batches = [(length: Int, segment: Int, due: Instant)](
    repeating: (0, 0, .zero), count: slotCount)
  private var head = 0
  private var count = 0

  deinit { memory.deallocate() }

  private func slot(_ index: Int) -> UnsafeMutableRawBufferPointer {
    let start = index * Session.minimumDatagramBuffer
    return UnsafeMutableRawBufferPointer(rebasing: memory[start..<start + Session.minimumDatagramBuffer])
  }

  /// Takes everything that a session has to send now.
  func take(from end: SessionEnd, _ phase: Phase, at now: Instant) {
    while count < Self.slotCount {
      let index = (head + count) % Self.slotCount
      let space = slot(index)
      guard let batch = phase.counted({ end.session.pollDatagrams(into: space, at: now) }) else { return }
      guard batch.segmentLength <= Self.largestDatagram else { continue }
      batches[index] = (batch.length, batch.segmentLength, now + Self.delay)
      count += 1
    }
  }

  /// Hands a session what is due.
  func deliver(to end: SessionEnd, from source: IPEndpoint, _ phase: Phase, at now: Instant) {
    while count > 0, batches[head].due <= now {
      let batch = batches[head]
      let bytes = UnsafeMutableRawBufferPointer(rebasing: slot(head)[..<batch.length])
      phase.counted {
        end.session.handle(
          datagrams: bytes, segmentLength: batch.segment, socket: .ipv4, from: source, at: now, sink: end)
      }
      head = (head + 1) % Self.slotCount
      count -= 1
    }
  }
}
