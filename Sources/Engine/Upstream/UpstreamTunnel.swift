import Basics
import CNgtcp2
import Crypto
import DequeModule
import Wire

/// A tunnel of upstream's, presented as streams like any: a control connection that lasts as long as the tunnel, and for
/// each stream connections of its own (UPS-11 to UPS-15).
final class UpstreamTunnel: PacketStreams {
  /// A stream of one of the connections.
  struct Place: Hashable {
    var number: Int
    var stream: Int64
  }

  /// What such a stream is.
  enum Part {
    /// The server has not seen its header yet.
    case heading([UInt8])
    case control
    case lane(flow: Int64, index: Int)
    /// Nothing that it brings matters.
    case ignored
  }

  struct Limits {
    var flows = 512
    var endpoint = QUICEndpoint.Limits()
  }

  /// How long a flow may lack lanes, and a client may take to open the control stream.
  static let completion = Interval.seconds(10)
  /// How long the dialer has to close the connections of a flow that is over.
  static let parting = Interval.seconds(10)
  /// How long the peer has to end a flow that nobody here wants any more.
  static let lastWords = Interval.seconds(5)

  let isServer: Bool
  let parameters: QUICParameters
  let limits: Limits
  let endpoint: QUICEndpoint
  var random: Session.Generator
  var now: Instant
  var events = Deque<StreamEvent>()
  var parts: [Place: Part] = [:]
  var flows: [Int64: TunnelFlow] = [:]
  var flowNumbers: Int64 = 0
  /// The number of the control connection.
  private(set) var control: Int?
  private var controlConnection: QUICConnection?
  /// The server's: whether the control stream has come (UPS-12).
  private(set) var hasControl = false
  /// The server's: when it must have.
  private var controlDue: Instant?
  private(set) var isReady = false
  private var ownFailure: QUICFailure?
  /// When connections of flows that are over are closed, if the dialer has not done it.
  var partings: [Int: Instant] = [:]
  /// Whether the host was refused a stream for want of room.
  var isHostWaiting = false
  private var bytesOfPast: (sent: UInt64, received: UInt64) = (0, 0)
  /// When a packet came last.
  private(set) var lastHeard: Instant?
  private var isAsking = false

  /// - Parameters:
  ///   - identity: what this side shows.
  ///   - pin: the public key that the peer must have.
  init(
    isServer: Bool, identity: Ed25519Identity, pin: Bytes32, limits: Limits = Limits(),
    random: Session.Generator, at now: Instant
  ) throws(CryptoError) {
    self.isServer = isServer
    parameters = isServer ? .upstreamTunnelServer : .upstreamTunnel
    self.limits = limits
    self.random = random
    self.now = now
    endpoint = try QUICEndpoint(
      isServer: isServer, identity: identity, pin: pin, parameters: parameters, limits: limits.endpoint,
      random: random)
    if !isServer, let number = try endpoint.connect(at: now) { adoptControl(number) }
  }

  func adoptControl(_ number: Int) {
    control = number
    controlConnection = endpoint.connections[number]
  }

  /// The server has the control stream.
  func controlCame(_ number: Int) {
    guard !hasControl else { return }
    hasControl = true
    controlDue = nil
    partings[number] = nil
    adoptControl(number)
  }

  // MARK: How it stands

  var failure: QUICFailure? { ownFailure ?? controlConnection?.failure }
  var isClosedByPeer: Bool { controlConnection?.isClosedByPeer ?? false }
  var isIdle: Bool { ownFailure != nil || controlConnection?.isIdle ?? false }
  var peerCloseError: UInt64? { controlConnection?.peerCloseError }
  var roundTrip: Interval? { controlConnection?.roundTrip }
  var streamBytesSent: UInt64 { flows.values.reduce(bytesOfPast.sent) { $0 + $1.bytesSent } }
  var streamBytesReceived: UInt64 { flows.values.reduce(bytesOfPast.received) { $0 + $1.bytesReceived } }

  // MARK: Packets

  func receive(_ packet: UnsafeRawBufferPointer, at now: Instant) {
    self.now = now
    guard endpoint.receive(packet, at: now) else { return }
    lastHeard = now
    if isAsking {
      isAsking = false
      controlConnection?.keepAlive(every: parameters.keepAlive)
    }
    settle()
  }

  func nextPacket(into buffer: UnsafeMutableRawBufferPointer, at now: Instant) -> Int {
    self.now = now
    return endpoint.poll(into: buffer, limit: min(buffer.count, parameters.largestPacket), at: now)
  }

  func nextPackets(
    into buffer: UnsafeMutableRawBufferPointer, count: Int, at now: Instant
  ) -> (length: Int, segment: Int) {
    self.now = now
    return endpoint.pollBatch(into: buffer, limit: parameters.largestPacket, count: count, at: now)
  }

  func burstEnded(at now: Instant) { endpoint.burstEnded(at: now) }

  func lastPackets(code: UInt64, at now: Instant) -> [[UInt8]] {
    endpoint.closingPackets(first: control, code: code, at: now)
  }

  /// Asks the peer for a sign of life soon.
  func askPeer() {
    isAsking = true
    controlConnection?.keepAlive(every: .milliseconds(250))
    if let control { endpoint.touch(control) }
  }

  // MARK: Time

  var deadline: Instant? {
    var next = endpoint.deadline
    for due in [controlDue, flows.values.lazy.compactMap(\.deadline).min(), partings.values.min()] {
      if let due { next = next.map { min($0, due) } ?? due }
    }
    return next
  }

  func handleTimeout(at now: Instant) {
    self.now = now
    endpoint.handleTimeout(at: now)
    settle()
    if let due = controlDue, due <= now {
      controlDue = nil
      ownFailure = QUICFailure(
        code: NGTCP2_ERR_IDLE_CLOSE, description: "the client opened no control stream")
    }
    for number in partings.filter({ $0.value <= now }).keys.sorted() { close(number) }
    for flow in flows.values.filter({ $0.deadline.map { $0 <= now } ?? false })
      .sorted(by: { $0.number < $1.number })
    {
      abandon(flow)
    }
  }

  // MARK: What happens to the connections

  /// Works off what the connections have to tell.
  func settle() {
    while true {
      let news = endpoint.takeNews()
      guard !news.isEmpty else { return }
      for number in news {
        guard let connection = endpoint.connections[number] else { continue }
        while let event = connection.pollEvent() { take(event, of: connection, number) }
        if connection.isOver { connectionEnded(number) }
      }
    }
  }

  private func take(_ event: StreamEvent, of connection: QUICConnection, _ number: Int) {
    switch event {
    case .ready: becameReady(connection, number)
    case .opened(let id): peerOpened(id.number, on: connection, number)
    case .readable(let id): readable(Place(number: number, stream: id.number), connection)
    case .writable(let id):
      if case .lane(let flow, _) = parts[Place(number: number, stream: id.number)] {
        events.append(.writable(StreamID(number: flow)))
      }
    // Upstream neither resets nor stops streams; whoever does has given the flow up.
    case .reset(let id, _), .stopped(let id):
      if case .lane(let flow, _) = parts[Place(number: number, stream: id.number)], let flow = flows[flow] {
        fail(flow)
      }
    case .closed(let id): streamClosed(Place(number: number, stream: id.number))
    case .mayOpen, .datagrams: break
    }
  }

  private func becameReady(_ connection: QUICConnection, _ number: Int) {
    if !isReady {
      isReady = true
      if isServer { controlDue = now + Self.completion }
      if isServer { events.append(.ready) }
    }
    guard !isServer else {
      // A connection is for something.
      partings[number] = now + Self.completion
      return
    }
    if number == control {
      openControl(on: connection, number)
      events.append(.ready)
    } else {
      openLane(on: connection, number)
    }
    endpoint.touch(number)
  }

  private func connectionEnded(_ number: Int) {
    let concerned = flows.values.filter { $0.present.contains { $0.number == number } }
    // It stays for whoever asks how the tunnel ended.
    if number != control { endpoint.close(number, code: 0, at: now) }
    partings[number] = nil
    for (place, part) in parts where place.number == number {
      if case .lane = part { continue }
      parts[place] = nil
    }
    for flow in concerned.sorted(by: { $0.number < $1.number }) { laneLost(flow, with: number) }
    if !isServer, let waiting = flows.values.first(where: { $0.dialed == number && $0.phase == .collecting })
    {
      fail(waiting)
    }
  }

  /// Forgets a flow.
  func forget(_ flow: TunnelFlow) {
    guard flows.removeValue(forKey: flow.number) != nil else { return }
    bytesOfPast.sent += flow.bytesSent
    bytesOfPast.received += flow.bytesReceived
    parts = parts.filter { if case .lane(flow.number, _) = $0.value { false } else { true } }
    guard isHostWaiting else { return }
    isHostWaiting = false
    events.append(.mayOpen)
  }
}
