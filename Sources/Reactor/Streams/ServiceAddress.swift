import Glibc

/// Where a local service is, or is to be: a TCP port of a host, or a Unix socket.
public enum ServiceAddress: Hashable, Sendable, CustomStringConvertible {
  /// A name or an address literal without brackets.
  case tcp(host: String, port: UInt16)
  /// The path of a socket in the file system.
  case unix(path: String)

  /// The host of an address that names only a port.
  public static let defaultHost = "127.0.0.1"
  private static let unixPrefix = "unix:"
  private static let maximumNameLength = 253

  /// Parses `8080`, `:8080`, `localhost:8080`, `192.0.2.1:80`, `[::1]:80` or `unix:/run/service.sock`; nil for anything
  /// else. Port 0 is only of use for listening.
  public init?(_ text: String) {
    if text.hasPrefix(Self.unixPrefix) {
      let path = String(text.dropFirst(Self.unixPrefix.count))
      guard !path.isEmpty, path.utf8.count <= UnixSocket.maximumPathLength, !path.utf8.contains(0) else {
        return nil
      }
      self = .unix(path: path)
      return
    }
    guard let colon = text.lastIndex(of: ":") else {
      guard let port = Self.port(text[...]) else { return nil }
      self = .tcp(host: Self.defaultHost, port: port)
      return
    }
    guard let port = Self.port(text[text.index(after: colon)...]) else { return nil }
    let host = text[..<colon]
    if host.isEmpty {
      self = .tcp(host: Self.defaultHost, port: port)
    } else if host.hasPrefix("["), host.hasSuffix("]") {
      let literal = String(host.dropFirst().dropLast())
      guard let address = SocketAddress(literal: literal, port: port), !address.isIPv4 else { return nil }
      self = .tcp(host: literal, port: port)
    } else {
      guard Self.isName(host) else { return nil }
      self = .tcp(host: String(host), port: port)
    }
  }

  private static func port(_ text: Substring) -> UInt16? {
    guard (1...5).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
      return nil
    }
    return UInt16(text)
  }

  private static func isName(_ text: Substring) -> Bool {
    text.utf8.count <= maximumNameLength && !text.hasPrefix("-")
      && text.utf8.allSatisfy {
        (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
          || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
      }
  }

  /// The addresses that are known without asking anybody; empty for a name that has to be looked up.
  public var literals: [SocketAddress] {
    guard case .tcp(let host, let port) = self else { return [] }
    if let address = SocketAddress(literal: host, port: port) { return [address] }
    // RFC 6761, section 6.3: this name means the loopback addresses.
    guard host == "localhost" else { return [] }
    return ["127.0.0.1", "::1"].compactMap { SocketAddress(literal: $0, port: port) }
  }

  public var description: String {
    switch self {
    case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    case .unix(let path): Self.unixPrefix + path
    }
  }
}
