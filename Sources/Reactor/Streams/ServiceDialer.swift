import Basics
import Glibc
import Wire

/// One attempt to connect to a local service: its addresses in turn, until one takes the connection. Dropping it gives
/// up.
final class ServiceDialer {
  /// How long everything may take.
  static let limit = Interval.seconds(10)
  /// How long to wait for room in the queue of a Unix socket; connect(2) does not wait for it by itself there.
  private static let pause = Interval.milliseconds(10)

  private let loop: EventLoop
  private let service: ServiceAddress
  private var completion: ((Int32?, String) -> Void)?
  private var lookup: NameLookup?
  private var addresses: [SocketAddress] = []
  private var descriptor: Int32 = -1
  private var watcher: IOWatcher?
  private let deadline: Instant
  private var timer: LoopTimer?
  private var retry: LoopTimer?
  /// Why the last address did not do.
  private var reason = "no address"

  /// `completion` is called once, from the loop, with a connected, non-blocking socket that the callee owns, or with nil
  /// and the reason.
  init(
    _ loop: EventLoop, _ service: ServiceAddress, limit: Interval = ServiceDialer.limit,
    completion: @escaping (Int32?, String) -> Void
  ) {
    self.loop = loop
    self.service = service
    self.completion = completion
    deadline = loop.now + limit
    timer = loop.makeTimer { [weak self] in self?.timeout() }
    timer?.arm(at: deadline)
    loop.defer { [weak self] in self?.start() }
  }

  deinit { dropAttempt() }

  private func start() {
    guard completion != nil else { return }
    switch service {
    case .unix(let path): attempt(path)
    case .tcp(let host, let port):
      addresses = service.literals
      guard addresses.isEmpty else { return next() }
      lookup = NameLookup(loop, host) { [weak self] found in
        self?.addresses = found.map { SocketAddress($0, port: port) }
        self?.next()
      }
      if lookup == nil { end(nil, "no descriptor left") }
    }
  }

  private func next() {
    guard !addresses.isEmpty else { return end(nil, reason) }
    let address = addresses.removeFirst()
    // Every address gets its part of the time: one that drops what it is sent must not hide those behind it.
    let now = loop.now
    timer?.arm(at: now + (deadline - now) / Int64(addresses.count + 1))
    guard let descriptor = try? Socket.make(address, SOCK_STREAM) else {
      return end(nil, "no descriptor left")
    }
    Socket.tune(descriptor)
    attempt(descriptor, address.withSystemAddress { connect(descriptor, $0, $1) })
  }

  /// A Unix socket takes a connection at once, or not at all.
  private func attempt(_ path: String) {
    guard let descriptor = try? UnixSocket.make() else { return end(nil, "no descriptor left") }
    self.descriptor = descriptor
    if UnixSocket.withAddress(path, { connect(descriptor, $0, $1) }) == 0 { return connected() }
    guard errno == EAGAIN else { return failed(errno) }
    dropAttempt()
    retry = retry ?? loop.makeTimer { [weak self] in self?.attempt(path) }
    retry?.arm(after: Self.pause)
  }

  private func attempt(_ descriptor: Int32, _ status: Int32) {
    self.descriptor = descriptor
    if status == 0 { return connected() }
    guard errno == EINPROGRESS else { return failed(errno) }
    watcher = loop.watch(descriptor) { [weak self] _ in self?.settled() }
    watcher?.interest = .writable
  }

  private func settled() {
    watcher?.cancel()
    watcher = nil
    let code = Socket.pendingError(of: descriptor)
    code == 0 ? connected() : failed(code)
  }

  private func timeout() {
    if addresses.isEmpty { end(nil, "no answer in time") } else { failed(ETIMEDOUT) }
  }

  private func failed(_ code: Int32) {
    reason = SystemError.text(of: code)
    dropAttempt()
    next()
  }

  private func connected() {
    let connection = descriptor
    descriptor = -1
    end(connection, "")
  }

  private func dropAttempt() {
    watcher?.cancel()
    watcher = nil
    if descriptor >= 0 { close(descriptor) }
    descriptor = -1
  }

  private func end(_ descriptor: Int32?, _ reason: String) {
    dropAttempt()
    timer = nil
    retry = nil
    lookup = nil
    let completion = completion
    self.completion = nil
    completion?(descriptor, reason)
  }
}
