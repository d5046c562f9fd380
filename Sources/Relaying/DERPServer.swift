import Basics
import Crypto
import Wire

/// A DERP relay without sockets or clock: bytes, times and ends of connections go in, bytes and wishes come out
/// through the sink.
///
/// After each call look at `nextDeadline`. Calls must not overlap, and the sink must not call back. The same
/// calls with the same generator give the same result, byte for byte but for the keys' own randomness.
public final class DERPServer {
  /// The relay's public key.
  public var publicKey: Bytes32 { key.publicKey }
  /// What happened since the start.
  public internal(set) var counters = RelayCounters()
  /// How many connections there are, of all kinds.
  public internal(set) var connectionCount = 0
  /// Whether `stop` was called.
  public internal(set) var isStopping = false

  let key: X25519PrivateKey
  let configuration: RelayConfiguration
  let budget: MemoryBudget
  var generator: any RandomNumberGenerator
  var directory = PeerDirectory()
  var addresses: AddressTable
  var connections: [Connection?] = []
  private var freeSlots: [Int] = []
  private var generation: UInt32 = 0
  /// Connections that are to be removed at the end of the call.
  private var doomed: [Connection] = []
  /// No deadline lies before this; it may be too early, never too late.
  private var earliest: Instant?

  /// Makes a relay. The generator gives nonces and the keep-alives' jitter; it is not asked per packet.
  public init(
    key: X25519PrivateKey, configuration: RelayConfiguration = .loopback,
    generator: any RandomNumberGenerator
  ) {
    self.key = key
    self.configuration = configuration
    self.generator = generator
    budget = MemoryBudget(configuration.queueMemory)
    addresses = AddressTable(configuration)
  }

  /// When `handleTimeout` is due; nil when nothing waits. It may turn out that nothing was due yet.
  public var nextDeadline: Instant? { earliest }

  /// A client has connected from the address (IPv4 in its mapped form). Nil when it is refused: close it.
  public func connect(from address: Bytes16, at now: Instant, sink: any RelaySink) -> ConnectionID? {
    guard !isStopping, connectionCount < configuration.maximumConnections else {
      return refuse(address, isStopping ? .stopping : .tooManyConnections, sink)
    }
    let entry: Int
    do {
      entry = try addresses.connect(address, at: now)
    } catch {
      return refuse(address, error.reason, sink)
    }
    let slot = freeSlots.popLast() ?? connections.count
    generation &+= 1
    let connection = Connection(
      id: ConnectionID(slot: slot, generation: generation), address: entry, budget: budget,
      clientRate: configuration.clientRate, now: now)
    if slot == connections.count { connections.append(connection) } else { connections[slot] = connection }
    connectionCount += 1
    counters.connections += 1
    connection.handshakeDeadline = now + configuration.handshakeTimeout
    arm(connection.handshakeDeadline)
    return connection.id
  }

  private func refuse(_ address: Bytes16, _ reason: CloseReason, _ sink: any RelaySink) -> ConnectionID? {
    counters.refusals += 1
    sink.note(.refused(address: address, reason: reason))
    return nil
  }

  /// The connection ended or broke. The sink's `close` is called for it like for every other end.
  public func disconnect(_ id: ConnectionID, at now: Instant, sink: any RelaySink) {
    guard let connection = connection(id) else { return }
    doom(connection, connection.phase == .closing ? connection.closeReason : .disconnected)
    settle(at: now, sink)
  }

  /// The connection takes bytes again. Returns whether something still waits for it, which means that
  /// `writable` has to be called again.
  public func writable(_ id: ConnectionID, at now: Instant, sink: any RelaySink) -> Bool {
    guard let connection = connection(id) else { return false }
    flush(connection, at: now, sink)
    settle(at: now, sink)
    return connection.isOpen && !connection.output.isEmpty
  }

  /// Does what is due.
  public func handleTimeout(at now: Instant, sink: any RelaySink) {
    guard let due = earliest, due <= now else { return }
    earliest = nil
    for connection in connections {
      guard let connection, connection.isOpen else { continue }
      handleTimeout(connection, at: now, sink)
      if connection.isOpen { arm(connection.deadline) }
    }
    settle(at: now, sink)
  }

  /// Takes no new connections, tells clients when to come back and for how long to try, and ends.
  /// Over when `connectionCount` is 0, which takes `closeTimeout` at most.
  public func stop(
    reconnectIn: Interval = .milliseconds(500), tryFor: Interval = .seconds(60), at now: Instant,
    sink: any RelaySink
  ) {
    isStopping = true
    let restarting = RestartingFrame(
      reconnectInMilliseconds: UInt32(clamping: reconnectIn.inMilliseconds),
      tryForMilliseconds: UInt32(clamping: tryFor.inMilliseconds))
    let bytes = DERPControlFrame.restarting(restarting).serialized()
    for connection in connections {
      guard let connection, connection.isOpen, connection.phase != .closing else { continue }
      if connection.phase == .established { send(bytes, to: connection, at: now, sink) }
      beginClosing(connection, .stopping, at: now, sink)
    }
    settle(at: now, sink)
  }

  func connection(_ id: ConnectionID) -> Connection? {
    guard connections.indices.contains(id.slot), let connection = connections[id.slot],
      connection.id == id, connection.isOpen
    else { return nil }
    return connection
  }

  /// Makes sure that `nextDeadline` is not later than `deadline`.
  func arm(_ deadline: Instant?) {
    guard let deadline else { return }
    earliest = earliest.map { min($0, deadline) } ?? deadline
  }

  /// Marks a connection for removal. It is not removed at once, so that ends that cause other ends never nest.
  func doom(_ connection: Connection, _ reason: CloseReason) {
    guard connection.isOpen else { return }
    connection.isOpen = false
    connection.closeReason = reason
    directory.forgetRoutes()
    doomed.append(connection)
  }

  /// Removes the marked connections, and those whose end comes to light by that.
  func settle(at now: Instant, _ sink: any RelaySink) {
    while let connection = doomed.popLast() { remove(connection, at: now, sink) }
  }

  private func remove(_ connection: Connection, at now: Instant, _ sink: any RelaySink) {
    let key = connection.peer?.key
    let lastPeer = directory.leave(connection)
    connection.output.release()
    connection.input.release()
    connections[connection.id.slot] = nil
    freeSlots.append(connection.id.slot)
    connectionCount -= 1
    sink.close(connection.id, reason: connection.closeReason)
    sink.note(
      .left(connection.id, key: key, reason: connection.closeReason, traffic: connection.traffic))
    addresses.disconnect(connection.address)
    guard let lastPeer, !isStopping else { return }
    let frame = DERPControlFrame.peerGone(PeerGoneFrame(peer: lastPeer.key)).serialized()
    for id in lastPeer.takeRecipients() {
      guard let recipient = self.connection(id), recipient.phase == .established else { continue }
      send(frame, to: recipient, at: now, sink)
    }
  }
}
