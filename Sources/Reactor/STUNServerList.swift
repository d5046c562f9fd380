import Wire

/// A STUN server as a map or a token names it.
public struct STUNServerName: Hashable, Sendable {
  /// A name or an address literal (without brackets).
  public var host: String
  public var port: UInt16

  public init(host: String, port: UInt16 = DERPRoute.defaultSTUNPort) {
    self.host = host
    self.port = port
  }
}

/// The STUN servers of a session: literals at once, names when they are resolved, and the relay itself in front
/// when it is connected.
final class STUNServerList {
  /// The most servers that a session asks.
  static let limit = 6

  private let names: [STUNServerName]
  /// What is known of each name: at most one address a family, so that no name crowds out the others.
  private var found: [[IPEndpoint]]
  private var relay: IPEndpoint?
  private var resolver: NameResolver?

  /// The servers, the relay first, then in the order of their names; each once.
  var servers: [IPEndpoint] {
    var result: [IPEndpoint] = []
    for server in [relay].compactMap({ $0 }) + found.flatMap({ $0 })
    where result.count < Self.limit && !result.contains(server) {
      result.append(server)
    }
    return result
  }

  init(_ names: [STUNServerName]) {
    self.names = Array(names.prefix(NameResolver.queueLimit))
    found = self.names.map { name in
      guard name.port != 0, let address = IPAddress(name.host) else { return [] }
      return [IPEndpoint(address: address.unmapped, port: name.port)]
    }
  }

  /// Looks up the names; `changed` is called whenever that gave a new server.
  func resolve(_ loop: EventLoop, changed: @escaping () -> Void) {
    for (index, name) in names.enumerated() where found[index].isEmpty && name.port != 0 {
      if resolver == nil { resolver = try? NameResolver(loop) }
      _ = resolver?.resolve(name.host) { [weak self] addresses in
        guard let self else { return }
        let before = servers
        let picked = [addresses.first { $0.isIPv4 }, addresses.first { !$0.isIPv4 }]
        found[index] = picked.compactMap { $0.map { IPEndpoint(address: $0, port: name.port) } }
        if servers != before { changed() }
      }
    }
  }

  /// The relay is connected at this address; whether that changes the list.
  func relayConnected(at address: IPAddress, port: UInt16) -> Bool {
    let before = servers
    relay = IPEndpoint(address: address.unmapped, port: port)
    return servers != before
  }

  /// Forgets names that are being looked up.
  func cancel() { resolver = nil }
}
