import Basics
import Glibc
import Wire

/// The addresses of this machine that a peer might reach.
public enum InterfaceAddresses {
  /// The most that is listed; a machine with more has them for containers.
  static let limit = 64

  /// Those of interfaces that are up and connected, each once, in the order of the interfaces. Without link-local
  /// IPv6 addresses, which mean nothing without a zone, and without those that the kernel does not want to be
  /// used (deprecated) or does not yet know to be free (tentative).
  ///
  /// - Parameter includingLoopback: only for tests and demonstrations on one machine.
  public static func current(includingLoopback: Bool = false) -> [IPAddress] {
    var list: UnsafeMutablePointer<ifaddrs>?
    guard getifaddrs(&list) == 0 else { return [] }
    defer { freeifaddrs(list) }
    let unusable = unusable(in: inet6Table())
    var result: [IPAddress] = []
    var next = list
    while let entry = next, result.count < limit {
      next = entry.pointee.ifa_next
      let flags = entry.pointee.ifa_flags
      guard flags & UInt32(IFF_UP) != 0, flags & UInt32(IFF_RUNNING) != 0,
        includingLoopback || flags & UInt32(IFF_LOOPBACK) == 0,
        let address = address(entry.pointee.ifa_addr), !address.isUnspecified,
        includingLoopback || !address.isLoopback, address.isIPv4 || !address.isLinkLocal,
        !unusable.contains(address.bytes), !result.contains(address)
      else { continue }
      result.append(address)
    }
    return result
  }

  private static func address(_ pointer: UnsafeMutablePointer<sockaddr>?) -> IPAddress? {
    guard let pointer else { return nil }
    let size: Int
    switch Int32(pointer.pointee.sa_family) {
    case AF_INET: size = MemoryLayout<sockaddr_in>.size
    case AF_INET6: size = MemoryLayout<sockaddr_in6>.size
    default: return nil
    }
    return SocketAddress(UnsafeRawBufferPointer(start: pointer, count: size))?.endpoint.address
  }

  /// The kernel's table of IPv6 addresses, for what getifaddrs does not tell. Empty when it cannot be read.
  private static func inet6Table() -> String {
    // The thread's own view: a thread may live in another network namespace than the process.
    let bytes = try? SmallFile.read("/proc/thread-self/net/if_inet6", limit: 1 << 20)
    return String(decoding: bytes ?? [], as: UTF8.self)
  }

  /// The addresses of such a table whose flags speak against them: `address index prefix scope flags name`, numbers
  /// in hexadecimal.
  static func unusable(in table: String) -> [Bytes16] {
    let deprecated = 0x20
    let tentative = 0x40
    let duplicate = 0x08
    return table.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ", omittingEmptySubsequences: true)
      guard fields.count >= 5, let flags = Int(fields[4], radix: 16),
        flags & (deprecated | tentative | duplicate) != 0
      else { return nil }
      return Hex.decode(fields[0]).flatMap { Bytes16($0) }
    }
  }
}
