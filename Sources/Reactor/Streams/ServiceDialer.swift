import Basics
import Glibc
import Wire

/// One attempt to connect to a local service: its addresses in turn, until one takes the connection. Dropping it gives
/// up.
final class ServiceDialer {
  /// How long everything may take.
  static let limit = Interval.seconds(10)

  private let loop: EventLoop
  private let service: ServiceAddress
  private var completion: ((Int32?, String) -> Void)?
  private var lookup: NameLookup?
  private var addresses: [SocketAddress] = []
  private var descriptor: Int32 = -1
  private var watcher: IOWatcher?
  private var timer: LoopTimer?
  /// Why the last address did not do.
  private var reason = "no address"

  /// `completion` is called once, from the loop, with a connected, non-blocking socket that the callee owns, or with nil
  /// and the reason.
  init(_ loop: EventLoop, _ service: ServiceAddress, completion: @escaping (Int32?, String) -> Void) {
    self.loop = loop
    self.service = service
    self.completion = completion
    timer = loop.makeTimer { [weak self] in
      self?.end(nil, "no answer within \(Self.limit.inMilliseconds / 1_000) s")
    }
    timer?.arm(after: Self.limit)
    loop.defer { [weak self] in self?.start() }
  }

  deinit { dropAttempt() }

  private func start() {
    guard completion != nil else { return }
    switch service {
    case .unix(let path):
      guard let descriptor = try? UnixSocket.make() else { return end(nil, "no descriptor left") }
      attempt(descriptor, UnixSocket.withAddress(path) { connect(descriptor, $0, $1) })
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
    guard let descriptor = try? Socket.make(address, SOCK_STREAM) else {
      return end(nil, "no descriptor left")
    }
    Socket.tune(descriptor)
    attempt(descriptor, address.withSystemAddress { connect(descriptor, $0, $1) })
  }

  private func attempt(_ descriptor: Int32, _ status: Int32) {
    self.descriptor = descriptor
    if status == 0 { return connected() }
    guard errno == EINPROGRESS || errno == EAGAIN else { return failed(errno) }
    watcher = loop.watch(descriptor) { [weak self] _ in self?.settled() }
    watcher?.interest = .writable
  }

  private func settled() {
    watcher?.cancel()
    watcher = nil
    let code = Socket.pendingError(of: descriptor)
    code == 0 ? connected() : failed(code)
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
    lookup = nil
    let completion = completion
    self.completion = nil
    completion?(descriptor, reason)
  }
}
