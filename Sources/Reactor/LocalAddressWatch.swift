import Wire

/// Notices that the address which a connection comes from is no longer this machine's: nothing that is sent arrives, and
/// TCP would find out in a quarter of an hour.
final class LocalAddressWatch {
  private let monitor: NetworkMonitor

  /// - Parameters:
  ///   - descriptor: the connection's socket.
  ///   - lost: is called on the loop when its address is gone; perhaps again.
  init?(_ loop: EventLoop, descriptor: Int32, lost: @escaping () -> Void) {
    guard let local = try? Socket.localAddress(of: descriptor).endpoint.address, !local.isLinkLocal else {
      return nil
    }
    monitor = NetworkMonitor(loop, includingLoopback: true) { addresses in
      // A machine with more addresses than are listed may have it all the same.
      if addresses.count < InterfaceAddresses.limit, !addresses.contains(local.unmapped) { lost() }
    }
  }

  deinit { monitor.close() }
}
