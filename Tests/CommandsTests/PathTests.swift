import Engine
import Reactor
import Testing
import Wire

@testable import Commands

@Suite struct PathTests {
  private func direct(_ remote: String) throws -> PathID {
    .direct(DirectPath(socket: .ipv4, remote: try #require(IPEndpoint(remote))))
  }

  @Test func aPathIsOneLine() throws {
    let path = PathReport(
      path: try direct("192.0.2.1:4242"), roundTripMicroseconds: 12_345, datagramSize: 1_452,
      reason: "it\nanswers")
    #expect(
      PathFormat.text(path)
        == "path: direct to 192.0.2.1:4242, round trip 12 ms, 1,452-byte datagrams: it\u{FFFD}answers")
    let relay = PathReport(
      path: .relay, roundTripMicroseconds: 1_550, datagramSize: nil, reason: "no answer from 3 candidates")
    #expect(PathFormat.text(relay) == "path: relay, round trip 1.5 ms: no answer from 3 candidates")
  }

  @Test func programsGetTheSameAsMembers() throws {
    let path = PathReport(
      path: try direct("[2001:db8::1]:9"), roundTripMicroseconds: 340, datagramSize: 1_200, reason: "x")
    #expect(
      PathFormat.json(path).text
        == #"{"event":"path","path":"direct","remote":"[2001:db8::1]:9","roundTripMicroseconds":340,"#
        + #""datagramSize":1200,"reason":"x"}"#)
    let relay = PathReport(path: .relay, roundTripMicroseconds: nil, datagramSize: nil, reason: "")
    #expect(PathFormat.json(relay).text == #"{"event":"path","path":"relay","reason":""}"#)
  }

  private func map() throws -> DERPMap {
    let json = """
      {"Regions":{
        "1":{"RegionID":1,"Nodes":[{"Name":"1a","RegionID":1,"HostName":"one","IPv4":"192.0.2.1","IPv6":"2001:db8::1"}]},
        "2":{"RegionID":2,"Nodes":[{"Name":"2a","RegionID":2,"HostName":"two","STUNPort":-1}]},
        "3":{"RegionID":3,"Nodes":[{"Name":"3a","RegionID":3,"HostName":"three","STUNPort":99}]},
        "4":{"RegionID":4,"Avoid":true,"Nodes":[{"Name":"4a","RegionID":4,"HostName":"four"}]},
        "5":{"RegionID":5,"Nodes":[{"Name":"5a","RegionID":5,"HostName":"five","IPv4":"none","IPv6":"2001:db8::5"}]},
        "6":{"RegionID":6,"Nodes":[{"Name":"6a","RegionID":6,"HostName":"six","IPv4":"192.0.2.6","IPv6":"none"}]},
        "7":{"RegionID":7,"Nodes":[{"Name":"7a","RegionID":7,"HostName":"seven"}]}}}
      """
    return try Array(json.utf8).withUnsafeBytes { (bytes) throws(JSONError) in try DERPMap.parse(bytes) }
  }

  @Test func theSessionsRegionIsAskedFirstThenThreeOthers() throws {
    let map = try map()
    let six = try #require(map.region(6)?.nodes.first)
    let servers = PublicRelays.stunServers(first: six, of: map)
    #expect(
      servers == [
        STUNServerName(host: "192.0.2.6"), STUNServerName(host: "192.0.2.1"),
        STUNServerName(host: "2001:db8::1"), STUNServerName(host: "three", port: 99),
        STUNServerName(host: "2001:db8::5"),
      ])
    let two = try #require(map.region(2)?.nodes.first)
    #expect(PublicRelays.stunServers(first: two, of: map).first == STUNServerName(host: "192.0.2.1"))
  }
}
