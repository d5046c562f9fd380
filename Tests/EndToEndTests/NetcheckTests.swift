import Foundation
import Testing

extension EndToEndTests {
  @Suite struct Netcheck {
    /// A `derprelay` with a STUN responder.
    private struct STUNRelay {
      let child: Child
      let url: String
      let stunPort: String

      init(address: String = "127.0.0.1") throws {
        child = try Child("derprelay", ["--listen", "\(address):0", "--stun", "\(address):0"])
        (url, stunPort) = try child.line { line in
          line.firstMatch(of: /(http:.*)\/derp\), STUN on [0-9.]+:([0-9]+)/)
            .map { (String($0.output.1), String($0.output.2)) }
        }
      }

      var options: [String] { ["--derp", url, "--derp-stun", stunPort] }
    }

    private func netcheck(_ options: [String], status: Int32 = 0) throws -> Child {
      let child = try Child("derphole", ["netcheck", "--no-portmap"] + options)
      try expectEnd(child, status, within: 30)
      return child
    }

    private func object(_ child: Child) throws -> [String: Any] {
      let value = try JSONSerialization.jsonObject(with: Data(try child.collectedOutput()))
      return try #require(value as? [String: Any])
    }

    @Test("two relays on this machine, as a table", .timeLimit(.minutes(1))) func table() throws {
      let relays = [try STUNRelay(), try STUNRelay(address: "127.0.0.2")]
      let child = try netcheck(relays.flatMap(\.options))
      let lines = String(decoding: try child.collectedOutput(), as: UTF8.self)
        .split(separator: "\n").map(String.init)
      #expect(lines.contains { $0.hasPrefix("UDP:") && $0.hasSuffix("yes") })
      #expect(lines.contains { $0.wholeMatch(of: /IPv4: +yes, 127\.0\.0\.[12]:[0-9]+/) != nil })
      #expect(lines.contains { $0.wholeMatch(of: /IPv6: +no/) != nil })
      #expect(lines.contains { $0.wholeMatch(of: /Mapping: +none: no NAT/) != nil })
      #expect(lines.contains { $0.wholeMatch(of: /Filtering: +endpoint-independent or .*/) != nil })
      #expect(lines.contains { $0.wholeMatch(of: /Port mapping: +not asked for/) != nil })
      #expect(
        lines.count { $0.wholeMatch(of: #/ +[0-9]+\.[0-9] ms +stun +127\.0\.0\.[12]:[0-9]+/#) != nil } == 2)
      #expect(lines.last == "Direct connections: likely, because no NAT changes our address")
      #expect(child.errors.isEmpty)
    }

    @Test("the same as one JSON object", .timeLimit(.minutes(1)), arguments: [true, false])
    func json(isBefore: Bool) throws {
      let relay = try STUNRelay()
      let arguments = isBefore ? ["--json", "netcheck"] : ["netcheck", "--json"]
      let child = try Child("derphole", arguments + ["--no-portmap"] + relay.options)
      try expectEnd(child, 0, within: 30)
      let found = try object(child)
      #expect(found["udp"] as? Bool == true)
      #expect((found["ipv4"] as? [String: Any])?["reachable"] as? Bool == true)
      #expect(((found["ipv4"] as? [String: Any])?["addresses"] as? [String])?.count == 1)
      #expect((found["ipv6"] as? [String: Any])?["reachable"] as? Bool == false)
      #expect(found["mapping"] as? String == "none")
      #expect(found["filtering"] as? String == "address-dependent-at-most")
      #expect(found["hairpin"] is NSNull)
      #expect(found["preservesPort"] as? Bool == true)
      #expect((found["portMapping"] as? [String: Any])?.count == 4)
      let relays = try #require(found["relays"] as? [[String: Any]])
      #expect(relays.count == 1)
      #expect(relays.first?["method"] as? String == "stun")
      #expect(relays.first?["latencyMicroseconds"] as? Int ?? 0 > 0)
      #expect(found["nearestHost"] as? String == "127.0.0.1")
      #expect(found["direct"] as? String == "likely")
      #expect(child.errors.isEmpty)
      #expect(try child.collectedOutput().last == UInt8(ascii: "\n"))
    }

    @Test("a relay without STUN: measured by TCP, no UDP", .timeLimit(.minutes(1))) func onlyTCP() throws {
      let relay = try Relay()
      // Nothing answers on the port of the relay's own TCP listener by UDP.
      let child = try netcheck(["--derp", relay.url, "--derp-stun", "\(relay.port)", "--json"])
      let found = try object(child)
      #expect(found["udp"] as? Bool == false)
      #expect(found["direct"] as? String == "unlikely")
      #expect((found["relays"] as? [[String: Any]])?.first?["method"] as? String == "tcp")
    }

    @Test("a map whose names would steer a terminal, and whose relays do not exist", .timeLimit(.minutes(1)))
    func hostileMap() throws {
      let scratch = try Scratch()
      let nodes =
        #"[{"Name":"1a","RegionID":1,"HostName":"no-such-relay.invalid","IPv4":"127.0.0.1","DERPPort":1}]"#
      let region =
        #"{"RegionID":1,"RegionCode":"\u001b[2J","RegionName":"\u202eTest\u0007","Nodes":\#(nodes)}"#
      let map = try scratch.file("map.json", Array(#"{"Regions":{"1":\#(region)}}"#.utf8))
      for options in [[], ["--json"]] {
        let output = try netcheck(["--derp-map", map] + options).collectedOutput()
        #expect(!output.contains { $0 < 0x20 && $0 != UInt8(ascii: "\n") })
        #expect(String(decoding: output, as: UTF8.self).contains("Test"))
      }
    }

    @Test("no network at all", .timeLimit(.minutes(1))) func noNetwork() throws {
      let child = try netcheck(["--derp", "https://no-such-relay.invalid"], status: 5)
      #expect(child.errorLines.count == 1)
      #expect(try child.collectedOutput().isEmpty)
    }

    @Test(
      "wrong command lines",
      arguments: [["--derp", "nonsense"], ["--derp-stun", "3478"], ["--derp-stun", "x"], ["--no-such"]])
    func usage(options: [String]) throws {
      #expect(try netcheck(options, status: 64).collectedOutput().isEmpty)
    }
  }
}
