import Foundation

/// A UDP service of a test that says everything again.
final class DatagramEcho: Sendable {
  let address: String
  private let descriptor: Descriptor

  init() throws {
    let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    descriptor = Descriptor(number)
    guard try LocalAddress.with("127.0.0.1:0", { bind(number, $0, $1) }) == 0 else {
      throw TestFailure("bind: \(String(cString: strerror(errno)))")
    }
    var bound = sockaddr_in()
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    _ = withUnsafeMutablePointer(to: &bound) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(number, $0, &length) }
    }
    address = "127.0.0.1:\(UInt16(bigEndian: bound.sin_port))"
    Thread.detachNewThread { [descriptor] in
      var buffer = [UInt8](repeating: 0, count: 65_536)
      while true {
        var source = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let count = withUnsafeMutablePointer(to: &source) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            recvfrom(descriptor.number, &buffer, buffer.count, 0, $0, &size)
          }
        }
        guard count >= 0 else { return }
        withUnsafePointer(to: &source) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            _ = sendto(descriptor.number, buffer, count, 0, $0, size)
          }
        }
      }
    }
  }

  /// Sends one datagram to `address`, again and again until the same comes back.
  func roundTrip(to address: String, length: Int) throws -> Bool {
    let number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    let own = Descriptor(number)
    guard try LocalAddress.with(address, { connect(number, $0, $1) }) == 0 else { return false }
    let sent = (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ length) }
    var patience = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
    for _ in 0..<20 {
      guard Glibc.send(own.number, sent, sent.count, 0) == sent.count else { return false }
      var buffer = [UInt8](repeating: 0, count: 65_536)
      let count = recv(own.number, &buffer, buffer.count, 0)
      if count >= 0 { return Array(buffer[..<count]) == sent }
    }
    return false
  }
}
