/// A tunnel's status in Prometheus' text format, version 0.0.4.
public enum MetricsText {
  /// The media type of the format.
  public static let contentType = "text/plain; version=0.0.4; charset=utf-8"

  /// The whole document.
  public static func document(_ status: TunnelStatus) -> String {
    var writer = MetricsWriter()
    write(status, to: &writer)
    write(status.counters, to: &writer)
    write(clients: merged(status.clients), to: &writer)
    return writer.text
  }

  private static func write(_ status: TunnelStatus, to writer: inout MetricsWriter) {
    writer.family("derptun_info", .gauge, "What this process is; always 1.")
    writer.sample(1, [("role", status.role.rawValue), ("name", status.name)])
    writer.family("derptun_start_time_seconds", .gauge, "When the process started, in Unix time.")
    writer.sample(status.startedUnixSeconds)
    writer.family("derptun_uptime_seconds", .gauge, "How long the process has run.")
    writer.sample(status.uptimeSeconds)
    writer.family("derptun_relay_connected", .gauge, "Whether the relay is connected.")
    writer.sample(status.relayState == .connected ? 1 : 0)
    writer.family("derptun_clients", .gauge, "Clients that are in.")
    writer.sample(status.clients.count)
  }

  private static func write(_ counters: TunnelStatus.Counters, to writer: inout MetricsWriter) {
    writer.family("derptun_claims_taken_total", .counter, "Claims that were let in.")
    writer.sample(counters.claimsTaken)
    writer.family("derptun_claims_refused_total", .counter, "Claims that were not let in, by reason.")
    for refusal in counters.refusals { writer.sample(refusal.count, [("reason", refusal.reason)]) }
    writer.family("derptun_connections_total", .counter, "TCP connections of all clients.")
    writer.sample(counters.connections)
    writer.family("derptun_received_bytes_total", .counter, "Payload that came from all clients.")
    writer.sample(counters.bytesIn)
    writer.family("derptun_sent_bytes_total", .counter, "Payload that went to all clients.")
    writer.sample(counters.bytesOut)
    writer.family("derptun_relay_reconnections_total", .counter, "How often the relay was connected again.")
    writer.sample(counters.reconnections)
    writer.family("derptun_outages_resumed_total", .counter, "Outages after which a session went on.")
    writer.sample(counters.outagesResumed)
  }

  private static func write(clients: [TunnelStatus.Client], to writer: inout MetricsWriter) {
    func family(
      _ name: StaticString, _ kind: MetricsWriter.Kind, _ help: StaticString,
      _ value: (TunnelStatus.Client) -> String?
    ) {
      writer.family(name, kind, help)
      for client in clients {
        guard let value = value(client) else { continue }
        writer.sample(value, [("client", client.name), ("client_id", client.clientID.hex)])
      }
    }
    family("derptun_client_connected_time_seconds", .gauge, "When the client came, in Unix time.") {
      "\($0.connectedUnixSeconds)"
    }
    family("derptun_client_direct", .gauge, "Whether payload goes past the relay.") {
      $0.path == .direct ? "1" : "0"
    }
    family("derptun_client_round_trip_seconds", .gauge, "The path's round trip.") {
      $0.roundTripMicroseconds.map { "\(Double($0) / 1e6)" }
    }
    family("derptun_client_received_bytes_total", .counter, "Payload that came from the client.") {
      "\($0.bytesIn)"
    }
    family("derptun_client_sent_bytes_total", .counter, "Payload that went to the client.") {
      "\($0.bytesOut)"
    }
    family("derptun_client_connections", .gauge, "TCP connections that are open.") { "\($0.connections)" }
    family("derptun_client_connections_total", .counter, "TCP connections since the client came.") {
      "\($0.connectionsTotal)"
    }
    family("derptun_client_udp_flows", .gauge, "UDP flows.") { "\($0.udpFlows)" }
    family("derptun_client_datagrams_too_large_total", .counter, "Datagrams that the path could not carry.") {
      "\($0.datagramsTooLarge)"
    }
  }

  /// One entry for each pair of labels, which may appear only once in a family: a client that is in more than once has
  /// the sum of its counts, and for the rest what its last session says.
  private static func merged(_ clients: [TunnelStatus.Client]) -> [TunnelStatus.Client] {
    var result: [TunnelStatus.Client] = []
    for client in clients {
      guard
        let index = result.firstIndex(where: { $0.clientID == client.clientID && $0.name == client.name })
      else {
        result.append(client)
        continue
      }
      let earlier = result[index]
      result[index] = client
      result[index].bytesIn &+= earlier.bytesIn
      result[index].bytesOut &+= earlier.bytesOut
      result[index].connections &+= earlier.connections
      result[index].connectionsTotal &+= earlier.connectionsTotal
      result[index].udpFlows &+= earlier.udpFlows
      result[index].datagramsTooLarge &+= earlier.datagramsTooLarge
    }
    return result
  }
}
