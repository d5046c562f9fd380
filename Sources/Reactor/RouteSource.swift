import Glibc
import Wire

/// Asks the kernel's routing table; nothing is sent.
public enum RouteSource {
  /// The local address that datagrams to `destination` leave with; nil when there is no route.
  public static func address(towards destination: SocketAddress) -> IPAddress? {
    guard let descriptor = try? Socket.make(destination, SOCK_DGRAM) else { return nil }
    defer { close(descriptor) }
    guard destination.withSystemAddress({ connect(descriptor, $0, $1) }) == 0 else { return nil }
    return try? Socket.localAddress(of: descriptor).endpoint.address
  }
}
