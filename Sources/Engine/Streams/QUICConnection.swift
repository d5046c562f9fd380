import Basics
import CNgtcp2
import Crypto
import DequeModule

/// Why a QUIC connection failed. Its own words for a person.
struct QUICFailure: Error, CustomStringConvertible {
  /// ngtcp2's error code.
  var code: Int32
  var description: String
}

/// A QUIC connection (RFC 9000) with one stream table, by ngtcp2 and GnuTLS: packets and time in, packets and events
/// out.
///
/// It sees one constant path. Which way its packets travel, how large they may be and whether the peer is alive are the
/// session's business.
final class QUICConnection {
  /// The memory of one block of stream data.
  static let blockSize = 32 << 10
  /// Bytes of all streams that may wait to be sent for the first time; beyond it each stream gets only `leastUnsent`.
  static let totalUnsentLimit = 16 << 20
  static let leastUnsent = 16 << 10

  let isServer: Bool
  let parameters: QUICParameters
  private let credentials: PinnedCredentials
  private let pin: Bytes32
  let random: Session.Generator
  private let reference = UnsafeMutablePointer<ngtcp2_crypto_conn_ref>.allocate(capacity: 1)
  private let addresses = UnsafeMutablePointer<ngtcp2_sockaddr_in>.allocate(capacity: 1)
  private var path: ngtcp2_path
  private var tls: PinnedTLSSession?
  /// Nil for a server that has not seen a client's first packet.
  private(set) var raw: OpaquePointer?

  let pool = BlockPool(blockSize: QUICConnection.blockSize)
  var streams: [Int64: QUICStream] = [:]
  /// Streams that have something to send, in turn.
  var sendQueue = Deque<QUICStream>()
  /// Streams that wait for room in the connection's window.
  var isConnectionBlocked = false
  /// Bytes of all streams that were never sent.
  var totalUnsent = 0
  /// Datagrams to send, and those that the host has not taken.
  var outgoingDatagrams = DatagramQueue()
  var incomingDatagrams = DatagramQueue()
  var datagramCounts = DatagramCounts()
  /// The largest DATAGRAM frame that the peer takes, in bytes.
  private(set) var peerFrameLimit = 0
  /// Whether an event waits that tells the host of datagrams.
  var hasDatagramEvent = false
  /// Whether the packet at hand carries a datagram.
  var hasDatagramInPacket = false
  /// Whether streams go first in the next packet, since the last one carried datagrams (DGR-5).
  var isStreamsTurn = false
  var events = Deque<StreamEvent>()
  private(set) var isReady = false
  /// Why the connection is over; nil while it is not.
  private(set) var failure: QUICFailure?
  /// Whether the peer has closed in good order.
  private(set) var isClosedByPeer = false
  /// The IDs that the peer may address the connection by (RFC 9000, section 5.1).
  private(set) var ownIDs: [ConnectionID] = []
  /// Is told of each ID that is added to them, or retired.
  var idChanged: (_ id: ConnectionID, _ isAdded: Bool) -> Void = { _, _ in }
  /// The time of the call at hand, for callbacks.
  var now: Instant
  private(set) var packetsSent: UInt64 = 0
  private(set) var packetsReceived: UInt64 = 0
  var streamBytesSent: UInt64 = 0
  var streamBytesReceived: UInt64 = 0

  /// - Parameters:
  ///   - identity: what this side shows.
  ///   - pin: the public key that the peer must have.
  convenience init(
    isServer: Bool, identity: Ed25519Identity, pin: Bytes32, parameters: QUICParameters = QUICParameters(),
    random: Session.Generator, at now: Instant
  ) throws(CryptoError) {
    try self.init(
      isServer: isServer, credentials: PinnedCredentials(identity), pin: pin, parameters: parameters,
      random: random, at: now)
  }

  /// - Parameter credentials: what this side shows; several connections may share it.
  init(
    isServer: Bool, credentials: PinnedCredentials, pin: Bytes32, parameters: QUICParameters,
    random: Session.Generator, at now: Instant
  ) throws(CryptoError) {
    self.isServer = isServer
    self.parameters = parameters
    self.pin = pin
    self.random = random
    self.now = now
    self.credentials = credentials
    path = derphole_quic_constant_path(addresses)
    if !isServer { try start(serverIDs: nil) }
  }

  deinit {
    if let raw { ngtcp2_conn_del(raw) }
    tls = nil
    reference.deallocate()
    addresses.deallocate()
  }

  // MARK: Life

  /// Makes ngtcp2's connection.
  ///
  /// - Parameter serverIDs: of the client's first packet: the destination that it chose and its own ID.
  private func start(serverIDs: (chosen: ngtcp2_cid, client: ngtcp2_cid)?) throws(CryptoError) {
    reference.initialize(
      to: ngtcp2_crypto_conn_ref(
        get_conn: { reference in
          let owner = reference?.pointee.user_data
          return owner.flatMap { Unmanaged<QUICConnection>.fromOpaque($0).takeUnretainedValue().raw }
        }, user_data: Unmanaged.passUnretained(self).toOpaque()))
    let tls = try PinnedTLSSession(
      isServer: isServer, credentials: credentials, pin: pin, protocols: parameters.protocols,
      owner: UnsafeMutableRawPointer(reference))
    self.tls = tls
    let configured =
      isServer
      ? ngtcp2_crypto_gnutls_configure_server_session(tls.raw)
      : ngtcp2_crypto_gnutls_configure_client_session(tls.raw)
    guard configured == 0 else { throw .library(configured) }
    var callbacks = Self.callbacks
    var settings = parameters.settings(at: now)
    var params = parameters.transportParameters
    settings.rand_ctx.native_handle = Unmanaged.passUnretained(self).toOpaque()
    let owner = Unmanaged.passUnretained(self).toOpaque()
    var source = makeID(length: QUICParameters.idLength)
    var connection: OpaquePointer?
    let status: Int32
    if var ids = serverIDs {
      params.original_dcid = ids.chosen
      status = derphole_quic_server_new(
        &connection, &ids.client, &source, &path, &callbacks, &settings, &params, owner)
    } else {
      var destination = makeID(length: Int(NGTCP2_MAX_CIDLEN))
      status = derphole_quic_client_new(
        &connection, &destination, &source, &path, &callbacks, &settings, &params, owner)
    }
    guard status == 0, let connection else { throw .library(status) }
    raw = connection
    idIssued(ConnectionID(source))
    ngtcp2_conn_set_tls_native_handle(connection, UnsafeMutableRawPointer(tls.raw))
    keepAlive(every: parameters.keepAlive)
  }

  /// Asks the peer for a sign of life that often when nothing else moves; nil for never.
  func keepAlive(every interval: Interval?) {
    guard let raw, let interval else { return }
    ngtcp2_conn_set_keep_alive_timeout(raw, UInt64(interval.nanoseconds))
  }

  func idIssued(_ id: ConnectionID) {
    ownIDs.append(id)
    idChanged(id, true)
  }

  func idRetired(_ id: ConnectionID) {
    ownIDs.removeAll { $0 == id }
    idChanged(id, false)
  }

  func makeID(length: Int) -> ngtcp2_cid {
    var id = ngtcp2_cid()
    id.datalen = length
    withUnsafeMutableBytes(of: &id.data) {
      fillRandom(UnsafeMutableRawBufferPointer(rebasing: $0[..<length]))
    }
    return id
  }

  func fillRandom(_ buffer: UnsafeMutableRawBufferPointer) {
    for index in buffer.indices { buffer[index] = UInt8(truncatingIfNeeded: random.next() >> 32) }
  }

  func becameReady() {
    guard !isReady else { return }
    isReady = true
    peerFrameLimit = readPeerFrameLimit()
    events.append(.ready)
  }

  /// The next thing that the host is to know of.
  func pollEvent() -> StreamEvent? {
    let event = events.popFirst()
    if event == .datagrams { hasDatagramEvent = false }
    return event
  }

  func fail(_ code: Int32, _ what: String) {
    guard failure == nil else { return }
    failure = QUICFailure(code: code, description: "\(what): \(String(cString: ngtcp2_strerror(code)))")
  }

  // MARK: Packets

  /// Takes one packet. What is not the connection's is dropped.
  func receive(_ packet: UnsafeRawBufferPointer, at now: Instant) {
    self.now = now
    guard failure == nil, let bytes = packet.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return }
    let isFirst = raw == nil
    if isFirst {
      guard accept(packet) else { return }
    }
    guard let raw else { return }
    packetsReceived += 1
    let status = derphole_quic_read(raw, &path, bytes, packet.count, UInt64(now.nanoseconds))
    switch status {
    case 0:
      if isConnectionBlocked, ngtcp2_conn_get_max_data_left(raw) > 0 { isConnectionBlocked = false }
    case NGTCP2_ERR_DRAINING:
      isClosedByPeer = true
    case NGTCP2_ERR_DISCARD_PKT: break
    case NGTCP2_ERR_DROP_CONN where isServer && !isReady:
      // What looked like a first packet was none: a damaged one, perhaps. The client repeats the right one. A later
      // packet of that kind says nothing about the connection.
      if isFirst { startOver() }
    case NGTCP2_ERR_CRYPTO where ngtcp2_conn_get_tls_alert(raw) != 0:
      fail(status, "TLS alert \(ngtcp2_conn_get_tls_alert(raw))")
    default:
      fail(status, "QUIC")
    }
  }

  /// Makes a server's connection from a client's first packet; false when it is none.
  private func accept(_ packet: UnsafeRawBufferPointer) -> Bool {
    var header = ngtcp2_pkt_hd()
    guard ngtcp2_accept(&header, packet.baseAddress?.assumingMemoryBound(to: UInt8.self), packet.count) == 0
    else {
      return false
    }
    do {
      try start(serverIDs: (chosen: header.dcid, client: header.scid))
      return true
    } catch {
      fail(NGTCP2_ERR_INTERNAL, "\(error)")
      return false
    }
  }

  private func startOver() {
    if let raw { ngtcp2_conn_del(raw) }
    raw = nil
    tls = nil
    for id in ownIDs { idRetired(id) }
  }

  /// Whether nothing of the connection moves any more.
  var isOver: Bool { failure != nil || isClosedByPeer }

  /// Puts the next packet that is due into `buffer` and returns its length; 0 when none is, or none may leave.
  ///
  /// - Parameters:
  ///   - limit: the longest that may leave now, in bytes; shorter than the path carries behind others of one batch.
  ///   - packetSize: the longest that the path carries, at least 1,200; `limit` when it is nil. A datagram that is
  ///     larger than that is dropped, one that does not fit into `limit` waits.
  func poll(
    into buffer: UnsafeMutableRawBufferPointer, limit: Int, packetSize: Int? = nil, at now: Instant
  ) -> Int {
    self.now = now
    guard failure == nil, !isClosedByPeer, let raw else { return 0 }
    let largest = isReady ? parameters.largestPacket : QUICParameters.handshakePacket
    let length = write(
      raw, into: buffer, limit: min(limit, largest, buffer.count), packetSize: packetSize ?? limit)
    if length > 0 { packetsSent += 1 }
    return length
  }

  /// Puts packets one behind the other into `buffer`, at most `count`, equally long ones but for the last.
  func pollBatch(
    into buffer: UnsafeMutableRawBufferPointer, limit: Int, count: Int, at now: Instant
  ) -> (length: Int, segment: Int) {
    let limit = min(limit, parameters.largestPacket)
    var length = 0
    var segment = 0
    var packets = 0
    while packets < count, buffer.count - length >= limit {
      let packet = poll(
        into: UnsafeMutableRawBufferPointer(rebasing: buffer[length...]),
        limit: packets == 0 ? limit : segment, packetSize: limit, at: now)
      guard packet > 0 else { break }
      if packets == 0 { segment = packet }
      packets += 1
      length += packet
      guard packet == segment else { break }
    }
    if packets > 0 { burstEnded(at: now) }
    return (length, segment)
  }

  /// The packet that ends the connection for the peer (CONNECTION_CLOSE); empty when there is nobody to tell.
  ///
  /// - Parameter code: the application's error code when the connection itself has not failed.
  func closingPacket(code: UInt64, at now: Instant) -> [UInt8] {
    guard let raw, !isClosedByPeer, failure?.code != NGTCP2_ERR_IDLE_CLOSE else { return [] }
    return [UInt8](unsafeUninitializedCapacity: QUICParameters.handshakePacket) { buffer, count in
      count = max(
        0,
        Int(
          derphole_quic_write_close(
            raw, buffer.baseAddress, buffer.count, failure?.code ?? 0, code, UInt64(now.nanoseconds))))
    }
  }

  /// Why the peer closed, once it has; nil for a good end.
  var peerCloseError: UInt64? {
    guard let raw, isClosedByPeer else { return nil }
    var error = ngtcp2_connection_close_error()
    ngtcp2_conn_get_connection_close_error(raw, &error)
    return error.error_code == 0 ? nil : error.error_code
  }

  /// Whether the peer said nothing for `QUICParameters.idleLimit`.
  var isIdle: Bool { failure?.code == NGTCP2_ERR_IDLE_CLOSE || failure?.code == NGTCP2_ERR_HANDSHAKE_TIMEOUT }

  /// Several packets have left back to back: the next are paced from here.
  func burstEnded(at now: Instant) {
    if let raw { ngtcp2_conn_update_pkt_tx_time(raw, UInt64(now.nanoseconds)) }
  }

  // MARK: Time

  /// When `handleTimeout` has something to do.
  var deadline: Instant? {
    guard failure == nil, !isClosedByPeer, let raw else { return nil }
    let expiry = ngtcp2_conn_get_expiry(raw)
    return expiry == UInt64.max ? nil : Instant(nanoseconds: Int64(clamping: expiry))
  }

  /// Whether something is due that `poll` then sends.
  func handleTimeout(at now: Instant) {
    self.now = now
    guard failure == nil, !isClosedByPeer, let raw, let deadline, deadline <= now else { return }
    let status = ngtcp2_conn_handle_expiry(raw, UInt64(now.nanoseconds))
    if status != 0 { fail(status, "QUIC") }
  }

  private var statistics: ngtcp2_conn_stat? {
    guard let raw else { return nil }
    var statistics = ngtcp2_conn_stat()
    derphole_quic_statistics(raw, &statistics)
    return statistics
  }

  /// The smoothed round trip; nil before one was measured.
  var roundTrip: Interval? {
    guard let statistics, statistics.first_rtt_sample_ts != UInt64.max else { return nil }
    return Interval(nanoseconds: Int64(clamping: statistics.smoothed_rtt))
  }

  /// Whether something was sent, or is to be, that the peer has not acknowledged. What counts as lost is not in flight
  /// any more, and still awaited.
  var awaitsAcknowledgement: Bool {
    guard let statistics, failure == nil else { return false }
    return !isReady || statistics.bytes_in_flight > 0 || statistics.pto_count > 0 || totalUnsent > 0
      || !outgoingDatagrams.isEmpty
  }

  /// Probes (RFC 9002, section 6.2) since the last acknowledgement.
  var unansweredProbes: Int { statistics?.pto_count ?? 0 }
}
