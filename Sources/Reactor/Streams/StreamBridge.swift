import Basics
import Engine
import Glibc

/// One local connection and the stream that it travels in. Bytes go through no buffer of their own: a socket is read
/// into the session's memory and written from it. It is read only while the peer takes more, so who does not read holds
/// its own writer back (STR-4).
final class StreamBridge {
  /// How much moves each way before other bridges have their turn.
  private static let turnLimit = 256 << 10

  /// How a bridge ended.
  enum End {
    /// Both directions came to their end.
    case closed
    /// Somebody gave up.
    case reset
  }

  let id: StreamID
  private let session: any StreamCarrier
  private let loop: EventLoop
  /// Asks for a call of `move`.
  private let ready: (StreamBridge) -> Void
  private var descriptor: Int32 = -1
  private var watcher: IOWatcher?
  /// The socket's input has ended, or nothing more of it is wanted.
  private var isInputOver = false
  /// Nothing more will be written to the socket.
  private var isOutputOver = false
  private var mayRead = true
  private var mayWrite = true
  private var hasIncoming = true
  private(set) var end: End?
  /// Runs once the peer's end has come, when that ends both directions.
  private var linger: LoopTimer?
  private let allowance: StreamAllowance?
  /// Runs while nothing may move because enough has.
  private var restTimer: LoopTimer?

  /// Whether the bridge waits for its turn.
  var isQueued = false
  /// Why the service could not be reached, for who shows it.
  var refusal: String?
  let openedAt: Instant
  /// Bytes from the socket to the peer.
  private(set) var bytesSent: UInt64 = 0
  /// Bytes from the peer to the socket.
  private(set) var bytesReceived: UInt64 = 0

  init(
    _ loop: EventLoop, _ session: any StreamCarrier, _ id: StreamID, allowance: StreamAllowance? = nil,
    ready: @escaping (StreamBridge) -> Void
  ) {
    self.allowance = allowance
    self.loop = loop
    self.session = session
    self.id = id
    self.ready = ready
    openedAt = loop.now
  }

  deinit { dropSocket() }

  /// The local connection stands; the bridge owns its descriptor from now on.
  func attach(_ descriptor: Int32) {
    self.descriptor = descriptor
    watcher = loop.watch(descriptor) { [weak self] events in self?.socketReady(events) }
    ready(self)
  }

  private func socketReady(_ events: IOEvents) {
    if events.contains(.readable) { mayRead = true }
    if events.contains(.writable) { mayWrite = true }
    ready(self)
  }

  // MARK: What the session tells

  func streamReadable() {
    hasIncoming = true
    ready(self)
  }

  func streamWritable() { ready(self) }

  /// The peer gave up sending: what the local side got is not all, and it must not look as if it were.
  func streamReset(_ code: StreamErrorCode) { abort(code) }

  /// The peer reads no more: nothing more of the local side is needed, which may still be answered.
  func streamStopped() {
    isInputOver = true
    session.resetStream(id, .gone, at: loop.now)
    endIfOver()
  }

  /// Both directions of the stream are over.
  func streamClosed() {
    // Without the peer's end something may be missing. With it the socket has been given everything, and nobody wants
    // what it might still say.
    guard isOutputOver else { return abort(.gone) }
    isInputOver = true
    endIfOver()
  }

  // MARK: Moving

  /// Moves a bounded amount each way. Whether there is more to do at once.
  func move() -> Bool {
    guard end == nil, descriptor >= 0 else { return false }
    let limit = allowance.map { min($0.available(at: loop.now), Self.turnLimit) } ?? Self.turnLimit
    guard limit > 0 else {
      rest()
      return false
    }
    let before = bytesSent + bytesReceived
    let more = moveIn(limit)
    let rest = allowance == nil ? limit : limit - Int(bytesSent + bytesReceived - before)
    let moreOut = end == nil && moveOut(rest)
    allowance?.take(Int(bytesSent + bytesReceived - before))
    endIfOver()
    guard end == nil else { return false }
    refreshInterest()
    return more || moreOut
  }

  /// The socket is not looked at until something may move again.
  private func rest() {
    guard let allowance else { return }
    watcher?.interest = []
    restTimer = restTimer ?? loop.makeTimer { [weak self] in self.map { $0.ready($0) } }
    restTimer?.arm(at: allowance.nextAt)
  }

  /// From the socket to the peer.
  private func moveIn(_ limit: Int) -> Bool {
    var budget = limit
    while end == nil, mayRead, !isInputOver, session.wantedByStream(id) > 0 {
      guard budget > 0 else { return true }
      var result = -1
      var code = EAGAIN
      let count = session.fillStream(id) { room in
        result = recv(descriptor, room.baseAddress, min(room.count, budget), Int32(MSG_DONTWAIT))
        code = errno
        return max(0, result)
      }
      if count > 0 {
        bytesSent += UInt64(count)
        budget -= count
      } else if result == 0 {
        isInputOver = true
        session.finishStream(id, at: loop.now)
      } else if code == EAGAIN {
        mayRead = false
      } else if code != EINTR {
        abort(.reset)
      }
    }
    return false
  }

  /// From the peer to the socket.
  private func moveOut(_ limit: Int) -> Bool {
    var budget = limit
    while end == nil, hasIncoming, mayWrite, !isOutputOver {
      guard budget > 0 else { return true }
      var code: Int32 = 0
      var written = 0
      let state = session.readStream(id, at: loop.now) { bytes in
        let limit = min(bytes.count, budget - written)
        var sent = 0
        while sent < limit {
          let rest = UnsafeRawBufferPointer(rebasing: bytes[sent..<limit])
          let count = send(descriptor, rest.baseAddress, rest.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
          if count < 0, errno == EINTR { continue }
          if count < 0 { code = errno }
          guard count > 0 else { break }
          sent += count
        }
        written += sent
        return sent
      }
      bytesReceived += UInt64(written)
      budget -= written
      switch state {
      case .ended:
        isOutputOver = true
        shutdown(descriptor, Int32(SHUT_WR))
        startLinger()
      case .empty: hasIncoming = false
      case .more where code == EAGAIN: mayWrite = false
      case .more where code != 0: writeFailed(code)
      case .more: break
      }
    }
    return false
  }

  /// The local side takes nothing more. What it said still counts when it came to an end: the kernel says EPIPE where it
  /// has seen that end, read or not, and ECONNRESET where it has not.
  private func writeFailed(_ code: Int32) {
    guard isInputOver || code == EPIPE else { return abort(.reset) }
    isOutputOver = true
    session.stopReadingStream(id, .reset, at: loop.now)
  }

  private func refreshInterest() {
    var interest: IOEvents = []
    if !isInputOver, !mayRead, session.wantedByStream(id) > 0 { interest.insert(.readable) }
    if !isOutputOver, !mayWrite { interest.insert(.writable) }
    watcher?.interest = interest
  }

  // MARK: Ending

  /// The peer waits for our end, and takes nothing more that the local side says (UPS-10).
  private func startLinger() {
    guard let limit = session.streamLinger, !isInputOver else { return }
    linger = loop.makeTimer { [weak self] in
      guard let self, end == nil, !isInputOver else { return }
      isInputOver = true
      session.finishStream(id, at: loop.now)
      ready(self)
    }
    linger?.arm(after: limit)
  }

  private func endIfOver() {
    guard end == nil, isInputOver, isOutputOver else { return }
    end = .closed
    dropSocket()
  }

  /// Gives up both directions, and says so at both ends (STR-3).
  func abort(_ code: StreamErrorCode) {
    guard end == nil else { return }
    end = .reset
    session.resetStream(id, code, at: loop.now)
    session.stopReadingStream(id, code, at: loop.now)
    dropSocket(with: Socket.closeWithReset)
  }

  private func dropSocket(with close: (Int32) -> Void = { Glibc.close($0) }) {
    linger = nil
    restTimer = nil
    watcher?.cancel()
    watcher = nil
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }
}
