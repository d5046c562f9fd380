import Basics
import Testing
import Wire

@Suite struct MetricsTextTests {
  private func lines(_ status: TunnelStatus) -> [String] {
    MetricsText.document(status).split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  @Test func valuesAppearWithTheirLabels() {
    let lines = lines(TunnelStatusTests.full)
    let labels = #"{client="client-01020304",client_id="01020304050607080000000000000009"}"#
    for line in [
      #"derptun_info{role="open",name="web"} 1"#, "derptun_start_time_seconds 1800000000",
      "derptun_relay_connected 0", "derptun_clients 2", #"derptun_claims_refused_total{reason="expired"} 2"#,
      "derptun_received_bytes_total 13", "derptun_sent_bytes_total 14", "derptun_connections_total 12",
      "derptun_client_direct\(labels) 1", "derptun_client_round_trip_seconds\(labels) 0.012345",
      "derptun_client_sent_bytes_total\(labels) 18446744073709551615",
      "derptun_client_connections\(labels) 5", "derptun_client_connections_total\(labels) 6",
    ] {
      #expect(lines.contains(line), "\(line)")
    }
  }

  @Test func aFamilyIsHeadedOnceAndStandsTogether() {
    var seen: Set<Substring> = []
    var family: Substring = ""
    for line in lines(TunnelStatusTests.full) where !line.isEmpty {
      let words = line.split(separator: " ", maxSplits: 3)
      if words[0] == "#" {
        if words[1] == "HELP" { #expect(seen.insert(words[2]).inserted, "\(words[2]) twice") }
        family = words[2]
      } else {
        #expect(line.prefix { $0 != "{" && $0 != " " } == family)
      }
    }
    #expect(seen.count > 20)
  }

  @Test func labelsCannotBreakOutOfTheirQuotes() {
    var status = TunnelStatus()
    status.name = "a\\b\"} 7\nderptun_info{role=\"x"
    let lines = lines(status)
    #expect(
      lines.contains(#"derptun_info{role="serve",name="a\\b\"} 7\nderptun_info{role=\"x"} 1"#))
    #expect(lines.count { $0.hasPrefix("derptun_info") } == 1)
  }

  @Test func aClientThatIsInTwiceIsOneSeriesWithItsSums() {
    var first = TunnelStatus.Client()
    first.name = "c"
    first.bytesIn = 5
    first.connections = 1
    first.roundTripMicroseconds = 1
    var second = first
    second.bytesIn = 7
    second.roundTripMicroseconds = 2_000_000
    var status = TunnelStatus()
    status.clients = [first, second]
    let lines = lines(status).filter { $0.hasPrefix("derptun_client") }
    #expect(Set(lines).count == lines.count)
    let labels = "{client=\"c\",client_id=\"\(Bytes16.zero.hex)\"}"
    #expect(
      lines.filter { $0.hasPrefix("derptun_client_received") } == [
        "derptun_client_received_bytes_total\(labels) 12"
      ])
    #expect(lines.contains("derptun_client_round_trip_seconds\(labels) 2.0"))
    #expect(lines.contains("derptun_clients 2"))
  }
}
