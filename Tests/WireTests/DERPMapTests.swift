import Foundation
import Testing

@testable import Wire

@Suite("Relay maps")
struct DERPMapTests {
  private func parse(_ text: String) throws(JSONError) -> DERPMap {
    try Array(text.utf8).lend { (raw) throws(JSONError) in try DERPMap.parse(raw) }
  }

  @Test("the built-in map reads, in the order of its numbers")
  func builtIn() throws {
    let url = try #require(
      Bundle.module.url(forResource: "Vectors/01-static-derp-map", withExtension: "json"))
    let map = try Array(Data(contentsOf: url)).lend { try DERPMap.parse($0) }
    #expect(map.entries.map(\.id) == DERPMap.builtInRegionIDs)
    let meeting = try #require(map.bootstrapNode(region: 0))
    #expect(meeting.hostName == "derp1c.tailscale.com")
    #expect(meeting.serverURL == "https://derp1c.tailscale.com/derp")
    #expect(meeting.ipv4Address == .literal(IPAddress(ipv4: 0x68F8_08D2)))
    #expect(meeting.effectiveSTUNPort == 3478)
    #expect(map.bootstrapNode(region: 4)?.regionID == 4)
    #expect(map.region(2)?.nodes.count == 3)
  }

  @Test("the map of a route is upstream's, byte for byte")
  func route() throws {
    let expected = try Vector.load("derp-routes")["derp_map_for_https_derp_example_com_8443"].text
    let route = try DERPRoute.parse(environmentValue: "https://derp.example.com:8443")
    #expect(String(decoding: DERPMap(route: route).serialized(), as: UTF8.self) == expected)
    #expect(try parse(expected) == DERPMap(route: route))
  }

  @Test("fields decide what a node is used for")
  func nodes() throws {
    let map = try parse(
      """
      {"Regions":{"9":{"RegionID":9,"Nodes":[{"HostName":"a b","DERPPort":70000,"STUNPort":-1,"IPv4":"none",\
      "IPv6":"1.2.3.4"}]},"3":null,"5":{"Nodes":[]},"9":{"RegionID":8,"Latitude":1.5e3,"Nodes":[null,\
      {"HostName":"H.example","DERPPort":444,"IPv6":"2001:db8::1","STUNPort":70000}]}}}
      """)
    #expect(map.entries.map(\.id) == [5, 9])
    #expect(map.region(9)?.regionID == 8)
    let node = try #require(map.bootstrapNode(region: 5))
    #expect(node.serverURL == "https://h.example:444/derp")
    #expect(node.effectiveSTUNPort == nil)
    #expect(node.ipv4Address == .resolve)
    #expect(node.ipv6Address == .literal(IPAddress("2001:db8::1")!))
    var bad = node
    bad.hostName = "a b"
    bad.ipv4 = "none"
    bad.ipv6 = "1.2.3.4"
    #expect(bad.serverURL == nil)
    #expect(bad.ipv4Address == .disabled)
    #expect(bad.ipv6Address == .disabled)
  }

  @Test("maps beyond the bounds are refused")
  func bounds() {
    let regions = (0...DERPMap.maximumRegionCount).map { #""\#($0)":{}"# }.joined(separator: ",")
    #expect(throws: JSONError.tooLarge) { try parse(#"{"Regions":{\#(regions)}}"#) }
    #expect(throws: JSONError.wrongShape) { try parse(#"{"Regions":{"x":{}}}"#) }
    #expect(throws: JSONError.tooLarge) { try parse(String(repeating: " ", count: 1_048_577)) }
    let nodes = Array(repeating: "{}", count: 257).joined(separator: ",")
    #expect(throws: JSONError.tooLarge) { try parse(#"{"Regions":{"1":{"Nodes":[\#(nodes)]}}}"#) }
  }
}
