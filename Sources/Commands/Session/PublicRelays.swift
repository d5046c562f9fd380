import Basics
import Glibc
import Reactor
import Wire

/// The relays of the public map, fetched at run time.
enum PublicRelays {
  /// Replaces the map's public address; for tests.
  static let mapURLVariable = "DERPHOLE_TEST_DERP_MAP_URL"

  /// The first node of the region with the lowest latency, for a new token.
  static func nearest(
    map place: String?, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> RelayTarget {
    let map = try fetch(place, loop, reporter)
    var choice: RegionLatency.Choice?
    // With a map of one's own all its regions count; in the public one those that every program knows.
    let regions = place == nil ? DERPMap.builtInRegionIDs : map.entries.map(\.id)
    let measurement = RegionLatency(loop, map, among: regions) { result in
      choice = result
      loop.stop()
    }
    if measurement != nil { loop.run() }
    guard let choice else { throw CommandFailure("the map names no usable relay", status: ExitStatus.relay) }
    let latency = choice.latency.map { "\($0.inMicroseconds) us away" } ?? "not measured"
    reporter.detail("region \(choice.region): \(latency)")
    return try target(choice.node, region: UInt16(truncatingIfNeeded: choice.node.regionID), of: map)
  }

  /// The node where the holders of a token of `region` meet.
  static func named(
    _ region: UInt16, map place: String?, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> RelayTarget {
    let map = try fetch(place, loop, reporter)
    guard let node = map.bootstrapNode(region: region) else {
      throw CommandFailure("the map names no relay", status: ExitStatus.relay)
    }
    return try target(node, region: region, of: map)
  }

  private static func target(
    _ node: DERPNode, region: UInt16, of map: DERPMap
  ) throws(CommandFailure) -> RelayTarget {
    guard let url = node.serverURL else {
      throw CommandFailure("the map's relay has no usable host name", status: ExitStatus.relay)
    }
    let port = UInt16(exactly: node.derpPort == 0 ? 443 : node.derpPort) ?? 443
    var addresses: [SocketAddress] = []
    for family in [node.ipv4Address, node.ipv6Address] {
      if case .literal(let address) = family { addresses.append(SocketAddress(address, port: port)) }
    }
    return RelayTarget(
      route: nil, region: region, isPlainHTTP: false, url: url, addresses: addresses,
      stunPort: node.effectiveSTUNPort, stunServers: stunServers(first: node, of: map))
  }

  /// How many other regions are asked besides the session's own. Two answers from different places show what a NAT
  /// does; one more may be out of order.
  private static let otherRegionCount = 3

  /// The STUN servers of `first` and of the first nodes of a few other regions of the map.
  static func stunServers(first: DERPNode, of map: DERPMap) -> [STUNServerName] {
    let others = map.entries.lazy
      .filter { !$0.region.isAvoided && !$0.region.isNotMeasured }
      .compactMap { $0.region.nodes.first }
      .filter { $0 != first && $0.regionID != first.regionID && $0.effectiveSTUNPort != nil }
    return ([first] + others.prefix(otherRegionCount)).flatMap { stunServers(of: $0) }
  }

  /// A node's addresses as the map has them, its name for a family that the map leaves to the name service.
  private static func stunServers(of node: DERPNode) -> [STUNServerName] {
    guard let port = node.effectiveSTUNPort else { return [] }
    var hosts: [String] = []
    for family in [node.ipv4Address, node.ipv6Address] {
      switch family {
      case .literal(let address): hosts.append(address.description)
      case .resolve where !node.hostName.isEmpty && !hosts.contains(node.hostName):
        hosts.append(node.hostName)
      case .resolve, .disabled: break
      }
    }
    return hosts.map { STUNServerName(host: $0, port: port) }
  }

  /// The map itself, from `place` or from its public address.
  static func fetch(
    _ place: String?, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> DERPMap {
    var result: Result<DERPMapSource.Answer, DERPMapError>?
    let test = getenv(mapURLVariable).map { String(cString: $0) }
    let source = DERPMapSource(loop, place: place ?? (test?.isEmpty == false ? test : nil)) {
      result = $0
      loop.stop()
    }
    loop.run()
    source.cancel()
    switch result {
    case .success(let answer):
      if let reason = answer.staleBecause { reporter.detail("using the cached map of relays: \(reason)") }
      return answer.map
    case .failure(let error): throw CommandFailure("no map of relays: \(error)", status: ExitStatus.relay)
    case nil: throw CommandFailure("no map of relays", status: ExitStatus.relay)
    }
  }
}
