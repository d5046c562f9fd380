import Basics
import Engine

/// Runs one `Session` on a loop: the relay's connection, UDP sockets, the payload's source and output, time.
///
/// It decides nothing about the protocol. Bytes travel through two buffers only for the relay: one that relay bytes
/// are read into and opened in, one that frames are sealed into and written from. Datagrams have two of their own.
public final class SessionHost {
  /// How much is read from or written to the relay at once, in bytes.
  private static let sendBufferSize = 256 << 10
  private static let receiveBufferSize = 512 << 10
  /// The least that is worth reading from the source, unless the session wants less altogether.
  private static let leastSourceRead = 64 << 10
  /// How long saying goodbye may take.
  private static let goodbyeLimit = Interval.seconds(1)
  /// How many batches of datagrams (of up to 64 KiB) leave before acknowledgements may come in.
  private static let batchesPerTurn = 8

  let loop: EventLoop
  let session: Session
  private let relay: Relay
  private let source: (any PayloadSource)?
  private let output: (any PayloadOutput)?
  private let observer: (SessionEvent) -> Void
  private let completion: (SessionOutcome) -> Void

  private var dialer: RelayDialer?
  private var stream: (any ByteStream)?
  private var watcher: StreamWatcher?
  private var addressWatch: LocalAddressWatch?
  private var timer: PacingTimer?
  private var goodbyeTimer: LoopTimer?
  private let sendBuffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: SessionHost.sendBufferSize, alignment: 4096)
  private var unsent = 0..<0
  private let receiveBuffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: SessionHost.receiveBufferSize, alignment: 4096)
  private var unread = 0..<0
  private var sourceEnded = false
  private var outputFailure: String?
  var outcome: SessionOutcome?
  private var isDone = false
  private var isTurning = false
  private var isTurnQueued = false
  let sockets: SessionSockets?
  var surroundings: SessionSurroundings?
  /// Whether new payload leaves by UDP.
  private var isDirect = false
  /// Whether datagrams were left behind because their turn was over.
  var hasMoreDatagrams = false
  var hasLeftSurroundings = true

  /// Does something with the session's streams; nil for a session that moves one payload.
  public var streams: (any StreamDriver)? {
    didSet { streams?.wake = { [weak self] in self?.turn() } }
  }

  /// Gets what `--verbose` shows of the host itself.
  public var noted: (Note) -> Void = { _ in }

  /// - Parameters:
  ///   - direct: what leaving the relay takes; nil for a session that stays there.
  ///   - source: where payload comes from, for a session that sends; in a dialogue, answers for one that receives.
  ///   - output: where payload goes, for a session that receives; in a dialogue, answers for one that sends.
  ///   - observer: is shown every event of the session.
  ///   - completion: is called once, when goodbye has been said.
  public init(
    _ loop: EventLoop, _ session: Session, relay: Relay, direct: DirectPaths? = nil,
    source: (any PayloadSource)?, output: (any PayloadOutput)?, observer: @escaping (SessionEvent) -> Void,
    completion: @escaping (SessionOutcome) -> Void
  ) {
    self.loop = loop
    self.session = session
    self.relay = relay
    self.source = source
    self.output = output
    self.observer = observer
    self.completion = completion
    sockets = direct.map { _ in SessionSockets(loop) }
    timer = PacingTimer(loop) { [weak self] in self?.timeout() }
    source?.readable = { [weak self] in self?.turn() }
    output?.writable = { [weak self] in self?.outputWritable() }
    if let direct { connect(direct) }
  }

  deinit {
    watcher?.cancel()
    stream?.close()
    sendBuffer.initializeMemory(as: UInt8.self, repeating: 0)
    sendBuffer.deallocate()
    receiveBuffer.initializeMemory(as: UInt8.self, repeating: 0)
    receiveBuffer.deallocate()
  }

  /// Starts; everything else happens on the loop.
  public func start() {
    // Before anything else: the first message to the peer may name our addresses.
    surroundings?.start()
    turn()
  }

  /// Somebody wants to stop: the peer is told, then `completion` is called.
  public func interrupt() {
    session.handle(.interrupted, at: loop.now)
    turn()
  }

  /// An envelope came for this session through its door.
  func deliver(_ envelope: [UInt8], from source: Bytes32) {
    session.deliver(envelope, from: source, at: loop.now)
    turn()
  }

  /// Asks a peer that is not heard whether it still knows the session.
  func askAgain() {
    session.askAgain(at: loop.now)
    turn()
  }

  /// Asks the peer for a sign of life.
  func checkPeer() {
    session.checkPeer(at: loop.now)
    turn()
  }

  /// Somebody wants to stop a session of streams: it ends in good order on both sides.
  public func closeStreams() {
    session.closeStreams(at: loop.now)
    turn()
  }

  /// This side cannot write what comes: the peer is told, then `completion` is called.
  public func fail(reason: String) {
    session.handle(.outputFailed(reason: reason), at: loop.now)
    turn()
  }

  /// What the peer says in a transfer makes no sense: it is told, then `completion` is called.
  public func refuse(reason: String) {
    session.handle(.contentRefused(reason: reason), at: loop.now)
    turn()
  }

  /// Somebody does not want what the peer offers: it is told, then `completion` is called.
  public func decline(reason: String) {
    session.handle(.declined(reason: reason), at: loop.now)
    turn()
  }

  // MARK: The turn

  /// Moves whatever can be moved, in all directions, until nothing can.
  func turn() {
    guard !isTurning, !isDone else { return }
    isTurning = true
    var progressed = true
    var batches = Self.batchesPerTurn
    while progressed && !isDone {
      progressed = pumpSource()
      if let streams, streams.pump() { progressed = true }
      if pumpRelay() { progressed = true }
      if pumpDatagrams(&batches) { progressed = true }
      while let event = session.pollEvent() {
        progressed = true
        handle(event)
      }
    }
    isTurning = false
    guard !isDone else { return }
    if hasMoreDatagrams, !isTurnQueued {
      isTurnQueued = true
      loop.defer { [weak self] in
        self?.isTurnQueued = false
        self?.turn()
      }
    }
    if outcome != nil { return sayGoodbye() }
    watcher?.wantsWrite = !unsent.isEmpty
    source?.wantsRead = wantsSource
    output?.wantsWrite = session.isOutputBlocked
    if let deadline = session.nextDeadline { timer?.arm(at: deadline) } else { timer?.disarm() }
  }

  private func timeout() {
    session.handleTimeout(at: loop.now)
    turn()
  }

  private func handle(_ event: SessionEvent) {
    observer(event)
    switch event {
    case .dialRelay: dial()
    case .closeRelay: closeStream()
    case .payloadEnded: finishOutput()
    case .finished(let result):
      outcome = result
      streams?.sessionEnded()
    case .openSocket(let id): openSocket(id)
    case .closeSocket(let id): sockets?.close(id)
    case .path(let report): isDirect = report.path != .relay
    case .relayLost, .relayNotice, .state, .peerMissing, .peerRestarted, .transition, .envelope: break
    case .knock(let envelope, let source): streams?.knocked(envelope, from: source)
    }
  }

  // MARK: Source and output

  /// Whether the source is to be read: the session takes enough of it, and frames can leave the way that payload
  /// takes now.
  private var wantsSource: Bool {
    let isBlocked = isDirect ? sockets?.isBlocked ?? false : !unsent.isEmpty
    guard !sourceEnded, !isBlocked else { return false }
    let wanted = session.wantedFromSource
    return wanted >= Self.leastSourceRead || (wanted > 0 && !session.hasUnsentPayload)
  }

  /// Reads from the source as long as it is wanted.
  private func pumpSource() -> Bool {
    guard let source, wantsSource else { return false }
    var failure: String?
    var ended = false
    let count = session.fillFromSource { buffer in
      do {
        switch try source.read(into: buffer) {
        case .bytes(let count): return count
        case .wouldBlock: return 0
        case .end:
          ended = true
          return 0
        }
      } catch {
        failure = "\(error)"
        return 0
      }
    }
    if let failure {
      sourceEnded = true
      session.handle(.sourceFailed(reason: failure), at: loop.now)
    } else if ended {
      sourceEnded = true
      session.handle(.sourceEnded, at: loop.now)
    }
    return count > 0 || ended || failure != nil
  }

  private func outputWritable() {
    session.drainPayload(into: self, at: loop.now)
    outputBatchEnded()
    turn()
  }

  /// All that came at once has been handed over.
  func outputBatchEnded() {
    if outputFailure == nil {
      do {
        try output?.flush()
      } catch {
        outputFailure = "\(error)"
      }
    }
    reportOutputFailure()
  }

  private func finishOutput() {
    output?.finish { [weak self] result in
      guard let self, outcome == nil else { return }
      switch result {
      case .success: session.handle(.outputClosed, at: loop.now)
      case .failure(let error): session.handle(.outputFailed(reason: "\(error)"), at: loop.now)
      }
      turn()
    }
  }

  func reportOutputFailure() {
    guard let outputFailure else { return }
    session.handle(.outputFailed(reason: outputFailure), at: loop.now)
  }

  // MARK: Relay

  private func dial() {
    closeStream()
    dialer = RelayDialer(loop, url: relay.url, addresses: relay.addresses) { [weak self] result in
      guard let self, outcome == nil else { return }
      dialer = nil
      switch result {
      case .success(let connection): connected(connection)
      case .failure(let error):
        session.handle(.relayClosed(reason: "\(error)"), at: loop.now)
      }
      turn()
    }
  }

  private func connected(_ connection: RelayConnection) {
    stream = connection.stream
    let watcher = StreamWatcher(
      loop, connection.stream, readable: { [weak self] in self?.relayReadable() },
      writable: { [weak self] in self?.turn() })
    watcher.wantsRead = true
    self.watcher = watcher
    addressWatch = LocalAddressWatch(loop, descriptor: connection.stream.descriptor) { [weak self] in
      guard let self, stream != nil, outcome == nil else { return }
      relayClosed("this machine has another address now")
      turn()
    }
    let meta = connection.metaKey.flatMap { $0.version == 0 ? nil : $0.key }
    session.handle(.relayConnected(fastStartKey: meta), at: loop.now)
    surroundings?.relayConnected(at: connection.peer, stunPort: relay.stunPort)
  }

  private func closeStream() {
    watcher?.cancel()
    watcher = nil
    addressWatch = nil
    stream?.close()
    stream = nil
    unsent = 0..<0
    unread = 0..<0
  }

  /// Reads once and lets the session take it; the watcher calls again while there is more.
  private func relayReadable() {
    guard let stream else { return }
    if receiveBuffer.count - unread.upperBound < Session.minimumReceiveBuffer {
      // The rest of an incomplete frame moves to the front; it is smaller than one frame.
      receiveBuffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: receiveBuffer[unread]))
      unread = 0..<unread.count
    }
    do {
      switch try stream.read(
        into: UnsafeMutableRawBufferPointer(rebasing: receiveBuffer[unread.upperBound...]))
      {
      case .bytes(let count):
        unread = unread.lowerBound..<unread.upperBound + count
        let used = session.handle(
          relayBytes: UnsafeMutableRawBufferPointer(rebasing: receiveBuffer[unread]), at: loop.now, sink: self
        )
        let rest = unread.lowerBound + used..<unread.upperBound
        unread = rest.isEmpty ? 0..<0 : rest
        outputBatchEnded()
      case .wouldBlock: return
      case .end: relayClosed("the relay closed the connection")
      }
    } catch {
      relayClosed("\(error)")
    }
    if outcome == nil { turn() } else { endIfSilent() }
  }

  private func relayClosed(_ reason: String) {
    closeStream()
    session.handle(.relayClosed(reason: reason), at: loop.now)
  }

  /// Writes what the session has for the relay; whether anything moved.
  private func pumpRelay() -> Bool {
    guard let stream else { return false }
    var progressed = false
    do {
      while true {
        if unsent.isEmpty {
          guard let transmission = session.poll(into: sendBuffer, at: loop.now) else { break }
          unsent = 0..<transmission.length
        }
        let written = try stream.write(UnsafeRawBufferPointer(rebasing: sendBuffer[unsent]))
        guard written > 0 else { break }
        progressed = true
        unsent = unsent.lowerBound + written..<unsent.upperBound
      }
    } catch {
      relayClosed("\(error)")
      progressed = true
    }
    return progressed
  }

  // MARK: Goodbye

  /// Sends the session's last words, then closes in an order that does not throw them away: a socket closed with
  /// unread input resets the connection.
  private func sayGoodbye() {
    timer?.disarm()
    dialer = nil
    source?.wantsRead = false
    output?.wantsWrite = false
    if goodbyeTimer == nil {
      goodbyeTimer = loop.makeTimer { [weak self] in self?.end() }
      goodbyeTimer?.arm(after: Self.goodbyeLimit)
      surroundings?.stop { [weak self] in
        guard let self else { return }
        hasLeftSurroundings = true
        endIfSilent()
      }
    }
    continueGoodbye()
  }

  private func continueGoodbye() {
    guard !isDone else { return }
    guard let stream else { return endIfSilent() }
    if unsent.isEmpty, !stream.hasPendingOutput {
      watcher?.wantsWrite = false
      if !hasMoreDatagrams, sockets?.isBlocked != true { stream.finishWriting() }
    } else {
      watcher?.wantsWrite = true
    }
  }

  /// Ends when nobody has to be heard or told any more.
  private func endIfSilent() {
    guard outcome != nil, stream == nil, hasLeftSurroundings, !hasMoreDatagrams, sockets?.isBlocked != true
    else { return }
    end()
  }

  private func end() {
    guard !isDone, let outcome else { return }
    isDone = true
    goodbyeTimer?.disarm()
    closeStream()
    sockets?.closeAll()
    completion(outcome)
  }
}

extension SessionHost: PayloadSink {
  public var placementStart: UInt64? { output?.placementStart }

  public var placementRoom: Int { output?.room ?? 0 }

  public func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) -> Bool {
    guard outputFailure == nil, let output else { return false }
    do {
      return try output.place(bytes, at: offset)
    } catch {
      outputFailure = "\(error)"
      return false
    }
  }

  public func accept(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard outputFailure == nil, let output else { return 0 }
    do {
      return try output.write(bytes)
    } catch {
      outputFailure = "\(error)"
      return 0
    }
  }
}
