import Basics
import Engine
import Glibc
import Reactor
import Wire

/// The relay of a session: what a new token says about it, and how it is dialled.
struct RelayTarget {
  /// Replaces the relay's URL in every case; for tests.
  static let serverURLVariable = "DERPHOLE_TEST_DERP_SERVER_URL"

  /// What a token carries when the relay is none of the public map.
  var route: DERPRoute?
  /// The region that a token carries; with a route the number of custom ones.
  var region: UInt16
  /// Whether the relay is spoken to without TLS.
  var isPlainHTTP: Bool
  /// `http(s)://host[:port]/derp`.
  var url: String
  /// Addresses that replace looking the host up.
  var addresses: [SocketAddress] = []
  /// The UDP port at which it answers STUN; nil when it does not.
  var stunPort: UInt16? = DERPRoute.defaultSTUNPort
  /// Who tells where our datagrams come from: the relay, then relays of other regions.
  var stunServers: [STUNServerName] = []

  /// How a session's host dials it.
  var endpoint: SessionHost.Relay {
    SessionHost.Relay(url: url, addresses: addresses, stunPort: stunPort)
  }

  /// What the session's host needs to leave the relay; nil when it is to stay there. `portMapping` is only made
  /// when a router may be asked.
  func directPaths(
    _ options: GlobalOptions, portMapping: @autoclosure () -> (any PortMappingService)? = nil
  ) -> SessionHost.DirectPaths? {
    guard !options.forceRelay else { return nil }
    return SessionHost.DirectPaths(
      stunServers: stunServers, portMapping: options.noPortmap ? nil : portMapping())
  }

  /// The host and, unless it is the scheme's own, the port, as HTTP wants them.
  var hostHeader: String {
    let afterScheme = url.split(separator: "/", maxSplits: 2, omittingEmptySubsequences: true).dropFirst()
      .first
    return afterScheme.map(String.init) ?? ""
  }

  /// The relay for a token that is about to be issued: `--derp`, then the environment, then the public map's
  /// region with the lowest latency.
  static func forNewToken(
    url: String?, stunPort: UInt16?, map: String?, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> RelayTarget {
    let target: RelayTarget
    if let custom = try custom(url: url, stunPort: stunPort) {
      target = custom
    } else if environment(serverURLVariable) != nil {
      // The relay is named already; no map and no measurement is needed to find one.
      target = RelayTarget(
        route: nil, region: 1, isPlainHTTP: false, url: "", addresses: [])
    } else {
      target = try PublicRelays.nearest(map: map, loop, reporter)
    }
    return overridden(target).warned(reporter)
  }

  /// The relay of one's own that a new token should carry: `--derp`, then the environment; nil for the public map.
  static func custom(url: String?, stunPort: UInt16?) throws(CommandFailure) -> RelayTarget? {
    if let url {
      return try custom(url, stunPort: stunPort ?? DERPRoute.defaultSTUNPort, option: "--derp")
    }
    guard let value = environment(DERPRoute.environmentVariable) else { return nil }
    do {
      let route = try DERPRoute.parse(environmentValue: value)
      return at(route, region: DERPRoute.regionID, isPlainHTTP: false)
    } catch {
      throw CommandFailure("invalid \(DERPRoute.environmentVariable): \(error)", status: ExitStatus.usage)
    }
  }

  /// The relay that a token leads to.
  static func forToken(
    _ token: SessionToken, map: String?, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> RelayTarget {
    let target: RelayTarget
    if let route = token.route {
      let isPlain = token.capabilities.contains(.plainHTTP)
      target = Self.at(route, region: token.bootstrapRegion, isPlainHTTP: isPlain)
    } else if environment(serverURLVariable) != nil {
      target = RelayTarget(route: nil, region: token.bootstrapRegion, isPlainHTTP: false, url: "")
    } else {
      target = try PublicRelays.named(token.bootstrapRegion, map: map, loop, reporter)
    }
    return overridden(target).warned(reporter)
  }

  private static func at(_ route: DERPRoute, region: UInt16, isPlainHTTP: Bool) -> RelayTarget {
    RelayTarget(
      route: route, region: region, isPlainHTTP: isPlainHTTP, url: route.serverURL(plainHTTP: isPlainHTTP),
      stunPort: route.stunPort, stunServers: [STUNServerName(host: route.host, port: route.stunPort)])
  }

  private static func custom(
    _ url: String, stunPort: UInt16, option: String
  ) throws(CommandFailure) -> RelayTarget {
    do {
      let (route, isPlain) = try DERPRoute.parse(url: url, stunPort: stunPort)
      return at(route, region: DERPRoute.regionID, isPlainHTTP: isPlain)
    } catch {
      throw CommandFailure("\(option) \(url): \(error)", status: ExitStatus.usage)
    }
  }

  private static func overridden(_ target: RelayTarget) -> RelayTarget {
    guard let url = environment(serverURLVariable) else { return target }
    var result = target
    result.url = url
    result.addresses = []
    return result
  }

  private func warned(_ reporter: SessionReporter) -> RelayTarget {
    warn(reporter)
    reporter.detail("relay: \(url)")
    return self
  }

  /// Says so when the relay's connections can be watched.
  func warn(_ reporter: SessionReporter) {
    if isPlainHTTP, let route, !(IPAddress(route.host)?.isLoopback ?? (route.host == "localhost")) {
      reporter.warning("the relay \(url) is used without TLS: who watches the network sees who talks to whom")
    }
  }

  private static func environment(_ name: String) -> String? {
    guard let value = getenv(name) else { return nil }
    let text = String(cString: value)
    return text.isEmpty ? nil : text
  }
}
