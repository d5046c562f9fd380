import Basics
import Glibc

/// One end's access to the public segment.
struct Site: Hashable {
  /// Its routers from the outermost inwards; none means that the host has a public address.
  var routers: [NATKind]
  /// The address families that the whole site has.
  var hasIPv4 = true
  var hasIPv6 = false

  init(_ routers: NATKind..., ipv4: Bool = true, ipv6: Bool = false) {
    self.routers = routers.filter { $0 != .none }
    hasIPv4 = ipv4
    hasIPv6 = ipv6
  }
}

/// How the link between the first site and the public segment behaves.
struct LinkOptions: Hashable {
  /// There and back; zero means a plain device pair.
  var roundTrip = Interval.zero
  /// Lost packets of 10,000, each way.
  var lossPer10000 = 0
  var seed: UInt64 = 1
}

/// The namespaces of one run:
///
///     host A -- routers A -- delay line -- public segment -- routers B -- host B
///                                                |
///                                              relay
///
/// All addresses are from the ranges for documentation (RFC 5737, RFC 3849), 192.168.0.0/16 and 100.64.0.0/10.
final class Topology {
  /// The router that joins the sites and the relay.
  let segment: NetworkNamespace
  /// Where the relays and STUN responders run.
  let relay: NetworkNamespace
  /// The two ends.
  private(set) var hosts: [NetworkNamespace] = []
  private var routers: [NetworkNamespace] = []
  private var delayLine: pid_t?

  /// The relays' addresses: two, so that a client can compare what two STUN responders see.
  static let relayIPv4 = ["198.51.100.1", "198.51.100.2"]
  static let relayIPv6 = ["2001:db8:100::1", "2001:db8:100::2"]

  /// The public IPv4 address of a site.
  static func outside(_ site: Int) -> String { "203.0.113.\(2 + 16 * site)" }
  /// The public IPv6 prefixes of a site, as a set of nftables: the link's and the local network's.
  static func prefixes(_ site: Int) -> String { "{ 2001:db8:a\(site)::/64, 2001:db8:b\(site)::/64 }" }

  /// Builds everything. Without `other` both hosts are in the local network of `site`.
  init(_ site: Site, _ other: Site?, _ link: LinkOptions) throws {
    segment = try NetworkNamespace("segment")
    relay = try NetworkNamespace("relay")
    try segment.makeRouter()
    try joinRelay()
    do {
      try build(site, number: 0, link, hostNames: other == nil ? ["host-a", "host-b"] : ["host-a"])
      if let other { try build(other, number: 1, LinkOptions(), hostNames: ["host-b"]) }
    } catch {
      stop()
      throw error
    }
  }

  deinit { stop() }

  private func stop() {
    if let delayLine { ChildProcess.end(delayLine) }
    delayLine = nil
  }

  /// From now on UDP between the sites is lost on the public segment; what goes to the relay is not.
  func cut() throws {
    try segment.nft(
      """
      table inet cut {
        chain forward {
          type filter hook forward priority filter; policy accept;
          meta l4proto udp ip saddr \(Self.outside(0)) ip daddr \(Self.outside(1)) drop
          meta l4proto udp ip saddr \(Self.outside(1)) ip daddr \(Self.outside(0)) drop
          meta l4proto udp ip6 saddr \(Self.prefixes(0)) ip6 daddr \(Self.prefixes(1)) drop
          meta l4proto udp ip6 saddr \(Self.prefixes(1)) ip6 daddr \(Self.prefixes(0)) drop
        }
      }

      """)
  }

  /// From now on the first site has no network: everything from and to it is lost on the public segment.
  func cutSite() throws {
    try segment.nft(
      """
      table inet cut {
        chain forward {
          type filter hook forward priority filter; policy accept;
          ip saddr \(Self.outside(0)) drop
          ip daddr \(Self.outside(0)) drop
        }
      }

      """)
  }

  /// Ends `cut()` and `cutSite()`.
  func heal() throws { try segment.nft("delete table inet cut\n") }

  private func joinRelay() throws {
    try segment.ip([
      "link add name relay0 type veth peer name eth0 netns relay",
      "addr add 198.51.100.254/24 dev relay0", "addr add 2001:db8:100::fe/64 dev relay0 nodad",
      "link set relay0 up",
    ])
    try relay.ip(
      Self.relayIPv4.map { "addr add \($0)/24 dev eth0" }
        + Self.relayIPv6.map { "addr add \($0)/64 dev eth0 nodad" } + [
          "link set eth0 up", "route add default via 198.51.100.254",
          "route add default via 2001:db8:100::fe",
        ])
  }

  /// Builds one site, outermost first.
  private func build(_ site: Site, number: Int, _ link: LinkOptions, hostNames: [String]) throws {
    let letter = number == 0 ? "a" : "b"
    hosts += try hostNames.map { try NetworkNamespace($0) }
    let chain = try site.routers.indices.map { try NetworkNamespace("router-\(letter)\($0)") }
    for router in chain { try router.makeRouter() }
    routers += chain

    let outermost = chain.first ?? hosts[hosts.count - 1]
    try joinSegment(outermost, as: "site-\(letter)", link)
    let base = 16 * number
    try addresses(
      site, (segment, "site-\(letter)", ["203.0.113.\(base + 1)/28"], ["2001:db8:a\(number)::1/64"]))
    try addresses(
      site, (outermost, "wan", ["203.0.113.\(base + 2)/28"], ["2001:db8:a\(number)::2/64"]),
      gateways: ("203.0.113.\(base + 1)", "2001:db8:a\(number)::1"))
    if site.hasIPv6, !chain.isEmpty {
      try segment.ip(["route add 2001:db8:b\(number)::/64 via 2001:db8:a\(number)::2"])
    }

    for (level, router) in chain.enumerated() {
      let isLast = level == chain.count - 1
      let network = isLast ? "192.168.\(10 + number)" : "100.64.\(number)"
      try router.ip(["link add name lan type bridge"])
      let prefix = isLast ? "2001:db8:b\(number)" : "fd00:64:\(number)"
      try addresses(site, (router, "lan", ["\(network).1/24"], ["\(prefix)::1/64"]))
      let inner = isLast ? Array(hosts.suffix(hostNames.count)) : [chain[level + 1]]
      for (index, below) in inner.enumerated() {
        try router.ip([
          "link add name port\(index) type veth peer name wan netns \(below.name)",
          "link set port\(index) master lan up",
        ])
        try addresses(
          site, (below, "wan", ["\(network).\(2 + index)/24"], ["\(prefix)::\(2 + index)/64"]),
          gateways: ("\(network).1", "\(prefix)::1"))
      }
      let outside = level == 0 ? Self.outside(number) : "100.64.\(number).2"
      try router.nft(
        site.routers[level].rules(wan: "wan", lan: "lan", outside: outside, host: "\(network).2"))
    }
  }

  /// Gives a device the addresses of the families that the site has, and the namespace its default routes.
  private func addresses(
    _ site: Site, _ end: (namespace: NetworkNamespace, device: String, ipv4: [String], ipv6: [String]),
    gateways: (ipv4: String, ipv6: String)? = nil
  ) throws {
    var lines: [String] = []
    if site.hasIPv4 { lines += end.ipv4.map { "addr add \($0) dev \(end.device)" } }
    if site.hasIPv6 { lines += end.ipv6.map { "addr add \($0) dev \(end.device) nodad" } }
    lines.append("link set \(end.device) up")
    if let gateways {
      if site.hasIPv4 { lines.append("route add default via \(gateways.ipv4)") }
      if site.hasIPv6 { lines.append("route add default via \(gateways.ipv6)") }
    }
    try end.namespace.ip(lines)
  }

  /// Joins a site's outermost namespace and the segment, by a device pair or the delay line.
  private func joinSegment(_ outermost: NetworkNamespace, as device: String, _ link: LinkOptions) throws {
    guard link.roundTrip > .zero || link.lossPer10000 > 0 else {
      return try segment.ip(["link add name \(device) type veth peer name wan netns \(outermost.name)"])
    }
    let (reader, writer) = try Pipe.make()
    defer { close(reader) }
    do {
      defer { close(writer) }
      delayLine = try ChildProcess.spawn(
        [
          "/proc/self/exe", "delay-line", "segment:\(device)", "\(outermost.name):wan",
          "--microseconds", "\((link.roundTrip / 2).inMicroseconds)", "--loss", "\(link.lossPer10000)",
          "--seed", "\(link.seed)",
        ], standardOutput: writer)
    }
    var byte: UInt8 = 0
    guard read(reader, &byte, 1) == 1 else { throw LabError("the delay line did not start") }
    // What the line does not fetch at once because another process has its turn must wait, not be lost.
    try segment.ip(["link set \(device) txqueuelen 10000"])
    try outermost.ip(["link set wan txqueuelen 10000"])
  }
}
