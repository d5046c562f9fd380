import Basics
import Engine
import Wire

/// The UDP sockets of one session, and the one batch of datagrams that may wait for room in one of them.
final class SessionSockets {
  private struct Batch {
    var path: DirectPath
    var range: Range<Int>
    var segmentLength: Int
  }

  /// How long a full socket may keep the others waiting; its batch counts as lost then.
  static let patience = Interval.milliseconds(100)

  private let loop: EventLoop
  private let buffers = DatagramBuffers()
  private var sockets = [DatagramSocket?](repeating: nil, count: Int(SocketID.limit))
  private let buffer = UnsafeMutableRawBufferPointer.allocate(
    byteCount: Session.minimumDatagramBuffer, alignment: 4_096)
  private var waiting: Batch?
  private var timer: LoopTimer?
  private let options: DatagramSocket.Options

  /// Gets each batch that arrives.
  var received: (UnsafeMutableRawBufferPointer, _ segmentLength: Int, SocketID, IPEndpoint) -> Void = {
    _, _, _, _ in
  }
  /// Is called after batches have arrived, and when there is room again.
  var ready: () -> Void = {}
  /// Gets what the system refused.
  var failed: (DirectPath, DatagramFailure) -> Void = { _, _ in }
  /// Gets what may interest a person.
  var noted: (SessionHost.Note) -> Void = { _ in }

  init(_ loop: EventLoop, options: DatagramSocket.Options = .init()) {
    self.loop = loop
    self.options = options
    timer = loop.makeTimer { [weak self] in self?.giveUpWaiting() }
  }

  deinit {
    closeAll()
    buffer.initializeMemory(as: UInt8.self, repeating: 0)
    buffer.deallocate()
  }

  /// Whether a batch waits for room; nothing is polled until it is gone.
  var isBlocked: Bool { waiting != nil }

  /// Opens a socket; returns its port.
  func open(_ id: SocketID) throws(ReactorError) -> UInt16 {
    close(id)
    let any =
      id.isIPv6 ? SocketAddress(ip: .zero, port: 0, isIPv4: false) : SocketAddress(ipv4: 0, port: 0)
    let socket = try DatagramSocket(
      loop, any, buffers: buffers, options: options, readable: { [weak self] in self?.readable(id) },
      writable: { [weak self] in self?.writable(id) })
    sockets[Int(id.number)] = socket
    if id.number < SocketID.firstExtra { noted(.socketOpened(id, socket)) }
    return socket.address.port
  }

  func close(_ id: SocketID) {
    sockets[Int(id.number)]?.close()
    sockets[Int(id.number)] = nil
    if waiting?.path.socket == id { settle() }
  }

  func closeAll() {
    for number in 0..<SocketID.limit { close(SocketID(number: number)) }
  }

  /// Sends what `poll` puts into the buffer, at most `limit` batches, until it has no more or a socket is full.
  /// Returns how many batches left.
  func pump(limit: Int, _ poll: (UnsafeMutableRawBufferPointer) -> Transmission?) -> Int {
    var count = 0
    while count < limit {
      if waiting == nil {
        guard let transmission = poll(buffer), case .direct(let path) = transmission.path else { break }
        waiting = Batch(
          path: path, range: 0..<min(transmission.length, buffer.count),
          segmentLength: transmission.segmentLength)
      }
      guard offer() else { break }
      count += 1
    }
    return count
  }

  /// Offers the waiting batch to its socket; false when it has to wait on.
  private func offer() -> Bool {
    guard let batch = waiting else { return true }
    guard let socket = sockets[Int(batch.path.socket.number)] else {
      settle()
      failed(batch.path, .unreachable(reason: "the socket is closed"))
      return true
    }
    let method = socket.sendMethod
    let result = socket.send(
      UnsafeRawBufferPointer(rebasing: buffer[batch.range]), segmentLength: batch.segmentLength,
      to: batch.path.remote)
    if socket.sendMethod != method { noted(.sendMethodChanged(batch.path.socket, socket.sendMethod)) }
    switch result {
    case .sent: settle()
    case .wouldBlock(let sent):
      waiting?.range = batch.range.lowerBound + sent..<batch.range.upperBound
      socket.wantsWrite = true
      if timer?.deadline == nil { timer?.arm(after: Self.patience) }
      return false
    case .tooLarge:
      settle()
      failed(batch.path, .tooLarge)
    case .failed(let reason):
      settle()
      failed(batch.path, .unreachable(reason: reason))
    }
    return true
  }

  /// The batch is gone, one way or another.
  private func settle() {
    if let id = waiting?.path.socket { sockets[Int(id.number)]?.wantsWrite = false }
    waiting = nil
    timer?.disarm()
  }

  private func giveUpWaiting() {
    settle()
    ready()
  }

  private func readable(_ id: SocketID) {
    sockets[Int(id.number)]?.receive { bytes, segmentLength, source in
      received(bytes, segmentLength, id, source)
    }
    ready()
  }

  private func writable(_ id: SocketID) {
    sockets[Int(id.number)]?.wantsWrite = false
    ready()
  }
}
