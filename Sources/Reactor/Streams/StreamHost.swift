import Basics
import DequeModule
import Engine
import Glibc

/// Joins the streams of a session with local connections: accepts them on the opener's side, makes them on the side
/// of the service.
public final class StreamHost: StreamDriver {
  /// What a stream's other end is here.
  public enum Role {
    /// Local programs connect to this address; each connection becomes a stream.
    case opener(listen: ServiceAddress)
    /// Connections of local programs are given (`offer`).
    case given
    /// Each stream of the peer becomes a connection to this address.
    case service(ServiceAddress)
  }

  /// What is worth showing.
  public enum Event {
    /// Local programs can connect now.
    case listening(ServiceAddress)
    /// The address to listen at cannot be had; nothing can go on.
    case cannotListen(ReactorError)
    case opened(StreamID)
    case closed(StreamID, isReset: Bool, bytesSent: UInt64, bytesReceived: UInt64, lasted: Interval)
    /// The service did not take the connection.
    case refused(StreamID, reason: String)
  }

  /// Counters, always kept.
  public struct Counts: Hashable, Sendable {
    public var open = 0
    public var total: UInt64 = 0
    public var refused: UInt64 = 0
    /// Bytes from local connections to the peer.
    public var bytesSent: UInt64 = 0
    /// Bytes from the peer to local connections.
    public var bytesReceived: UInt64 = 0

    public init() {}
  }

  /// How many connections a service gets at once.
  public static let mostStreams = 512

  private let loop: EventLoop
  private let session: any StreamCarrier
  private let role: Role
  private let observer: (Event) -> Void
  private var bridges: [StreamID: StreamBridge] = [:]
  private var dialers: [StreamID: ServiceDialer] = [:]
  private var ready = Deque<StreamBridge>()
  private var listener: Listener?
  /// Connections that the peer allows no stream for yet.
  private(set) var waiting = Deque<Int32>()
  private var past = Counts()
  private var isOver = false
  private let limit: Int
  private let allowance: StreamAllowance?
  public var wake: () -> Void = {}

  /// - Parameters:
  ///   - mostStreams: how many connections the service gets at once.
  ///   - bytesPerSecond: how much all connections together may move; nil for no limit.
  public init(
    _ loop: EventLoop, _ session: any StreamCarrier, _ role: Role, mostStreams: Int = StreamHost.mostStreams,
    bytesPerSecond: UInt64? = nil, observer: @escaping (Event) -> Void
  ) {
    limit = mostStreams
    allowance = bytesPerSecond.map { StreamAllowance(bytesPerSecond: $0, at: loop.now) }
    self.loop = loop
    self.session = session
    self.role = role
    self.observer = observer
  }

  deinit { for descriptor in waiting { Socket.closeWithReset(descriptor) } }

  public var counts: Counts {
    var counts = past
    counts.open = bridges.count
    for bridge in bridges.values {
      counts.bytesSent += bridge.bytesSent
      counts.bytesReceived += bridge.bytesReceived
    }
    return counts
  }

  // MARK: The turn

  public func pump() -> Bool {
    var hasMoved = false
    while let event = session.pollStreamEvent() {
      hasMoved = true
      handle(event)
    }
    // Each of those that are ready now has one turn: what becomes ready meanwhile has the next.
    for _ in 0..<ready.count {
      guard let bridge = ready.popFirst() else { break }
      hasMoved = true
      bridge.isQueued = false
      if bridge.move() { enqueue(bridge) }
      settle(bridge)
    }
    return hasMoved
  }

  private func enqueue(_ bridge: StreamBridge) {
    guard !bridge.isQueued else { return }
    bridge.isQueued = true
    ready.append(bridge)
  }

  private func handle(_ event: StreamEvent) {
    switch event {
    case .ready:
      listen()
      openWaiting()
    case .mayOpen: openWaiting()
    // Whoever forwards datagrams looks for them in each turn.
    case .datagrams: break
    case .opened(let id): serve(id)
    case .readable(let id): bridges[id]?.streamReadable()
    case .writable(let id): bridges[id]?.streamWritable()
    case .reset(let id, let code): tell(id) { $0.streamReset(code) }
    case .stopped(let id): tell(id) { $0.streamStopped() }
    case .closed(let id): tell(id) { $0.streamClosed() }
    }
  }

  private func tell(_ id: StreamID, _ what: (StreamBridge) -> Void) {
    guard let bridge = bridges[id] else { return }
    what(bridge)
    settle(bridge)
  }

  private func makeBridge(_ id: StreamID) -> StreamBridge {
    let bridge = StreamBridge(loop, session, id, allowance: allowance) { [weak self] bridge in
      guard let self, !isOver else { return }
      enqueue(bridge)
      wake()
    }
    bridges[id] = bridge
    past.total += 1
    observer(.opened(id))
    return bridge
  }

  /// Forgets a bridge that has come to its end.
  private func settle(_ bridge: StreamBridge) {
    guard let end = bridge.end, bridges.removeValue(forKey: bridge.id) != nil else { return }
    dialers[bridge.id] = nil
    past.bytesSent += bridge.bytesSent
    past.bytesReceived += bridge.bytesReceived
    if let reason = bridge.refusal {
      past.refused += 1
      observer(.refused(bridge.id, reason: reason))
    } else {
      observer(
        .closed(
          bridge.id, isReset: end == .reset, bytesSent: bridge.bytesSent, bytesReceived: bridge.bytesReceived,
          lasted: loop.now - bridge.openedAt))
    }
  }

  // MARK: The opener's side

  /// A connection of a local program; the host owns its descriptor from now on.
  public func offer(_ descriptor: Int32) {
    guard !isOver else { return Socket.closeWithReset(descriptor) }
    accepted(descriptor)
  }

  private func listen() {
    guard case .opener(let address) = role, listener == nil, !isOver else { return }
    do throws(ReactorError) {
      let made = try Listener.at(address, loop) { [weak self] descriptor, _ in self?.accepted(descriptor) }
      listener = made.listener
      observer(.listening(made.address))
    } catch {
      observer(.cannotListen(error))
    }
  }

  private func accepted(_ descriptor: Int32) {
    waiting.append(descriptor)
    openWaiting()
    wake()
  }

  private func openWaiting() {
    while let descriptor = waiting.first, let id = session.openStream(at: loop.now) {
      waiting.removeFirst()
      makeBridge(id).attach(descriptor)
    }
    listener?.isPaused = !waiting.isEmpty
  }

  // MARK: The service's side

  private func serve(_ id: StreamID) {
    let bridge = makeBridge(id)
    guard case .service(let address) = role else {
      // The side that opens does not serve.
      return refuse(bridge, .refused, "this side shares nothing")
    }
    guard bridges.count <= limit else {
      return refuse(bridge, .limited, "\(limit) connections are open")
    }
    dialers[id] = ServiceDialer(loop, address) { [weak self, weak bridge] descriptor, reason in
      guard let self else { return }
      dialers[id] = nil
      guard let bridge, bridge.end == nil, !isOver else {
        if let descriptor { close(descriptor) }
        return
      }
      if let descriptor {
        bridge.attach(descriptor)
      } else {
        refuse(bridge, .refused, reason)
      }
      wake()
    }
  }

  private func refuse(_ bridge: StreamBridge, _ code: StreamErrorCode, _ reason: String) {
    bridge.refusal = reason
    bridge.abort(code)
    settle(bridge)
  }

  // MARK: Ending

  /// Resets every local connection.
  public func sessionEnded() {
    guard !isOver else { return }
    isOver = true
    listener?.close()
    listener = nil
    dialers.removeAll()
    ready.removeAll()
    for descriptor in waiting { Socket.closeWithReset(descriptor) }
    waiting.removeAll()
    for bridge in bridges.values.sorted(by: { $0.id.number < $1.id.number }) {
      bridge.abort(.gone)
      settle(bridge)
    }
  }
}
