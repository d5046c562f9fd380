import Basics

/// On what a NAT's choice depends (RFC 4787, sections 4.1 and 5).
enum NATDependence: String, CaseIterable, Sendable {
  case endpointIndependent = "ei"
  case addressDependent = "ad"
  case addressAndPortDependent = "apd"
}

/// How a NAT chooses the external port of a new mapping (RFC 4787, section 4.2.1).
enum PortAllocation: String, CaseIterable, Sendable {
  /// The internal port, when it is free; else any.
  case preserving
  /// The one above the last.
  case sequential
  /// Any.
  case random
}

/// What a NAT does, in the terms of RFC 4787. Its text is `ei-apd-preserving-hairpin-120s`: mapping, filtering, ports,
/// hairpinning, mapping timer.
struct NATBehaviour: Hashable, Sendable, CustomStringConvertible {
  var mapping: NATDependence
  var filtering: NATDependence
  var ports: PortAllocation
  /// Whether its own external addresses can be reached from inside (section 6).
  var isHairpinning: Bool
  /// How long a mapping and its filters live without an outbound packet (section 4.3), in whole seconds.
  var mappingTimer: Interval

  init(
    mapping: NATDependence, filtering: NATDependence, ports: PortAllocation = .random,
    isHairpinning: Bool = false, mappingTimer: Interval = .seconds(120)
  ) {
    self.mapping = mapping
    self.filtering = filtering
    self.ports = ports
    self.isHairpinning = isHairpinning
    self.mappingTimer = mappingTimer
  }

  var description: String {
    let hairpin = isHairpinning ? "hairpin" : "plain"
    let seconds = mappingTimer.inMilliseconds / 1_000
    return "\(mapping.rawValue)-\(filtering.rawValue)-\(ports.rawValue)-\(hairpin)-\(seconds)s"
  }

  /// Reads the text of a behaviour; nil when it is none.
  init?(_ text: some StringProtocol) {
    let parts = String(text).split(separator: "-", omittingEmptySubsequences: false).map { String($0) }
    guard parts.count == 5, let mapping = NATDependence(rawValue: parts[0]),
      let filtering = NATDependence(rawValue: parts[1]), let ports = PortAllocation(rawValue: parts[2]),
      ["hairpin", "plain"].contains(parts[3]), parts[4].hasSuffix("s"),
      let seconds = Int64(parts[4].dropLast()), (1...86_400).contains(seconds)
    else { return nil }
    self.init(
      mapping: mapping, filtering: filtering, ports: ports, isHairpinning: parts[3] == "hairpin",
      mappingTimer: .seconds(seconds))
  }

  /// Draws one: the kinds that people have at home more often than the others.
  static func draw(_ random: inout SeededGenerator) -> NATBehaviour {
    let mapping: NATDependence = random.pick([
      .endpointIndependent, .endpointIndependent, .endpointIndependent, .addressDependent,
      .addressAndPortDependent, .addressAndPortDependent,
    ])
    return NATBehaviour(
      mapping: mapping, filtering: random.pick(NATDependence.allCases + [.addressAndPortDependent]),
      ports: random.pick(PortAllocation.allCases), isHairpinning: random.chance(40),
      mappingTimer: .seconds(random.pick([20, 30, 60, 120, 300])))
  }
}
