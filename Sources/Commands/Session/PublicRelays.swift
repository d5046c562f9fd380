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
    return try target(choice.node, region: UInt16(truncatingIfNeeded: choice.node.regionID))
  }

  /// The node where the holders of a token of `region` meet.
  static func named(
    _ region: UInt16, map place: String?, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> RelayTarget {
    guard let node = try fetch(place, loop, reporter).bootstrapNode(region: region) else {
      throw CommandFailure("the map names no relay", status: ExitStatus.relay)
    }
    return try target(node, region: region)
  }

  private static func target(_ node: DERPNode, region: UInt16) throws(CommandFailure) -> RelayTarget {
    guard let url = node.serverURL else {
      throw CommandFailure("the map's relay has no usable host name", status: ExitStatus.relay)
    }
    let port = UInt16(exactly: node.derpPort == 0 ? 443 : node.derpPort) ?? 443
    var addresses: [SocketAddress] = []
    for family in [node.ipv4Address, node.ipv6Address] {
      if case .literal(let address) = family { addresses.append(SocketAddress(address, port: port)) }
    }
    return RelayTarget(route: nil, region: region, isPlainHTTP: false, url: url, addresses: addresses)
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
