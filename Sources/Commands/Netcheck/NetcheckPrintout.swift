import Basics
import Engine
import Wire

/// The findings of a check, for people and for programs.
struct NetcheckPrintout {
  private let report: NetworkReport
  private let relays: [NetcheckRelay]
  private let portMapping: PortMappingFindings
  private let outlook: DirectOutlook

  init(_ outcome: NetcheckRun.Outcome) {
    report = outcome.report
    relays = outcome.relays
    portMapping = outcome.portMapping
    outlook = DirectOutlook(outcome.report, hasPortMapping: outcome.portMapping.isUseful)
  }

  /// One fact a line, then the relays, the nearest first, then what follows from it all.
  var table: String {
    let facts = [
      ("UDP", Self.answer(report.hasUDP)),
      ("IPv4", Self.family(report.ipv4)),
      ("IPv6", Self.family(report.ipv6)),
      ("Mapping", Self.text(report.mapping)),
      ("Filtering", Self.text(report.filtering)),
      ("Hairpin", report.mapping == .none ? "no NAT" : Self.answer(report.hairpins)),
      ("Keeps ports", Self.answer(report.preservesPort)),
      ("Port mapping", portMappingText),
      ("Nearest relay", report.nearest.map { printable(relays[$0].name) } ?? "none answered"),
    ]
    var lines = facts.map { name, value in Self.padded("\(name):", 16) + value }
    lines.append("")
    lines += byDistance.map { distance in
      let relay = relays[distance.relay]
      let time = distance.latency.map(Self.milliseconds) ?? "no answer"
      let code = printable(relay.code)
      return "  \(Self.padded(time, 10))  \(Self.padded(distance.method?.rawValue ?? "", 4))  "
        + (code.isEmpty ? "" : "\(code)  ") + printable(relay.name)
    }
    lines += ["", "Direct connections: \(Self.text(outlook.expectation)), because \(outlook.reason)"]
    return lines.joined(separator: "\n") + "\n"
  }

  /// One object on one line.
  var json: String {
    var object = JSONMembers()
    object.add("udp", report.hasUDP)
    object.add("ipv4", json: Self.json(report.ipv4))
    object.add("ipv6", json: Self.json(report.ipv6))
    object.add("mapping", report.mapping.rawValue)
    object.add("filtering", report.filtering.rawValue)
    object.add("hairpin", report.hairpins)
    object.add("preservesPort", report.preservesPort)
    var protocols = JSONMembers()
    protocols.add("pcp", portMapping.pcp)
    protocols.add("natPMP", portMapping.natPMP)
    protocols.add("upnp", portMapping.upnp)
    protocols.add("external", portMapping.external?.description)
    object.add("portMapping", json: protocols.text)
    object.add("relays", json: "[\(report.relays.map(json).joined(separator: ","))]")
    object.add("nearestRegion", report.nearest.map { relays[$0].region })
    object.add("nearestHost", report.nearest.map { relays[$0].host })
    object.add("direct", outlook.expectation.rawValue)
    object.add("reason", outlook.reason)
    return object.text
  }

  private func json(_ distance: NetworkReport.RelayDistance) -> String {
    let relay = relays[distance.relay]
    var object = JSONMembers()
    object.add("region", relay.region)
    object.add("code", relay.code)
    object.add("name", relay.name)
    object.add("host", relay.host)
    object.add("latencyMicroseconds", distance.latency.map { Int($0.inMicroseconds) })
    object.add("method", distance.method?.rawValue)
    return object.text
  }

  private static func json(_ family: NetworkReport.Family) -> String {
    var object = JSONMembers()
    object.add("reachable", family.isReachable)
    let addresses = family.addresses.map { JSONLine.quoted("\($0)") }
    object.add("addresses", json: "[\(addresses.joined(separator: ","))]")
    return object.text
  }

  private var byDistance: [NetworkReport.RelayDistance] {
    report.relays.sorted {
      ($0.latency?.nanoseconds ?? .max, $0.relay) < ($1.latency?.nanoseconds ?? .max, $1.relay)
    }
  }

  private var portMappingText: String {
    let answers = [("PCP", portMapping.pcp), ("NAT-PMP", portMapping.natPMP), ("UPnP", portMapping.upnp)]
    if answers.allSatisfy({ $0.1 == nil }) { return "not asked for" }
    let external = portMapping.external.map { "; external address \($0)" } ?? ""
    return answers.map { "\($0.0) \(Self.answer($0.1))" }.joined(separator: ", ") + external
  }

  private static func answer(_ value: Bool?) -> String { value.map { $0 ? "yes" : "no" } ?? "unknown" }

  private static func family(_ family: NetworkReport.Family) -> String {
    guard family.isReachable else { return "no" }
    return (["yes"] + family.addresses.map(\.description)).joined(separator: ", ")
  }

  private static func text(_ mapping: MappingBehaviour) -> String {
    switch mapping {
    case .unknown: "unknown"
    case .none: "none: no NAT"
    case .endpointIndependent: "endpoint-independent: one public address for all destinations"
    case .dependent: "depends on the destination"
    }
  }

  private static func text(_ filtering: FilteringBehaviour) -> String {
    switch filtering {
    case .unknown: "unknown: no relay answers from another port"
    case .endpointIndependent: "endpoint-independent: everything is let in"
    case .addressDependent: "address-dependent: only addresses that we sent to are let in"
    case .addressDependentAtMost: "endpoint-independent or address-dependent: other ports are let in"
    case .addressAndPortDependent: "address- and port-dependent: only ports that we sent to are let in"
    }
  }

  private static func text(_ expectation: DirectOutlook.Expectation) -> String {
    switch expectation {
    case .likely: "likely"
    case .onlyWithEasyPeers: "only with peers behind easier NATs"
    case .unlikely: "unlikely"
    case .unclear: "unclear"
    }
  }

  private static func milliseconds(_ interval: Interval) -> String {
    let tenths = (interval.inMicroseconds + 50) / 100
    return "\(tenths / 10).\(tenths % 10) ms"
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }
}
