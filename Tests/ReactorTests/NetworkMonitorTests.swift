import Basics
import CSockets
import Glibc
import Testing
import Wire

@testable import Reactor

/// A message of the routing socket with one attribute.
private func message(_ type: Int, body: [UInt8], attribute: (Int, [UInt8])? = nil) -> [UInt8] {
  var payload = body
  if let (kind, value) = attribute {
    payload += bytes(UInt16(4 + value.count)) + bytes(UInt16(kind)) + value
  }
  return bytes(UInt32(16 + payload.count)) + bytes(UInt16(type)) + [UInt8](repeating: 0, count: 10) + payload
    + [UInt8](repeating: 0, count: (4 - payload.count % 4) % 4)
}

private func bytes(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

private func parse(_ bytes: [UInt8]) -> [RouteMessage] { bytes.withUnsafeBytes { RouteMessage.parse($0) } }

@Suite struct NetworkMonitorTests {
  private static let defaultRoute: [UInt8] = [2, 0, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0]

  @Test func messagesThatMatterAreToldApart() throws {
    let gateway = message(RTM_NEWROUTE, body: Self.defaultRoute, attribute: (5, [192, 0, 2, 1]))
    let specific = message(RTM_NEWROUTE, body: [2, 24, 0, 0, 254, 3, 0, 1, 0, 0, 0, 0])
    let link = message(RTM_NEWLINK, body: [0, 1, 2])
    let removed = message(RTM_DELROUTE, body: Self.defaultRoute, attribute: (4, [7, 0, 0, 0]))
    let other = message(3, body: [])
    var route = RouteMessage.DefaultRoute(family: 2, table: 254)
    route.gateway = [192, 0, 2, 1]
    var gone = RouteMessage.DefaultRoute(family: 2, table: 254)
    gone.interface = 7
    #expect(
      parse(gateway + specific + link + other + removed)
        == [.defaultRouteAdded(route), .interface, .defaultRouteRemoved(gone)])
  }

  /// Cut anywhere, or with lengths that lie: never more than what was whole.
  @Test func malformedMessagesEndTheDatagram() {
    let whole = message(RTM_NEWROUTE, body: Self.defaultRoute, attribute: (5, [192, 0, 2, 1]))
    for count in 0..<whole.count { #expect(parse(Array(whole[..<count])).isEmpty) }
    for length in [0, 15, 255] as [UInt8] {
      #expect(parse([length] + whole.dropFirst()).isEmpty)
      var lying = whole
      lying[28] = length & 0xF3
      _ = parse(lying + whole)
    }
    #expect(parse(message(RTM_NEWROUTE, body: [2, 0, 0])).isEmpty)
  }

  @Test func addressesThatAreDeprecatedTentativeOrTakenDoNotCount() throws {
    let table = """
      fd000000000000000000000000000001 02 40 00 80     eth0
      fd000000000000000000000000000002 02 40 00 20     eth0
      fd000000000000000000000000000003 02 40 00 c0     eth0
      fd000000000000000000000000000004 02 40 00 08     eth0
      nonsense
      fd00 02 40 00 20 eth0
      """
    let low = InterfaceAddresses.unusable(in: table).map(\.low)
    #expect(low == [2, 3, 4])
    #expect(InterfaceAddresses.unusable(in: "").isEmpty)
  }

  @Test func loopbackCountsOnlyWhenAskedFor() {
    #expect(InterfaceAddresses.current().allSatisfy { !$0.isLoopback })
    #expect(InterfaceAddresses.current(includingLoopback: true).contains(IPAddress(ipv4: 0x7F00_0001)))
  }

  @Test(.enabled(if: Namespace.isAvailable, "needs root and ip(8)"))
  func changesOfARealKernelAreReported() throws {
    try Namespace.run {
      let test = try TestLoop()
      var reports: [[String]] = []
      let monitor = NetworkMonitor(test.loop) { addresses in
        reports.append(addresses.map(\.description))
        test.loop.stop()
      }
      #expect(monitor.addresses.isEmpty)
      // A veth pair: one end without its peer is up but not connected.
      for step in [
        "link add near type veth peer name far", "link set near up", "addr add 192.0.2.1/24 dev near",
        "addr add fd00::1/64 dev near nodad", "link set far up",
      ] {
        try Namespace.ip(step)
      }
      #expect(test.run())
      #expect(reports == [["192.0.2.1", "fd00::1"]])
      try Namespace.ip("route add default via 192.0.2.9")
      #expect(test.run())
      #expect(reports.count == 2 && reports.last == reports.first)
      // A flap within the quiet time is none, nor is a route to somewhere.
      try Namespace.ip("addr add 192.0.2.2/24 dev near")
      try Namespace.ip("addr del 192.0.2.2/24 dev near")
      try Namespace.ip("route add 198.51.100.0/24 via 192.0.2.9")
      try Namespace.ip("addr del fd00::1/64 dev near")
      #expect(test.run())
      #expect(reports.count == 3 && reports.last == ["192.0.2.1"])
      try Namespace.ip("link set near down")
      #expect(test.run())
      #expect(reports.count == 4 && reports.last == [])
      #expect(monitor.addresses.isEmpty)
    }
  }
}
