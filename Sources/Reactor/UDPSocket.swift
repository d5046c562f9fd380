import Glibc

/// A UDP socket for small exchanges (STUN): one datagram a call, batches by calling again.
public final class UDPSocket {
  private var descriptor: Int32
  private var watcher: IOWatcher?
  /// The bound address, with the real port.
  public let address: SocketAddress
  private let buffer: UnsafeMutableRawBufferPointer

  /// How many datagrams one wake-up takes before other events have their turn.
  private static let batch = 64

  /// Binds. `received` gets each datagram (longer ones are cut at 2,048 bytes), in a buffer that is valid and
  /// writable during the call, and its source.
  public init(
    _ loop: EventLoop, _ address: SocketAddress,
    received: @escaping (UDPSocket, UnsafeMutableRawBufferPointer, SocketAddress) -> Void
  ) throws(ReactorError) {
    (descriptor, self.address) = try Socket.bound(address, SOCK_DGRAM)
    buffer = .allocate(byteCount: 2_048, alignment: 16)
    watcher = loop.watch(descriptor) { [weak self] _ in self?.receive(received) }
    watcher?.interest = .readable
  }

  deinit {
    close()
    buffer.deallocate()
  }

  /// Sends one datagram; false when it could not leave (no room, no route): to be treated like a lost one.
  @discardableResult
  public func send(_ bytes: UnsafeRawBufferPointer, to peer: SocketAddress) -> Bool {
    guard descriptor >= 0 else { return false }
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    return peer.withSystemAddress { sendto(descriptor, bytes.baseAddress, bytes.count, flags, $0, $1) }
      == bytes.count
  }

  /// Stops and closes.
  public func close() {
    guard descriptor >= 0 else { return }
    watcher?.cancel()
    Glibc.close(descriptor)
    descriptor = -1
  }

  private func receive(_ received: (UDPSocket, UnsafeMutableRawBufferPointer, SocketAddress) -> Void) {
    for _ in 0..<Self.batch {
      guard descriptor >= 0 else { return }
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let count = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(
            descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT), $0, &length)
        }
      }
      if count < 0 {
        // Errors here are reports about earlier sends (ICMP): they consume themselves.
        if errno == EAGAIN { return }
        continue
      }
      guard let peer = SocketAddress(storage) else { continue }
      received(self, UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), peer)
    }
  }
}
