import Basics
import Glibc
import Wire

/// An IP address with a port, as sockets take and give it.
public struct SocketAddress: Hashable, Sendable, CustomStringConvertible {
  /// The address; IPv4 in its mapped form `::ffff:a.b.c.d`, so that one type is a key for both families.
  public var ip: Bytes16
  /// The port in host order.
  public var port: UInt16
  /// Whether the socket's family is IPv4.
  public var isIPv4: Bool
  /// The interface index of a link-local IPv6 address, otherwise 0.
  public var scope: UInt32 = 0

  private static let mappedPrefix: UInt64 = 0xffff_0000_0000

  /// An IPv4 address from its 32 bits in host order.
  public init(ipv4 bits: UInt32, port: UInt16) {
    self.init(ip: Bytes16(high: 0, low: Self.mappedPrefix | UInt64(bits)), port: port, isIPv4: true)
  }

  init(ip: Bytes16, port: UInt16, isIPv4: Bool, scope: UInt32 = 0) {
    self.ip = ip
    self.port = port
    self.isIPv4 = isIPv4
    self.scope = scope
  }

  /// An address of the pure rooms with a port.
  public init(_ address: IPAddress, port: UInt16) {
    self.init(ip: address.bytes, port: port, isIPv4: address.isIPv4)
  }

  /// The same without the scope, as the pure rooms have it.
  public var endpoint: IPEndpoint {
    IPEndpoint(
      address: isIPv4 ? IPAddress(ipv4: UInt32(truncatingIfNeeded: ip.low)) : IPAddress(ipv6: ip), port: port)
  }

  /// An address literal (no brackets, no zone) with a port given apart; nil when it is not a literal.
  public init?(literal: String, port: UInt16) {
    var v4 = in_addr()
    var v6 = in6_addr()
    if inet_pton(AF_INET, literal, &v4) == 1 {
      self.init(ipv4: UInt32(bigEndian: v4.s_addr), port: port)
    } else if inet_pton(AF_INET6, literal, &v6) == 1 {
      self.init(ip: Self.bytes(of: v6), port: port, isIPv4: false)
    } else {
      return nil
    }
  }

  /// Parses `127.0.0.1:3340` or `[::1]:3340`; names are not looked up.
  public init(parsing text: String) throws(ReactorError) {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { throw .badAddress(text) }
    var host = text[..<colon]
    let digits = text[text.utf8.index(after: colon)...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits)
    else { throw .badAddress(text) }
    let bracketed = host.hasPrefix("[") && host.hasSuffix("]")
    if bracketed { host = host.dropFirst().dropLast() }
    guard let address = SocketAddress(literal: String(host), port: port), address.isIPv4 != bracketed else {
      throw .badAddress(text)
    }
    self = address
  }

  /// Whether the address is on the loopback interface.
  public var isLoopback: Bool {
    if ip.high == 0, ip.low & ~0xffff_ffff == Self.mappedPrefix { return (ip.low >> 24) & 0xff == 127 }
    return ip.high == 0 && ip.low == 1
  }

  /// The address family as `socket` takes it.
  var family: Int32 { isIPv4 ? AF_INET : AF_INET6 }

  /// The literal without port or brackets.
  public var host: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    if isIPv4 {
      var v4 = in_addr(s_addr: UInt32(truncatingIfNeeded: ip.low).bigEndian)
      inet_ntop(AF_INET, &v4, &text, socklen_t(text.count))
    } else {
      var v6 = in6
      inet_ntop(AF_INET6, &v6, &text, socklen_t(text.count))
    }
    return text.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  }

  /// `host:port`, an IPv6 host in brackets.
  public var description: String { isIPv4 ? "\(host):\(port)" : "[\(host)]:\(port)" }

  /// Reads what the kernel filled in; nil for another family.
  init?(_ storage: sockaddr_storage) {
    var copy = storage
    guard let address = withUnsafeBytes(of: &copy, { SocketAddress($0) }) else { return nil }
    self = address
  }

  /// Reads the bytes of a `sockaddr_in` or `sockaddr_in6`; nil for anything else.
  init?(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= MemoryLayout<sockaddr_in>.size else { return nil }
    switch Int32(bytes.loadUnaligned(as: sa_family_t.self)) {
    case AF_INET:
      let v4 = bytes.loadUnaligned(as: sockaddr_in.self)
      self.init(ipv4: UInt32(bigEndian: v4.sin_addr.s_addr), port: UInt16(bigEndian: v4.sin_port))
    case AF_INET6 where bytes.count >= MemoryLayout<sockaddr_in6>.size:
      let v6 = bytes.loadUnaligned(as: sockaddr_in6.self)
      self.init(
        ip: Self.bytes(of: v6.sin6_addr), port: UInt16(bigEndian: v6.sin6_port), isIPv4: false,
        scope: v6.sin6_scope_id)
    default: return nil
    }
  }

  /// Calls `body` with the address as the kernel wants it.
  public func withSystemAddress<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    if isIPv4 {
      var v4 = sockaddr_in()
      v4.sin_family = sa_family_t(AF_INET)
      v4.sin_port = port.bigEndian
      v4.sin_addr.s_addr = UInt32(truncatingIfNeeded: ip.low).bigEndian
      return withUnsafePointer(to: &v4) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
    }
    var v6 = sockaddr_in6()
    v6.sin6_family = sa_family_t(AF_INET6)
    v6.sin6_port = port.bigEndian
    v6.sin6_addr = in6
    v6.sin6_scope_id = scope
    return withUnsafePointer(to: &v6) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
      }
    }
  }

  private var in6: in6_addr {
    var result = in6_addr()
    withUnsafeMutableBytes(of: &result) {
      $0.storeBytes(of: ip.high.bigEndian, toByteOffset: 0, as: UInt64.self)
      $0.storeBytes(of: ip.low.bigEndian, toByteOffset: 8, as: UInt64.self)
    }
    return result
  }

  private static func bytes(of address: in6_addr) -> Bytes16 {
    withUnsafeBytes(of: address) {
      Bytes16(
        high: UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
        low: UInt64(bigEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
    }
  }
}
