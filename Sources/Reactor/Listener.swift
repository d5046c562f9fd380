import Basics
import Glibc

/// Accepts TCP connections.
public final class Listener {
  private let loop: EventLoop
  private var descriptor: Int32
  private var watcher: IOWatcher?
  private var pause: LoopTimer?
  private var accepted: ((Int32, SocketAddress) -> Void)?
  /// The address that is listened on, with the real port where 0 was asked for.
  public let address: SocketAddress

  /// How many connections one wake-up takes before other events have their turn.
  private static let batch = 64
  /// How long to wait when the process is out of descriptors: the connection stays in the kernel's queue.
  private static let shortage = Interval.milliseconds(100)

  /// Binds and listens. `accepted` gets the ownership of each connected, non-blocking, tuned socket.
  public init(
    _ loop: EventLoop, _ address: SocketAddress, accepted: @escaping (Int32, SocketAddress) -> Void
  ) throws(ReactorError) {
    self.loop = loop
    self.accepted = accepted
    let (descriptor, bound) = try Socket.bound(address, SOCK_STREAM)
    guard listen(descriptor, SOMAXCONN) == 0 else {
      let error = SystemError.last("listen on \(address)")
      Glibc.close(descriptor)
      throw .system(error)
    }
    self.address = bound
    self.descriptor = descriptor
    watcher = loop.watch(descriptor) { [weak self] _ in self?.accept() }
    pause = loop.makeTimer { [weak self] in self?.watcher?.interest = .readable }
    watcher?.interest = .readable
  }

  deinit { close() }

  /// Stops listening. Connections already handed over are not touched.
  public func close() {
    guard descriptor >= 0 else { return }
    watcher?.cancel()
    pause?.disarm()
    accepted = nil
    Glibc.close(descriptor)
    descriptor = -1
  }

  private func accept() {
    for _ in 0..<Self.batch {
      guard descriptor >= 0, let accepted else { return }
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let connection = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          Glibc.accept(descriptor, $0, &length)
        }
      }
      if connection >= 0 {
        guard let peer = SocketAddress(storage) else {
          Glibc.close(connection)
          continue
        }
        Socket.setNonBlocking(connection)
        Socket.tune(connection)
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
