import Basics
import Glibc

/// Which proxy, if any, the environment asks for. The rules are Go's, so that both programs take the same way:
/// libcurl's own reading of the environment differs in the order of the names and in loopback hosts.
enum ProxyChoice: Hashable {
  case direct
  /// A CONNECT proxy; `isTLS` when it is spoken to through TLS.
  case http(url: String, isTLS: Bool)
  /// A SOCKS 5 proxy, which looks names up itself.
  case socks(url: String)

  /// Chooses for one connection. `variable` reads the environment.
  static func choose(
    isTLS: Bool, host: String, port: UInt16, variable: (String) -> String? = Self.environmentVariable
  ) throws(DialError) -> ProxyChoice {
    func first(_ names: String...) -> String? {
      for name in names { if let value = variable(name), !value.isEmpty { return value } }
      return nil
    }
    let exceptions = ProxyExceptions(first("NO_PROXY", "no_proxy") ?? "")
    if let value = isTLS ? first("HTTPS_PROXY", "https_proxy") : first("HTTP_PROXY", "http_proxy") {
      // A CGI program's client can set HTTP_PROXY by a header.
      if !isTLS, first("REQUEST_METHOD") != nil {
        throw .proxy("refusing to use HTTP_PROXY in a CGI environment")
      }
      if !isLocal(host), !exceptions.contain(host: host, port: port) {
        let url = value.contains("://") ? value : "http://\(value)"
        let scheme = String(url.prefix { $0 != ":" }).lowercased()
        guard scheme == "http" || scheme == "https" else {
          throw .proxy("unsupported DERP proxy scheme \"\(scheme)\"")
        }
        return .http(url: withPort(url, isTLS: scheme == "https"), isTLS: scheme == "https")
      }
    }
    if let value = first("ALL_PROXY", "all_proxy"), !exceptions.contain(host: host, port: port) {
      for prefix in ["socks5://", "socks5h://"] where value.lowercased().hasPrefix(prefix) {
        return .socks(url: "socks5h://" + value.dropFirst(prefix.count))
      }
    }
    return .direct
  }

  static func environmentVariable(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }

  private static func isLocal(_ host: String) -> Bool {
    host.lowercased() == "localhost" || SocketAddress(literal: host, port: 0)?.isLoopback == true
  }

  /// libcurl's default port of a proxy is 1080; the usual meaning is the scheme's.
  private static func withPort(_ url: String, isTLS: Bool) -> String {
    guard let start = url.range(ofFirst: "://") else { return url }
    let rest = url[start...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let hostPort = authority.split(separator: "@", omittingEmptySubsequences: false).last ?? authority
    let afterBracket = hostPort.split(separator: "]", omittingEmptySubsequences: false).last ?? hostPort
    return afterBracket.contains(":") ? url : "\(url[..<start])\(authority):\(isTLS ? 443 : 80)"
  }
}

extension String {
  /// Where the first occurrence of `text` ends.
  fileprivate func range(ofFirst text: String) -> String.Index? {
    var start = startIndex
    while start < endIndex {
      if self[start...].hasPrefix(text) { return index(start, offsetBy: text.count) }
      start = index(after: start)
    }
    return nil
  }
}

/// The list in `NO_PROXY`: names, addresses and networks that are reached directly.
struct ProxyExceptions {
  private enum Entry {
    case everything
    case network(SocketAddress, prefix: Int)
    case address(SocketAddress, port: UInt16?)
    case domain(String, port: UInt16?, itself: Bool)
  }
  private var entries: [Entry] = []

  init(_ text: String) {
    for part in text.split(separator: ",") {
      let item = part.drop { $0 == " " || $0 == "\t" }.lowercased()
      let trimmed = String(item.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
      if let entry = Self.entry(trimmed) { entries.append(entry) }
    }
  }

  /// Whether the host is reached directly.
  func contain(host: String, port: UInt16) -> Bool {
    var name = host.lowercased()
    if name.hasSuffix(".") { name.removeLast() }
    let address = SocketAddress(literal: name, port: 0)
    return entries.contains { entry in
      switch entry {
      case .everything: true
      case .network(let network, let prefix): address.map { Self.match($0, network, prefix) } ?? false
      case .address(let other, let only): address == other && (only == nil || only == port)
      case .domain(let domain, let only, let itself):
        address == nil && (only == nil || only == port)
          && (name.hasSuffix(".\(domain)") || (itself && name == domain))
      }
    }
  }

  private static func entry(_ item: String) -> Entry? {
    if item.isEmpty { return nil }
    if item == "*" { return .everything }
    if let slash = item.firstIndex(of: "/") {
      guard let network = SocketAddress(literal: String(item[..<slash]), port: 0),
        let prefix = UInt8(item[item.index(after: slash)...]), prefix <= (network.isIPv4 ? 32 : 128)
      else { return nil }
      return .network(network, prefix: Int(prefix) + (network.isIPv4 ? 96 : 0))
    }
    if let address = SocketAddress(literal: item, port: 0) { return .address(address, port: nil) }
    if var address = try? SocketAddress(parsing: item) {
      let port = address.port
      address.port = 0
      return .address(address, port: port)
    }
    var name = item[...]
    var port: UInt16?
    if let colon = name.lastIndex(of: ":") {
      guard let number = UInt16(name[name.index(after: colon)...]) else { return nil }
      port = number
      name = name[..<colon]
    }
    var itself = true
    if name.hasPrefix("*.") { name = name.dropFirst() }
    if name.hasPrefix(".") {
      name = name.dropFirst()
      itself = false
    }
    return name.isEmpty ? nil : .domain(String(name), port: port, itself: itself)
  }

  private static func match(_ address: SocketAddress, _ network: SocketAddress, _ prefix: Int) -> Bool {
    guard address.isIPv4 == network.isIPv4 else { return false }
    let difference = (address.ip.high ^ network.ip.high, address.ip.low ^ network.ip.low)
    if prefix == 0 { return true }
    if prefix <= 64 { return difference.0 >> (64 - prefix) == 0 }
    return difference.0 == 0 && difference.1 >> (128 - prefix) == 0
  }
}
