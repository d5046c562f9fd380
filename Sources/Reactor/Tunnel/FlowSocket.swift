import Glibc

/// The UDP socket of one flow at the serving side, connected to the service: what comes from elsewhere does not get in
/// (DGR-9).
final class FlowSocket {
  let flow: UInt64
  private var descriptor: Int32
  private var watcher: IOWatcher?

  /// Nil when there is no descriptor left, or no way to the service.
  init?(_ loop: EventLoop, flow: UInt64, _ target: SocketAddress, readable: @escaping (FlowSocket) -> Void) {
    self.flow = flow
    guard let descriptor = try? Socket.make(target, SOCK_DGRAM) else { return nil }
    self.descriptor = descriptor
    Socket.forbidFragments(descriptor, isIPv4: target.isIPv4)
    Socket.makeRoomForBursts(descriptor)
    guard target.withSystemAddress({ connect(descriptor, $0, $1) }) == 0 else {
      close()
      return nil
    }
    watcher = loop.watch(descriptor) { [weak self] _ in
      if let self { readable(self) }
    }
    watcher?.interest = .readable
  }

  deinit { close() }

  func close() {
    guard descriptor >= 0 else { return }
    watcher?.cancel()
    watcher = nil
    Glibc.close(descriptor)
    descriptor = -1
  }

  /// The error number; 0 when the datagram has left.
  func send(_ payload: UnsafeRawBufferPointer) -> Int32 {
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    return Glibc.send(descriptor, payload.baseAddress, payload.count, flags) < 0 ? errno : 0
  }

  /// The length of the datagram that has arrived, or the error number, negative.
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = recv(descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
    return count < 0 ? -Int(errno) : count
  }
}
