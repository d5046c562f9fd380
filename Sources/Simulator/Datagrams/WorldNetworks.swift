import Basics
import Engine
import Relaying
import Wire

/// Addresses and NATs of the world.
extension World {
  static let stunPort: UInt16 = 3_478

  /// Builds hosts and NATs as the options say.
  func buildNetworks() {
    // The realms inside the claimant's, the acceptor's and the rival's outermost and innermost NAT.
    var nextRealm = 1
    for party in parties {
      let access = party.network.access
      var realm = 0
      var behaviours = Array(access.nats.reversed())
      if party.index != Self.acceptor, sharesWithAcceptor {
        realm = topology.hosts[Self.acceptor].realm
        behaviours = []
        if options.datagrams.shared == .carrier {
          // Its own NAT, inside the acceptor's outermost one.
          realm = topology.boxes[topology.boxes(of: Self.acceptor).last ?? 0].inside
          behaviours = Array(access.nats.prefix(1))
        }
      }
      for behaviour in behaviours {
        let address = outsideAddress(realm: realm, box: topology.boxes.count)
        let seed = datagramRandom.next()
        topology.boxes.append(
          Topology.Box(
            nat: NATBox(behaviour, externalAddress: address, random: SeededGenerator(seed: seed)),
            inside: nextRealm, outside: realm))
        realm = nextRealm
        nextRealm += 1
      }
      var host = Topology.Host(ipv4: nil, realm: realm, ipv6: nil, firewall: nil)
      setAddresses(&host, party)
      topology.hosts.append(host)
    }
  }

  /// Whether claimant and rival are inside a NAT of the acceptor's.
  private var sharesWithAcceptor: Bool {
    options.datagrams.shared != .none && !options.datagrams.acceptor.nats.isEmpty
  }

  private func outsideAddress(realm: Int, box: Int) -> IPAddress {
    addressesGiven += 1
    // TEST-NET-2 and -3 of RFC 5737 outside, the shared space of RFC 6598 between NATs.
    if realm != 0 { return IPAddress(ipv4: 0x6440_0000 + addressesGiven) }
    return IPAddress(ipv4: (box % 2 == 0 ? 0xC633_6400 : 0xCB00_7100) + addressesGiven)
  }

  private func setAddresses(_ host: inout Topology.Host, _ party: Party) {
    addressesGiven += 1
    let access = party.network.access
    if access.hasIPv4 {
      host.ipv4 = IPAddress(ipv4: (host.realm == 0 ? 0xC000_0200 : 0xC0A8_0100) + addressesGiven)
    }
    if access.ipv6 != .none {
      host.ipv6 = IPAddress(
        ipv6: Bytes16(high: 0x2001_0DB8_0000_0000 + UInt64(addressesGiven), low: 1))
    }
    host.firewall = access.ipv6 == .firewalled ? StatefulFirewall() : nil
  }

  /// What the party's system says about its interfaces.
  func addresses(of party: Party) -> [IPAddress] {
    guard options.datagrams.isAvailable else { return [] }
    return [topology.hosts[party.index].ipv4, topology.hosts[party.index].ipv6].compactMap { $0 }
  }

  /// The STUN servers that sessions are told of; the dead ones come first.
  var stunServers: [IPEndpoint] {
    let count = options.datagrams.stunServers + options.datagrams.deadServers
    let numbers = Array(options.datagrams.stunServers..<count) + Array(0..<options.datagrams.stunServers)
    let ipv4 = numbers.map { IPEndpoint(address: Self.stunAddress($0), port: Self.stunPort) }
    let ipv6 = numbers.map { IPEndpoint(address: Self.stunAddress($0, isIPv6: true), port: Self.stunPort) }
    return zip(ipv4, ipv6).flatMap { [$0, $1] }
  }

  private static func stunAddress(_ number: Int, isIPv6: Bool = false) -> IPAddress {
    guard isIPv6 else { return IPAddress(ipv4: 0xC000_02C8 + UInt32(number)) }
    return IPAddress(ipv6: Bytes16(high: 0x2001_0DB8_FFFF_0000 + UInt64(number), low: 1))
  }

  /// A datagram has reached a public address that is no party's.
  func serveStun(_ datagram: Datagram) {
    for number in 0..<options.datagrams.stunServers {
      for isIPv6 in [false, true]
      where datagram.destination.address == Self.stunAddress(number, isIPv6: isIPv6) {
        guard datagram.destination.port == Self.stunPort,
          let answer = datagram.bytes.withUnsafeBytes({
            STUNResponder.answer(to: $0, from: datagram.source)?.bytes
          })
        else { return }
        noteReachable(datagram.source, of: datagram.origin)
        queue.add(
          .crossing(
            Datagram(
              origin: .stunServer, source: datagram.destination, destination: datagram.source, bytes: answer),
            host: nil), at: now)
      }
    }
  }

  /// Everybody may learn that `origin` was seen under this endpoint.
  private func noteReachable(_ endpoint: IPEndpoint, of origin: Datagram.Origin) {
    guard case .party(let index) = origin else { return }
    for party in parties where party.index != index { party.network.told.insert(endpoint) }
  }

  /// The party has bound a socket: the others may be told its addresses with that port.
  func noteSocket(_ party: Party, port: UInt16) {
    for other in parties where other.index != party.index {
      for address in addresses(of: party) {
        other.network.told.insert(IPEndpoint(address: address, port: port))
      }
    }
  }

  // MARK: Changes

  /// The party's machine is in another network.
  func move(_ party: Party) {
    guard options.datagrams.isAvailable else { return }
    restartNATs(of: party)
    setAddresses(&topology.hosts[party.index], party)
    for number in 0..<SocketID.limit {
      if let port = party.network.port(of: SocketID(number: number)) { noteSocket(party, port: port) }
    }
    if party.network.mapped != nil { loseMapping(party) }
    tell(party, .networkChanged(addresses: addresses(of: party)))
  }

  /// The party's interface has no IPv6 any more.
  func loseIPv6(_ party: Party) {
    guard options.datagrams.isAvailable, topology.hosts[party.index].ipv6 != nil else { return }
    topology.hosts[party.index].ipv6 = nil
    tell(party, .networkChanged(addresses: addresses(of: party)))
  }

  /// The party's NATs forget everything and have other addresses outside.
  func restartNATs(of party: Party) {
    for index in topology.boxes(of: party.index) {
      let address = outsideAddress(realm: topology.boxes[index].outside, box: index)
      topology.boxes[index].nat.restart(externalAddress: address)
    }
    topology.hosts[party.index].firewall?.restart()
    // The router's client notices that its mapping is gone when it wants to renew it.
    if party.network.mapped != nil {
      queue.add(.mapping(party: party.index, exists: false), at: now + .seconds(1))
    }
  }

  /// A router makes a static mapping for the party's IPv4 socket and tells it, or has lost it.
  func changeMapping(_ party: Party, exists: Bool) {
    guard exists else { return loseMapping(party) }
    guard party.phase == .running, let address = topology.hosts[party.index].ipv4,
      let port = party.network.port(of: .ipv4), let box = topology.boxes(of: party.index).first
    else { return }
    let inside = IPEndpoint(address: address, port: port)
    guard let outside = topology.boxes[box].nat.addStaticMapping(for: inside, at: now) else { return }
    party.network.mapped = outside
    noteReachable(outside, of: .party(party.index))
    tell(party, .portMapped(outside))
  }

  private func loseMapping(_ party: Party) {
    guard party.network.mapped != nil else { return }
    party.network.mapped = nil
    tell(party, .portMapped(nil))
  }
}
