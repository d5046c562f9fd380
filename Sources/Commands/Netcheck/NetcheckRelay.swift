import Engine
import Glibc
import Reactor
import Wire

/// A relay that the check measures.
struct NetcheckRelay {
  var region: Int
  /// The region's short name; empty when it has none.
  var code: String
  /// For people.
  var name: String
  var host: String
  /// Nil when it has no STUN responder.
  var stunPort: UInt16?
  var tcpPort: UInt16?
  /// Literal ones; a name is looked up when there are none.
  var addresses: [IPAddress]
  /// An address that takes STUN instead of `addresses`.
  var stunAddress: IPAddress?

  /// The first relay of a region, as sessions take it; nil when it has none.
  init?(_ entry: DERPMap.Entry) {
    guard let node = entry.region.nodes.first else { return nil }
    region = entry.id
    code = entry.region.code
    name = entry.region.name.isEmpty ? node.hostName : entry.region.name
    host = node.hostName
    stunPort = node.effectiveSTUNPort
    tcpPort = node.derpPort == 0 ? 443 : UInt16(exactly: node.derpPort)
    addresses = [node.ipv4Address, node.ipv6Address].compactMap { family in
      if case .literal(let address) = family { address } else { nil }
    }
    if addresses.isEmpty, let literal = IPAddress(host) { addresses = [literal] }
    stunAddress = IPAddress(node.stunTestIP)
  }

  /// A relay of one's own.
  init(_ route: DERPRoute) {
    region = Int(DERPRoute.regionID)
    code = ""
    name = "\(route.host):\(route.derpPort)"
    host = route.host
    stunPort = route.stunPort
    tcpPort = route.derpPort
    addresses = IPAddress(route.host).map { [$0] } ?? []
  }

  /// Where STUN requests go: one address of each family.
  var stunEndpoints: [IPEndpoint] {
    guard let stunPort else { return [] }
    let usable = stunAddress.map { [$0] } ?? addresses
    return [true, false].compactMap { isIPv4 in
      usable.first { $0.isIPv4 == isIPv4 }.map { IPEndpoint(address: $0, port: stunPort) }
    }
  }

  /// Where it takes TCP connections.
  var tcpAddresses: [SocketAddress] {
    guard let tcpPort else { return [] }
    return addresses.map { SocketAddress($0, port: tcpPort) }
  }

  /// The relays that the command line, the environment or the map names.
  static func chosen(
    urls: [String], stunPorts: [UInt16], map: String?, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> [NetcheckRelay] {
    if !urls.isEmpty {
      var relays: [NetcheckRelay] = []
      for (index, url) in urls.enumerated() {
        let port = index < stunPorts.count ? stunPorts[index] : DERPRoute.defaultSTUNPort
        do {
          relays.append(NetcheckRelay(try DERPRoute.parse(url: url, stunPort: port).route))
        } catch {
          throw CommandFailure("--derp \(url): \(error)", status: ExitStatus.usage)
        }
      }
      return relays
    }
    if map == nil, let value = getenv(DERPRoute.environmentVariable).map({ String(cString: $0) }),
      !value.isEmpty
    {
      do {
        return [NetcheckRelay(try DERPRoute.parse(environmentValue: value))]
      } catch {
        throw CommandFailure(
          "invalid \(DERPRoute.environmentVariable): \(error)", status: ExitStatus.usage)
      }
    }
    let relays = try PublicRelays.fetch(map, loop, reporter).entries.filter { !$0.region.isNotMeasured }
      .compactMap { NetcheckRelay($0) }
    return Array(relays.prefix(NetworkCheck.maximumRelayCount))
  }
}
