import Basics
import Crypto
import Wire

@testable import Engine

/// The relay's side of one session, played by hand: no network, no faults but those that the test makes.
final class HandRelay: PayloadSink {
  let session: Session
  let name: String
  private let serverKey: X25519PrivateKey
  private var random = SeededGenerator(seed: 21)
  private let clientKey: Bytes32
  private(set) var events: [SessionEvent] = []
  private(set) var written: [UInt8] = []
  /// Bytes that the output still takes.
  var outputRoom = Int.max
  /// Packets that the session sent, with the key of whom they are for.
  var sent: [(packet: [UInt8], to: Bytes32)] = []
  private var stream: [UInt8] = []
  /// Answers to pings that the session has not been given.
  private var pongs: [UInt8] = []

  init(_ name: String, _ configuration: SessionConfiguration, seed: UInt64) {
    self.name = name
    var random = SeededGenerator(seed: 8)
    serverKey = X25519PrivateKey(random: &random)
    clientKey = (configuration.sessionKey ?? configuration.derpKey).publicKey
    session = Session(configuration, random: SeededGenerator(seed: seed), at: .zero)
    collect(at: .zero)
  }

  func accept(_ bytes: UnsafeRawBufferPointer) -> Int {
    let taken = min(bytes.count, outputRoom)
    if outputRoom != .max { outputRoom -= taken }
    written += bytes.prefix(taken)
    return taken
  }

  /// Connects and finishes the relay's handshake.
  func connect(at now: Instant) throws {
    stream = []
    session.handle(.relayConnected(fastStartKey: serverKey.publicKey), at: now)
    let info = try NaClBox.seal(
      ServerInfo(tokenBucketBytesPerSecond: 0, tokenBucketBytesBurst: 0).serialized(),
      nonce: random.bytes(24),
      to: clientKey, from: serverKey)
    give(DERPControlFrame.serverInfo(ServerInfoFrame(sealedInfo: info)).serialized(), at: now)
  }

  func disconnect(at now: Instant, reason: String = "reset") {
    session.handle(.relayClosed(reason: reason), at: now)
    collect(at: now)
  }

  /// Hands the session a packet from `source`.
  func deliver(_ packet: [UInt8], from source: Bytes32, at now: Instant) {
    var frame = [UInt8](repeating: 0, count: DERP.packetHeaderLength)
    frame.withUnsafeMutableBytes {
      DERPFrameHeader.storePacketHeader(.receivePacket, peer: source, packetLength: packet.count, into: $0)
    }
    give(frame + packet, at: now)
  }

  func give(_ bytes: [UInt8], at now: Instant) {
    var bytes = bytes
    _ = bytes.withUnsafeMutableBytes { session.handle(relayBytes: $0, at: now, sink: self) }
    collect(at: now)
  }

  func tell(_ event: HostEvent, at now: Instant) {
    session.handle(event, at: now)
    collect(at: now)
  }

  func pass(until now: Instant) {
    while let due = session.nextDeadline, due <= now {
      session.handleTimeout(at: due)
      collect(at: due)
    }
  }

  /// Takes events and bytes until nothing comes.
  func collect(at now: Instant) {
    while let event = session.pollEvent() { events.append(event) }
    var buffer = [UInt8](repeating: 0, count: Session.minimumPollBuffer * 2)
    while let transmission = buffer.withUnsafeMutableBytes({ session.poll(into: $0, at: now) }) {
      stream += buffer[..<transmission.length]
    }
    while let event = session.pollEvent() { events.append(event) }
    cutFrames()
    if !pongs.isEmpty {
      let answer = pongs
      pongs = []
      give(answer, at: now)
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
      let payload = stream[DERP.frameHeaderLength..<DERP.frameHeaderLength + header.length]
      if header.type == DERPFrameType.sendPacket.rawValue, let key = Bytes32(payload.prefix(32)) {
        sent.append((Array(payload.dropFirst(32)), key))
      } else if header.type == DERPFrameType.ping.rawValue {
        pongs += [DERPFrameType.pong.rawValue] + stream[1..<DERP.frameHeaderLength] + payload
      }
      stream.removeFirst(DERP.frameHeaderLength + header.length)
    }
  }

  func takeEvents() -> [SessionEvent] {
    defer { events = [] }
    return events
  }

  func takeSent() -> [[UInt8]] {
    defer { sent = [] }
    return sent.map(\.packet)
  }

  var outcome: SessionOutcome? { session.outcome }
  var hasPayloadEnded: Bool {
    events.contains { if case .payloadEnded = $0 { true } else { false } }
  }
  var dials: Int {
    events.count { if case .dialRelay = $0 { true } else { false } }
  }
}

/// Two sessions and the packets between them.
struct SessionPair {
  var meeting = Meeting()
  let claimant: HandRelay
  let acceptor: HandRelay
  var now = Instant.zero

  /// - Parameters:
  ///   - claimantSends: which way the payload flows.
  ///   - streams: whether there are streams instead of a payload.
  ///   - datagrams: whether there are datagrams beside the streams.
  ///   - patience: how long silence is borne.
  ///   - upstream: whether they are spoken as upstream's program does.
  ///   - tunnel: whether that is derptun.
  init(
    claimantSends: Bool = true, streams: Bool = false, datagrams: Bool = false, upstream: Bool = false,
    patience: StreamPatience = .session, tunnel: Bool = false
  ) throws {
    if upstream { meeting = Meeting(capabilities: [tunnel ? .derptunTCP : .share]) }
    var claimantConfiguration = SessionConfiguration(
      role: .claimant, token: meeting.token, derpKey: meeting.claimantKey,
      flow: claimantSends ? .sends : .receives,
      relayHost: "relay.test")
    var acceptorConfiguration = SessionConfiguration(
      role: .acceptor(expiresAt: seconds(3_600)), token: meeting.token, derpKey: meeting.acceptorKey,
      flow: claimantSends ? .receives : .sends, relayHost: "relay.test")
    claimantConfiguration.framesPerEpoch = 1_024
    acceptorConfiguration.framesPerEpoch = 1_024
    if streams {
      var random = SeededGenerator(seed: 40)
      claimantConfiguration.streams = StreamsConfiguration(identity: Ed25519Identity(random: &random))
      acceptorConfiguration.streams = StreamsConfiguration(identity: meeting.identity)
      acceptorConfiguration.speaksUpstream = upstream
      claimantConfiguration.streams?.carriesDatagrams = datagrams
      acceptorConfiguration.streams?.carriesDatagrams = datagrams
    }
    claimantConfiguration.streamPatience = patience
    acceptorConfiguration.streamPatience = patience
    if patience != .session { claimantConfiguration.relayPatience = patience.gone }
    claimant = HandRelay("claimant", claimantConfiguration, seed: 31)
    acceptor = HandRelay("acceptor", acceptorConfiguration, seed: 32)
    try acceptor.connect(at: .zero)
    try claimant.connect(at: .zero)
  }

  var claimantKey: Bytes32 { meeting.claimantKey.publicKey }
  var acceptorKey: Bytes32 { meeting.acceptorKey.publicKey }

  /// Carries packets to and fro until none is left.
  func exchange(rounds: Int = 1_000) {
    for _ in 0..<rounds {
      let forward = claimant.takeSent()
      let back = acceptor.takeSent()
      guard !forward.isEmpty || !back.isEmpty else { return }
      for packet in forward { acceptor.deliver(packet, from: claimantKey, at: now) }
      for packet in back { claimant.deliver(packet, from: acceptorKey, at: now) }
    }
  }

  /// Lets time pass in small steps, with packets carried after each.
  mutating func pass(_ interval: Interval, carrying: Bool = true) {
    let end = now + interval
    while now < end {
      now = min(now + .milliseconds(50), end)
      claimant.pass(until: now)
      acceptor.pass(until: now)
      if carrying { exchange() }
    }
  }

  /// Gives the sender a whole payload.
  func send(_ payload: [UInt8], by sender: HandRelay) {
    var offset = 0
    while offset < payload.count, sender.session.wantedFromSource > 0 {
      offset += sender.session.fillFromSource { space in
        let count = min(space.count, payload.count - offset)
        space.copyBytes(from: payload[offset..<offset + count])
        return count
      }
    }
    sender.tell(.sourceEnded, at: now)
  }
}
