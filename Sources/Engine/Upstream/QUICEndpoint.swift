import Basics
import Crypto
import DequeModule

/// Several QUIC connections over one way (UPS-11): hands packets to the connection that they are for, by the destination's
/// ID (RFC 9000, section 5.2), and lets the connections send in turn.
final class QUICEndpoint {
  struct Limits {
    /// How many connections there are at most.
    var connections = 1_024
    /// How many of them may be in the middle of their handshake when the peer begins another one.
    var handshakes = 256
  }

  /// The least bytes of a client's first destination ID (RFC 9000, section 7.2).
  private static let leastFirstID = 8

  /// As many connections get a packet of their own when all end: the peer finds out about the rest by itself.
  private static let mostClosing = 64

  let parameters: QUICParameters
  private let isServer: Bool
  private let limits: Limits
  private let credentials: PinnedCredentials
  private let pin: Bytes32
  private let random: Session.Generator
  /// Whether a client's first packet begins a connection now.
  var mayBegin = true
  private var numbers = 0
  private(set) var connections: [Int: QUICConnection] = [:]
  private var routes: [ConnectionID: Int] = [:]
  /// By connection the ID that its client made up. It stays for as long as the connection: a first packet that comes late
  /// must not begin another one.
  private var firstIDs: [Int: ConnectionID] = [:]
  /// Connections that may have something to send, in turn.
  private var turns = Deque<Int>()
  private var waiting: Set<Int> = []
  /// Connections of which something is to be told.
  private var news: Set<Int> = []
  /// Connections that have sent since the last burst ended.
  private var senders: Set<Int> = []
  private var farewells = Farewells()

  init(
    isServer: Bool, identity: Ed25519Identity, pin: Bytes32, parameters: QUICParameters,
    limits: Limits = Limits(), random: Session.Generator
  ) throws(CryptoError) {
    self.isServer = isServer
    self.parameters = parameters
    self.limits = limits
    self.pin = pin
    self.random = random
    credentials = try PinnedCredentials(identity)
  }

  // MARK: Connections

  /// Begins a connection; nil when there are enough.
  func connect(at now: Instant) throws(CryptoError) -> Int? {
    guard !isServer, connections.count < limits.connections else { return nil }
    return try add(at: now)
  }

  private func add(at now: Instant) throws(CryptoError) -> Int {
    let connection = try QUICConnection(
      isServer: isServer, credentials: credentials, pin: pin, parameters: parameters, random: random, at: now)
    numbers += 1
    let number = numbers
    connections[number] = connection
    for id in connection.ownIDs { routes[id] = number }
    connection.idChanged = { [weak self] id, isAdded in self?.routes[id] = isAdded ? number : nil }
    touch(number)
    return number
  }

  /// Ends a connection and tells the peer.
  func close(_ number: Int, code: UInt64, at now: Instant) {
    guard let connection = connections[number] else { return }
    let packet = connection.closingPacket(code: code, at: now)
    if !packet.isEmpty {
      farewells.add(packet, ids: connection.ownIDs + [firstIDs[number]].compactMap { $0 }, at: now)
    }
    forget(number)
  }

  private func forget(_ number: Int) {
    guard let connection = connections.removeValue(forKey: number) else { return }
    connection.idChanged = { _, _ in }
    for id in connection.ownIDs { routes[id] = nil }
    if let id = firstIDs.removeValue(forKey: number) { routes[id] = nil }
    news.remove(number)
    senders.remove(number)
  }

  /// Something was done with the connection: it may have to send, and to tell.
  func touch(_ number: Int) {
    guard let connection = connections[number] else { return }
    note(number, connection)
    guard waiting.insert(number).inserted else { return }
    turns.append(number)
  }

  /// The connections that have events or have ended since this was asked last, the oldest first.
  func takeNews() -> [Int] {
    guard !news.isEmpty else { return [] }
    defer { news.removeAll() }
    return news.sorted()
  }

  private func note(_ number: Int, _ connection: QUICConnection) {
    if !connection.events.isEmpty || connection.isOver { news.insert(number) }
  }

  // MARK: Packets

  /// Takes one packet; false when it is for none of the connections.
  @discardableResult
  func receive(_ packet: UnsafeRawBufferPointer, at now: Instant) -> Bool {
    guard let header = QUICPacketHeader(packet, idLength: QUICParameters.idLength) else { return false }
    guard let number = routes[header.destination] ?? accept(header, packet, at: now),
      let connection = connections[number]
    else {
      farewells.answer(header.destination, at: now)
      return false
    }
    connection.receive(packet, at: now)
    guard connection.raw != nil || connection.failure != nil else {
      // It only looked like a client's first packet.
      forget(number)
      return false
    }
    touch(number)
    note(number, connection)
    return true
  }

  /// Makes the connection that a client's first packet begins. Where there are too many it is dropped: the client says it
  /// again.
  private func accept(_ header: QUICPacketHeader, _ packet: UnsafeRawBufferPointer, at now: Instant) -> Int? {
    guard isServer, mayBegin, header.isInitial, header.destinationLength >= Self.leastFirstID,
      // RFC 9000, section 14.1: a client's first packets fill their datagram.
      packet.count >= QUICParameters.handshakePacket, !farewells.knows(header.destination),
      connections.count < limits.connections,
      connections.values.count(where: { !$0.isReady }) < limits.handshakes,
      let number = try? add(at: now)
    else { return nil }
    routes[header.destination] = number
    firstIDs[number] = header.destination
    return number
  }

  /// Puts the next packet that is due into `buffer`; its length, 0 when none is due.
  func poll(into buffer: UnsafeMutableRawBufferPointer, limit: Int, at now: Instant) -> Int {
    if let packet = farewells.take() {
      buffer.copyBytes(from: packet)
      return packet.count
    }
    while let number = turns.popFirst() {
      guard let connection = connections[number] else {
        waiting.remove(number)
        continue
      }
      let length = connection.poll(into: buffer, limit: limit, at: now)
      note(number, connection)
      guard length > 0 else {
        waiting.remove(number)
        continue
      }
      turns.append(number)
      senders.insert(number)
      return length
    }
    return 0
  }

  /// Puts packets one behind the other into `buffer`, at most `count`, equally long ones but for the last.
  func pollBatch(
    into buffer: UnsafeMutableRawBufferPointer, limit: Int, count: Int, at now: Instant
  ) -> (length: Int, segment: Int) {
    var length = 0
    var segment = 0
    var packets = 0
    while packets < count, buffer.count - length >= limit {
      let packet = poll(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[length...]), limit: limit, at: now)
      guard packet > 0 else { break }
      if packets == 0 { segment = packet }
      packets += 1
      length += packet
      // Nothing longer may follow, and how long the next one is shows only when it is there.
      guard packet == limit else { break }
    }
    if packets > 0 { burstEnded(at: now) }
    return (length, segment)
  }

  /// Several packets have left back to back.
  func burstEnded(at now: Instant) {
    for number in senders { connections[number]?.burstEnded(at: now) }
    senders.removeAll(keepingCapacity: true)
  }

  /// What is left to be said when all connections end at once, at most `mostClosing` times.
  func closingPackets(first: Int?, code: UInt64, at now: Instant) -> [[UInt8]] {
    let numbers = [first].compactMap { $0 } + connections.keys.sorted().filter { $0 != first }
    return numbers.prefix(Self.mostClosing).compactMap { number in
      let packet = connections[number]?.closingPacket(code: code, at: now) ?? []
      return packet.isEmpty ? nil : packet
    }
  }

  // MARK: Time

  var deadline: Instant? { connections.values.lazy.compactMap(\.deadline).min() }

  func handleTimeout(at now: Instant) {
    // In the order of their numbers: what is random is drawn in the same order each time.
    let due = connections.filter { $0.value.deadline.map { $0 <= now } ?? false }
    for (number, connection) in due.sorted(by: { $0.key < $1.key }) {
      connection.handleTimeout(at: now)
      touch(number)
      note(number, connection)
    }
    farewells.expire(at: now)
  }
}
