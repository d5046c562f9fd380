import Basics
import Crypto
import Wire

/// Why the conversation with a relay ended.
public enum RelayLinkError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The answer to the upgrade request was not 101.
  case refused(status: Int)
  /// What the relay sent is not DERP.
  case protocolError(String)
  /// The relay did not finish the handshake, or stopped answering.
  case timedOut

  public var description: String {
    switch self {
    case .refused(let status): "relay answered with HTTP status \(status)"
    case .protocolError(let what): "relay broke the protocol: \(what)"
    case .timedOut: "relay stopped answering"
    }
  }
}

/// What a relay says about itself.
public enum RelayNotice: Hashable, Sendable, CustomStringConvertible {
  /// It has a problem; its own words, empty when it is well again.
  case health(String)
  /// It is about to restart, and says when to come back and how long to try.
  case restarting(reconnectIn: Interval, tryFor: Interval)

  public var description: String {
    switch self {
    case .health(let problem):
      problem.isEmpty ? "the relay is well again" : "the relay has a problem: \(printable(problem))"
    case .restarting(let delay, _): "the relay restarts, back in \(delay.inMilliseconds) ms"
    }
  }
}

/// The client's side of one DERP connection: HTTP upgrade, handshake, frames. Bytes in, packets out, and the other
/// way round; it neither dials nor reconnects.
struct RelayLink {
  /// From the connection to the relay's key.
  static let handshakeLimit = Interval.seconds(10)
  /// How long a ping to the relay may stay without any answer.
  static let pingLimit = Interval.seconds(5)
  /// Small frames that wait for the next `poll`; more are dropped, as a relay would do.
  static let maximumQueuedBytes = 256 << 10

  private enum Phase {
    case down
    /// The upgrade request is out.
    case upgrading
    /// Waiting for the server's key.
    case greeting
    case established
  }

  private let key: X25519PrivateKey
  private let host: String
  private let path: String
  private var phase = Phase.down
  private var serverKey: Bytes32?
  private var handshakeDeadline: Instant?
  private var queue: [UInt8] = []
  /// Bytes of an uninteresting frame that are still to come.
  private var skip = 0
  private var lastHeard = Instant.zero
  private var pingSentAt: Instant?
  private var bucket: TokenBucket?

  /// What the relay said about itself since the owner last looked.
  var notices: [RelayNotice] = []
  /// The key that the relay said last to have left it.
  var goneKey: Bytes32?
  /// Whether the relay has accepted our key on this connection.
  private(set) var isConfirmed = false

  /// - Parameters:
  ///   - key: the key that peers reach us by.
  ///   - host: what the `Host` header says, with the port when it is not the scheme's.
  ///   - path: the path of the relay's URL.
  init(key: X25519PrivateKey, host: String, path: String) {
    self.key = key
    self.host = host
    self.path = path
  }

  /// Whether packets can be sent.
  var isEstablished: Bool { phase == .established }

  // MARK: Connection

  /// The connection stands. With `fastStartKey` the relay's certificate has told its key already: the upgrade
  /// request and our info leave together and no HTTP response follows.
  mutating func connected(
    fastStartKey: Bytes32?, random: inout some RandomNumberGenerator, at now: Instant
  ) throws(RelayLinkError) {
    disconnected()
    lastHeard = now
    handshakeDeadline = now + Self.handshakeLimit
    queue = DERPUpgrade.request(host: host, path: path, fastStart: fastStartKey != nil)
    phase = .upgrading
    if let fastStartKey { try introduce(to: fastStartKey, random: &random) }
  }

  /// The connection is gone; what was queued is dropped.
  mutating func disconnected() {
    phase = .down
    isConfirmed = false
    queue.removeAll()
    skip = 0
    serverKey = nil
    handshakeDeadline = nil
    pingSentAt = nil
    bucket = nil
  }

  private mutating func introduce(
    to server: Bytes32, random: inout some RandomNumberGenerator
  ) throws(RelayLinkError) {
    serverKey = server
    let info = ClientInfo().serialized()
    let sealed: [UInt8]
    do {
      sealed = try NaClBox.seal(info, nonce: random.bytes(NaClBox.nonceLength), to: server, from: key)
    } catch {
      throw .protocolError("unusable server key")
    }
    let frame = DERPControlFrame.clientInfo(ClientInfoFrame(clientPublic: key.publicKey, sealedInfo: sealed))
    queue += frame.serialized()
    handshakeDeadline = nil
    phase = .established
  }

  // MARK: Receiving

  /// Takes bytes of the connection and hands each packet, where it lies, to `packet`. Returns how many bytes were
  /// used up; the rest is to be offered again with what follows. The caller's buffer must hold the largest packet
  /// frame (`RelayLink.largestFrame`).
  mutating func receive(
    _ bytes: UnsafeMutableRawBufferPointer, random: inout some RandomNumberGenerator, at now: Instant,
    packet: (Bytes32, UnsafeMutableRawBufferPointer) -> Void
  ) throws(RelayLinkError) -> Int {
    var used = 0
    if !bytes.isEmpty {
      lastHeard = now
      pingSentAt = nil
    }
    if phase == .upgrading {
      used = try receiveResponse(UnsafeRawBufferPointer(bytes))
      guard phase != .upgrading else { return 0 }
    }
    while used < bytes.count {
      if skip > 0 {
        let step = min(skip, bytes.count - used)
        skip -= step
        used += step
        continue
      }
      let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[used...])
      guard let header = DERPFrameHeader.parse(UnsafeRawBufferPointer(rest)) else { break }
      guard header.length <= DERP.maximumFrameLength else { throw .protocolError("a frame is too long") }
      let isPacket = header.type == DERPFrameType.receivePacket.rawValue
      guard isPacket || header.length <= DERP.maximumHealthLength else {
        used += DERP.frameHeaderLength
        skip = header.length
        continue
      }
      guard !isPacket || (DERP.keyLength...DERP.maximumPacketFrameLength).contains(header.length) else {
        throw .protocolError("a packet of a wrong length")
      }
      guard rest.count >= DERP.frameHeaderLength + header.length else { break }
      let payload = UnsafeMutableRawBufferPointer(
        rebasing: rest[DERP.frameHeaderLength..<DERP.frameHeaderLength + header.length])
      used += DERP.frameHeaderLength + header.length
      if isPacket, phase == .established {
        packet(
          Bytes32(loading: UnsafeRawBufferPointer(payload)),
          UnsafeMutableRawBufferPointer(rebasing: payload[DERP.keyLength...]))
      } else {
        try handleControl(header.type, UnsafeRawBufferPointer(payload), random: &random, at: now)
      }
    }
    return used
  }

  /// The largest frame that `receive` needs to see whole, in bytes.
  static let largestFrame = DERP.frameHeaderLength + DERP.maximumPacketFrameLength

  private mutating func receiveResponse(_ bytes: UnsafeRawBufferPointer) throws(RelayLinkError) -> Int {
    do {
      guard let head = try DERPUpgrade.parseResponseHead(bytes) else { return 0 }
      guard head.status == 101 else { throw RelayLinkError.refused(status: head.status) }
      phase = .greeting
      return head.headLength
    } catch let error as RelayLinkError {
      throw error
    } catch {
      throw .protocolError("\(error)")
    }
  }

  private mutating func handleControl(
    _ type: UInt8, _ payload: UnsafeRawBufferPointer, random: inout some RandomNumberGenerator,
    at now: Instant
  ) throws(RelayLinkError) {
    let frame: DERPControlFrame?
    do {
      frame = try DERPControlFrame.parse(type: type, payload: payload)
    } catch {
      // Only what the client needs must be well-formed; a peer-gone of an unknown length is no reason to leave.
      guard type == DERPFrameType.serverKey.rawValue, phase == .greeting else { return }
      throw .protocolError("\(error)")
    }
    switch (frame, phase) {
    case (.serverKey(let greeting), .greeting):
      try introduce(to: greeting.serverPublic, random: &random)
    case (_, .greeting):
      throw .protocolError("a frame before the server's key")
    case (.serverInfo(let sealed), _):
      try learn(sealed, at: now)
    case (.ping(let ping), _):
      enqueue(DERPControlFrame.pong(ping).serialized())
    case (.health(let health), _):
      notice(.health(health.problem))
    case (.restarting(let restart), _):
      notice(
        .restarting(
          reconnectIn: .milliseconds(Int64(restart.reconnectInMilliseconds)),
          tryFor: .milliseconds(Int64(restart.tryForMilliseconds))))
    case (.peerGone(let gone), _):
      // Who is gone may come back; that it is gone is worth a question.
      goneKey = gone.peer
    default:
      // Keep-alives only prove that the relay lives.
      break
    }
  }

  /// Keeps the newest few; a relay that chatters must not fill memory.
  private mutating func notice(_ notice: RelayNotice) {
    if notices.count < 8 { notices.append(notice) }
  }

  private mutating func learn(_ frame: ServerInfoFrame, at now: Instant) throws(RelayLinkError) {
    guard let serverKey else { return }
    do {
      let json = try NaClBox.open(frame.sealedInfo, from: serverKey, to: key)
      let info = try json.withUnsafeBytes { (bytes) throws in try ServerInfo.parse(bytes) }
      isConfirmed = true
      guard info.tokenBucketBytesPerSecond > 0 else { return }
      bucket = TokenBucket(
        bytesPerSecond: info.tokenBucketBytesPerSecond, burst: info.tokenBucketBytesBurst, at: now)
    } catch {
      throw .protocolError("its info cannot be opened")
    }
  }

  // MARK: Sending

  /// Queues a whole small packet for `peer`; dropped when the connection is down or too much waits already.
  mutating func send(_ packet: [UInt8], to peer: Bytes32) {
    guard phase == .established, packet.count <= DERP.maximumPacketLength else { return }
    var frame = [UInt8](repeating: 0, count: DERP.packetHeaderLength)
    frame.withUnsafeMutableBytes {
      DERPFrameHeader.storePacketHeader(.sendPacket, peer: peer, packetLength: packet.count, into: $0)
    }
    enqueue(frame + packet)
  }

  private mutating func enqueue(_ bytes: [UInt8]) {
    guard queue.count + bytes.count <= Self.maximumQueuedBytes else { return }
    queue += bytes
  }

  /// Moves queued bytes into `buffer` and returns how many; a queue larger than the buffer follows in pieces.
  mutating func pollQueue(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    guard !queue.isEmpty else { return 0 }
    let count = min(queue.count, buffer.count)
    queue.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
    if count == queue.count {
      queue.removeAll(keepingCapacity: true)
    } else {
      queue.removeFirst(count)
    }
    return count
  }

  /// Whether the relay's rate limit lets a packet of the largest size through now.
  mutating func maySend(at now: Instant) -> Bool {
    phase == .established && (bucket?.isOpen(at: now) ?? true)
  }

  /// A packet frame of `length` bytes, header included, was written after `maySend`.
  mutating func didSend(_ length: Int) { bucket?.take(length) }

  // MARK: Time

  /// Asks the relay for a sign of life when nothing came from it for `quiet`.
  mutating func checkLife(quiet: Interval, at now: Instant) {
    guard phase == .established, pingSentAt == nil, now - lastHeard >= quiet else { return }
    pingSentAt = now
    enqueue(DERPControlFrame.ping(PingFrame(token: UInt64(bitPattern: now.nanoseconds))).serialized())
  }

  /// When `checkLife`, `checkTimeout` or, after `polled`, the rate limit has something to do.
  func deadline(quiet: Interval, wantsToSend: Bool, polled: Instant) -> Instant? {
    if let handshakeDeadline { return handshakeDeadline }
    guard phase == .established else { return nil }
    var next = pingSentAt.map { $0 + Self.pingLimit } ?? (lastHeard + quiet)
    if wantsToSend, let opens = bucket?.opensAt, opens > polled { next = min(next, opens) }
    return next
  }

  /// Throws `timedOut` when the handshake or the answer to a ping took too long.
  func checkTimeout(at now: Instant) throws(RelayLinkError) {
    if let handshakeDeadline, handshakeDeadline <= now { throw .timedOut }
    if let pingSentAt, now - pingSentAt >= Self.pingLimit { throw .timedOut }
  }
}
