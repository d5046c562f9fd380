import Basics
import Glibc

/// Accepts connections of TCP or of a Unix socket.
public final class Listener {
  private let loop: EventLoop
  private var descriptor: Int32
  private var watcher: IOWatcher?
  private var pause: LoopTimer?
  private var accepted: ((Int32, SocketAddress) -> Void)?
  /// The address that is listened on, with the real port where 0 was asked for; of a Unix socket it says nothing.
  public let address: SocketAddress
  /// The path of a Unix socket, which goes with the listener.
  private let path: String?
  /// The file that was made there: somebody else's in its place stays.
  private let file: UnixSocket.FileIdentity?

  /// Whether nothing is accepted for the time being: who comes waits in the kernel's queue.
  public var isPaused = false {
    didSet { if isPaused != oldValue { watcher?.interest = isPaused ? [] : .readable } }
  }

  /// How many connections one wake-up takes before other events have their turn.
  private static let batch = 64
  /// How long to wait when the process is out of descriptors: the connection stays in the kernel's queue.
  private static let shortage = Interval.milliseconds(100)

  /// Binds and listens. `accepted` gets the ownership of each connected, non-blocking, tuned socket.
  public convenience init(
    _ loop: EventLoop, _ address: SocketAddress, accepted: @escaping (Int32, SocketAddress) -> Void
  ) throws(ReactorError) {
    let (descriptor, bound) = try Socket.bound(address, SOCK_STREAM)
    guard listen(descriptor, SOMAXCONN) == 0 else {
      let error = SystemError.last("listen on \(address)")
      Glibc.close(descriptor)
      throw .system(error)
    }
    self.init(loop, descriptor: descriptor, address: bound, path: nil, accepted: accepted)
  }

  /// Listens at a Unix socket that only its owner may use; it is removed at the end. `accepted` is told an address that
  /// says nothing.
  public convenience init(
    _ loop: EventLoop, unixPath path: String, accepted: @escaping (Int32, SocketAddress) -> Void
  ) throws(ReactorError) {
    self.init(
      loop, descriptor: try UnixSocket.listening(at: path), address: SocketAddress(ipv4: 0, port: 0),
      path: path,
      accepted: accepted)
  }

  /// Listens where a service is to be reached.
  public static func at(
    _ address: ServiceAddress, _ loop: EventLoop, accepted: @escaping (Int32, SocketAddress) -> Void
  ) throws(ReactorError) -> (listener: Listener, address: ServiceAddress) {
    switch address {
    case .unix(let path): return (try Listener(loop, unixPath: path, accepted: accepted), address)
    case .tcp(let host, _):
      guard let literal = address.literals.first else { throw .badAddress(address.description) }
      let listener = try Listener(loop, literal, accepted: accepted)
      return (listener, .tcp(host: host, port: listener.address.port))
    }
  }

  private init(
    _ loop: EventLoop, descriptor: Int32, address: SocketAddress, path: String?,
    accepted: @escaping (Int32, SocketAddress) -> Void
  ) {
    self.loop = loop
    self.accepted = accepted
    self.address = address
    self.descriptor = descriptor
    self.path = path
    file = path.flatMap { UnixSocket.identity(of: $0) }
    watcher = loop.watch(descriptor) { [weak self] _ in self?.accept() }
    pause = loop.makeTimer { [weak self] in
      guard let self, !isPaused else { return }
      watcher?.interest = .readable
    }
    watcher?.interest = .readable
  }

  deinit { close() }

  /// Stops listening. Connections already handed over are not touched.
  public func close() {
    guard descriptor >= 0 else { return }
    watcher?.cancel()
    pause?.disarm()
    accepted = nil
    if let path, file == UnixSocket.identity(of: path) { unlink(path) }
    Glibc.close(descriptor)
    descriptor = -1
  }

  private func accept() {
    for _ in 0..<Self.batch {
      guard descriptor >= 0, !isPaused, let accepted else { return }
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let connection = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.accept(descriptor, $0, &length)
        }
      }
      if connection >= 0 {
        guard let peer = path == nil ? SocketAddress(storage) : address else {
          Glibc.close(connection)
          continue
        }
        Socket.setNonBlocking(connection)
        if path == nil { Socket.tune(connection) }
        accepted(connection, peer)
        continue
      }
      switch errno {
      case EAGAIN: return
      case EMFILE, ENFILE, ENOBUFS, ENOMEM:
        watcher?.interest = []
        pause?.arm(after: Self.shortage)
        return
      default: continue  // the connection died in the queue (accept(2)): the next one is not concerned
      }
    }
  }
}
