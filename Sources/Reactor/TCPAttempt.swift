import Basics
import Glibc

/// One TCP connection that is only made to see how long that takes. Dropping it gives up.
public final class TCPAttempt {
  private let descriptor: Int32
  private var watcher: IOWatcher?

  /// Begins; `connected` is called from the loop when the connection stands, and not at all when it fails. Nil when
  /// it cannot even begin.
  public init?(_ loop: EventLoop, _ address: SocketAddress, connected: @escaping () -> Void) {
    guard let descriptor = try? Socket.make(address, SOCK_STREAM) else { return nil }
    self.descriptor = descriptor
    let status = address.withSystemAddress { connect(descriptor, $0, $1) }
    guard status == 0 || errno == EINPROGRESS else { return nil }
    watcher = loop.watch(descriptor) { [weak self] _ in
      self?.watcher?.interest = []
      if Socket.pendingError(of: descriptor) == 0 { connected() }
    }
    watcher?.interest = .writable
  }

  deinit {
    watcher?.cancel()
    close(descriptor)
  }
}
