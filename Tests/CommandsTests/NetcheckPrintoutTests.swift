import Basics
import Engine
import Testing
import Wire

@testable import Commands

@Suite struct NetcheckPrintoutTests {
  private func relay(_ host: String, code: String, name: String) -> NetcheckRelay {
    var relay = NetcheckRelay(try! DERPRoute(host: host, derpPort: 443))
    relay.code = code
    relay.name = name
    return relay
  }

  private func printout(_ findings: PortMappingFindings = PortMappingFindings()) -> NetcheckPrintout {
    var report = NetworkReport()
    report.ipv4.isReachable = true
    report.ipv4.addresses = ["198.51.100.7:1001", "198.51.100.7:1002"].map { IPEndpoint($0)! }
    report.mapping = .dependent
    report.filtering = .addressAndPortDependent
    report.hairpins = false
    report.relays = [
      NetworkReport.RelayDistance(relay: 0),
      NetworkReport.RelayDistance(relay: 1, latency: .microseconds(20_449), method: .tcp),
      NetworkReport.RelayDistance(relay: 2, latency: .microseconds(8_060), method: .stun),
    ]
    let relays = [
      relay("a.example", code: "nyc", name: "New York"), relay("b.example", code: "\u{1B}[2J", name: "B"),
      relay("c.example", code: "", name: "C"),
    ]
    return NetcheckPrintout(
      NetcheckRun.Outcome(report: report, relays: relays, portMapping: findings))
  }

  @Test("the table: relays by distance, unknowns said so, nothing that steers a terminal")
  func table() {
    var findings = PortMappingFindings()
    findings.pcp = false
    findings.natPMP = true
    findings.external = IPAddress("100.64.0.9")
    #expect(
      printout(findings).table == """
        UDP:            yes
        IPv4:           yes, 198.51.100.7:1001, 198.51.100.7:1002
        IPv6:           no
        Mapping:        depends on the destination
        Filtering:      address- and port-dependent: only ports that we sent to are let in
        Hairpin:        no
        Keeps ports:    unknown
        Port mapping:   PCP no, NAT-PMP yes, UPnP unknown; external address 100.64.0.9
        Nearest relay:  C

          8.1 ms      stun  C
          20.4 ms     tcp   \u{FFFD}[2J  B
          no answer         nyc  New York

        Direct connections: only with peers behind easier NATs, \
        because the NAT gives another public address for each destination

        """)
  }

  @Test("the object has every member, null where nothing is known")
  func json() {
    #expect(
      printout().json == #"{"udp":true,"#
        + #""ipv4":{"reachable":true,"addresses":["198.51.100.7:1001","198.51.100.7:1002"]},"#
        + #""ipv6":{"reachable":false,"addresses":[]},"#
        + #""mapping":"dependent","filtering":"address-and-port-dependent","hairpin":false,"#
        + #""preservesPort":null,"portMapping":{"pcp":null,"natPMP":null,"upnp":null,"external":null},"#
        + #""relays":[{"region":900,"code":"nyc","name":"New York","host":"a.example","#
        + #""latencyMicroseconds":null,"method":null},"#
        + #"{"region":900,"code":"\u001b[2J","name":"B","host":"b.example","#
        + #""latencyMicroseconds":20449,"method":"tcp"},"#
        + #"{"region":900,"code":"","name":"C","host":"c.example","latencyMicroseconds":8060,"method":"stun"}],"#
        + #""nearestRegion":900,"nearestHost":"c.example","direct":"only-with-easy-peers","#
        + #""reason":"the NAT gives another public address for each destination"}"#)
  }

  @Test("a mapping helps only when the router's own address is public")
  func usefulMapping() {
    var findings = PortMappingFindings()
    #expect(!findings.isUseful)
    findings.upnp = true
    #expect(findings.isUseful)
    for (address, isUseful) in [("192.168.1.1", false), ("100.64.1.1", false), ("198.51.100.7", true)] {
      findings.external = IPAddress(address)
      #expect(findings.isUseful == isUseful)
      #expect(printout(findings).table.contains("Direct connections: likely") == isUseful)
    }
  }
}
