import Basics
import Wire

/// Hosts and NATs in realms of addresses; realm 0 is the public one. A NAT connects the realm inside it to the one
/// outside, so homes, carriers' NATs in front of them and houses with several hosts are all made of the same parts.
struct Topology {
  struct Host {
    /// Its IPv4 address, and the realm that this belongs to.
    var ipv4: IPAddress?
    var realm: Int
    /// Its IPv6 address, which is always public.
    var ipv6: IPAddress?
    var firewall: StatefulFirewall?
  }

  struct Box {
    var nat: NATBox
    let inside: Int
    let outside: Int
  }

  /// A datagram where it ends up, with the addresses that it has there.
  struct Delivery: Equatable {
    /// The host's number; nil for the public network itself.
    var host: Int?
    var source: IPEndpoint
    var destination: IPEndpoint
  }

  /// More steps than any path has.
  private static let stepLimit = 8

  var hosts: [Host] = []
  var boxes: [Box] = []

  /// Carries a datagram from a host, through all NATs, to where it ends up; nil when it is filtered or lost.
  mutating func carry(
    from host: Int, _ source: IPEndpoint, to destination: IPEndpoint, at now: Instant
  ) -> Delivery? {
    guard !destination.address.isIPv4 else {
      return carry(in: hosts[host].realm, source, to: destination, at: now, steps: 0)
    }
    hosts[host].firewall?.noteOutbound(from: source, to: destination, at: now)
    return carryFromOutside(source, to: destination, at: now)
  }

  /// Carries a datagram that somebody on the public network sent.
  mutating func carryFromOutside(
    _ source: IPEndpoint, to destination: IPEndpoint, at now: Instant
  ) -> Delivery? {
    guard !destination.address.isIPv4 else {
      return carry(in: 0, source, to: destination, at: now, steps: 0)
    }
    guard let host = hosts.firstIndex(where: { $0.ipv6 == destination.address }) else {
      return Delivery(host: nil, source: source, destination: destination)
    }
    if let firewall = hosts[host].firewall, !firewall.lets(inside: destination, from: source, at: now) {
      return nil
    }
    return Delivery(host: host, source: source, destination: destination)
  }

  private mutating func carry(
    in realm: Int, _ source: IPEndpoint, to destination: IPEndpoint, at now: Instant, steps: Int
  ) -> Delivery? {
    guard steps < Self.stepLimit else { return nil }
    if let host = hosts.firstIndex(where: { $0.realm == realm && $0.ipv4 == destination.address }) {
      return Delivery(host: host, source: source, destination: destination)
    }
    if let index = boxes.firstIndex(where: {
      $0.outside == realm && $0.nat.externalAddress == destination.address
    }) {
      return enter(index, source, to: destination, at: now, steps: steps)
    }
    guard realm != 0 else { return Delivery(host: nil, source: source, destination: destination) }
    guard let index = boxes.firstIndex(where: { $0.inside == realm }),
      let outside = boxes[index].nat.outbound(from: source, to: destination, at: now)
    else { return nil }
    if destination.address == boxes[index].nat.externalAddress {
      // Hairpinning shows the external source (RFC 4787, REQ-9).
      guard boxes[index].nat.behaviour.isHairpinning else { return nil }
      return enter(index, outside, to: destination, at: now, steps: steps)
    }
    return carry(in: boxes[index].outside, outside, to: destination, at: now, steps: steps + 1)
  }

  private mutating func enter(
    _ index: Int, _ source: IPEndpoint, to destination: IPEndpoint, at now: Instant, steps: Int
  ) -> Delivery? {
    guard let inside = boxes[index].nat.inbound(to: destination.port, from: source, at: now) else {
      return nil
    }
    return carry(in: boxes[index].inside, source, to: inside, at: now, steps: steps + 1)
  }

  /// The NATs between a host and the public network, from the inside out.
  func boxes(of host: Int) -> [Int] {
    var found: [Int] = []
    var realm = hosts[host].realm
    while realm != 0, let index = boxes.firstIndex(where: { $0.inside == realm }) {
      found.append(index)
      realm = boxes[index].outside
    }
    return found
  }
}
