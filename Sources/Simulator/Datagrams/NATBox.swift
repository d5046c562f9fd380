import Basics
import Wire

/// A NAT for UDP over IPv4 after RFC 4787: its mappings from internal to external endpoints, and their filters.
///
/// Mappings and filters are refreshed by outbound packets only (REQ-6; refreshing by inbound ones is optional). No two
/// internal endpoints ever share an external port (REQ-3: no port overloading).
struct NATBox {
  /// What a mapping belongs to: an internal endpoint, and as much of the remote one as the mapping depends on.
  private struct Key: Hashable {
    var inside: IPEndpoint
    var remote: IPEndpoint
  }

  private struct Mapping {
    var key: Key
    var port: UInt16
    var refreshedAt: Instant
    /// When a packet last left towards as much of a remote endpoint as the filter depends on.
    var opened: [IPEndpoint: Instant] = [:]
  }

  /// The external ports that it gives away (REQ-3: an unprivileged port stays one).
  private static let ports: ClosedRange<UInt16> = 1_024...65_535
  /// Attempts at a free port before the NAT counts as full.
  private static let portAttempts = 65_536

  let behaviour: NATBehaviour
  /// The address that the outside sees.
  private(set) var externalAddress: IPAddress
  private var random: SeededGenerator
  private var lastPort: UInt16
  private var mappings: [Key: Mapping] = [:]
  private var owners: [UInt16: Key] = [:]
  /// Static mappings, as NAT-PMP, PCP and UPnP make them, by external port; everything may pass.
  private var inwards: [UInt16: IPEndpoint] = [:]
  private var outwards: [IPEndpoint: UInt16] = [:]

  init(_ behaviour: NATBehaviour, externalAddress: IPAddress, random: SeededGenerator) {
    self.behaviour = behaviour
    self.externalAddress = externalAddress
    self.random = random
    lastPort = UInt16.random(in: Self.ports, using: &self.random)
  }

  /// As much of a remote endpoint as something depends on.
  private static func seen(_ remote: IPEndpoint, _ dependence: NATDependence) -> IPEndpoint {
    switch dependence {
    case .endpointIndependent: IPEndpoint(address: IPAddress(ipv4: 0), port: 0)
    case .addressDependent: IPEndpoint(address: remote.address, port: 0)
    case .addressAndPortDependent: remote
    }
  }

  private func isAlive(_ refreshedAt: Instant, _ now: Instant) -> Bool {
    now - refreshedAt < behaviour.mappingTimer
  }

  /// Translates the source of a packet that leaves; nil when no port is free.
  mutating func outbound(from inside: IPEndpoint, to remote: IPEndpoint, at now: Instant) -> IPEndpoint? {
    let key = Key(inside: inside, remote: Self.seen(remote, behaviour.mapping))
    let filter = Self.seen(remote, behaviour.filtering)
    // A mapping that is in use stays when a static one is made.
    if let mapping = mappings[key], isAlive(mapping.refreshedAt, now) {
      mappings[key]?.refreshedAt = now
      mappings[key]?.opened[filter] = now
      return IPEndpoint(address: externalAddress, port: mapping.port)
    }
    if let port = outwards[inside] { return IPEndpoint(address: externalAddress, port: port) }
    forget(key)
    guard let port = freePort(for: inside, at: now) else { return nil }
    mappings[key] = Mapping(key: key, port: port, refreshedAt: now, opened: [filter: now])
    owners[port] = key
    return IPEndpoint(address: externalAddress, port: port)
  }

  /// Translates the destination of a packet that arrives at an external port; nil when it is filtered or nobody's.
  func inbound(to port: UInt16, from remote: IPEndpoint, at now: Instant) -> IPEndpoint? {
    if let inside = inwards[port] { return inside }
    guard let key = owners[port], let mapping = mappings[key], isAlive(mapping.refreshedAt, now) else {
      return nil
    }
    if behaviour.filtering == .endpointIndependent { return key.inside }
    guard let opened = mapping.opened[Self.seen(remote, behaviour.filtering)], isAlive(opened, now) else {
      return nil
    }
    return key.inside
  }

  /// Maps an external port to an internal endpoint until further notice; nil when none is free.
  mutating func addStaticMapping(for inside: IPEndpoint, at now: Instant) -> IPEndpoint? {
    guard let port = outwards[inside] ?? freePort(for: inside, at: now) else { return nil }
    inwards[port] = inside
    outwards[inside] = port
    return IPEndpoint(address: externalAddress, port: port)
  }

  /// Starts again, perhaps with another address: nothing is left of any mapping.
  mutating func restart(externalAddress: IPAddress) {
    self.externalAddress = externalAddress
    mappings = [:]
    owners = [:]
    inwards = [:]
    outwards = [:]
    lastPort = UInt16.random(in: Self.ports, using: &random)
  }

  // MARK: Ports

  private mutating func forget(_ key: Key) {
    guard let old = mappings.removeValue(forKey: key) else { return }
    owners[old.port] = nil
  }

  private mutating func freePort(for inside: IPEndpoint, at now: Instant) -> UInt16? {
    if behaviour.ports == .preserving, Self.ports.contains(inside.port), claim(inside.port, at: now) {
      return inside.port
    }
    for _ in 0..<Self.portAttempts {
      let port = nextPort()
      if claim(port, at: now) { return port }
    }
    return nil
  }

  private mutating func nextPort() -> UInt16 {
    guard behaviour.ports == .sequential else { return UInt16.random(in: Self.ports, using: &random) }
    lastPort = lastPort == Self.ports.upperBound ? Self.ports.lowerBound : lastPort + 1
    return lastPort
  }

  /// Whether the port is free; what has expired on it is forgotten.
  private mutating func claim(_ port: UInt16, at now: Instant) -> Bool {
    guard inwards[port] == nil else { return false }
    guard let key = owners[port], let mapping = mappings[key] else { return true }
    guard !isAlive(mapping.refreshedAt, now) else { return false }
    forget(key)
    return true
  }
}
