import Basics
import CNamespaces
import Glibc
import Reactor

/// A UDP socket in one of the lab's namespaces, for checks that wait.
final class PlainSocket {
  /// Where it is bound.
  let address: SocketAddress
  private let descriptor: Int32

  /// How long an answer may take that is expected not to come.
  private static let patience: Int32 = 500

  init(_ namespace: NetworkNamespace, _ host: String, _ port: UInt16) throws {
    guard let address = SocketAddress(literal: host, port: port) else { throw LabError("no address \(host)") }
    self.address = address
    descriptor = try namespace.inside { socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0) }
    guard descriptor >= 0 else { throw LabError.system("socket") }
    guard address.withSystemAddress({ bind(descriptor, $0, $1) }) == 0 else {
      throw LabError.system("bind \(address)")
    }
    var size: Int32 = 4 << 20
    setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
  }

  deinit { close(descriptor) }

  /// Sends a datagram; what does not leave is lost.
  func send(to target: SocketAddress, length: Int = 16) {
    let bytes = [UInt8](repeating: 0x6C, count: length)
    _ = target.withSystemAddress { sendto(descriptor, bytes, length, Int32(MSG_DONTWAIT), $0, $1) }
  }

  /// Waits for a datagram; its source, or nil when none came.
  func receive() -> SocketAddress? {
    var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    guard poll(&ready, 1, Self.patience) == 1 else { return nil }
    var source = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    var bytes = [UInt8](repeating: 0, count: 2_048)
    let count = withUnsafeMutablePointer(to: &source) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        recvfrom(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT), $0, &length)
      }
    }
    guard count >= 0 else { return nil }
    return SocketAddress(
      ipv4: UInt32(bigEndian: source.sin_addr.s_addr), port: UInt16(bigEndian: source.sin_port))
  }

  /// Takes everything that is there; how many bytes that were.
  func drain() -> Int {
    var bytes = [UInt8](repeating: 0, count: 2_048)
    var total = 0
    while true {
      let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
      guard count > 0 else { return total }
      total += count
    }
  }

  /// The monotonic clock.
  static var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }
}
