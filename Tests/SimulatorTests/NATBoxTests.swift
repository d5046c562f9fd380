import Basics
import Testing
import Wire

@testable import Simulator

/// An endpoint of 192.0.2.0/24 outside and 192.168.1.0/24 inside.
private func outside(_ host: UInt32, _ port: UInt16) -> IPEndpoint {
  IPEndpoint(address: IPAddress(ipv4: 0xC000_0200 + host), port: port)
}

private func inside(_ host: UInt32, _ port: UInt16) -> IPEndpoint {
  IPEndpoint(address: IPAddress(ipv4: 0xC0A8_0100 + host), port: port)
}

/// NATs behind a reference: the macros of the tests cannot call what mutates.
private final class Holder {
  var topology = Topology()

  func carry(from host: Int, _ source: IPEndpoint, to remote: IPEndpoint, at now: Instant) -> Topology
    .Delivery?
  {
    topology.carry(from: host, source, to: remote, at: now)
  }

  func carryFromOutside(_ source: IPEndpoint, to remote: IPEndpoint, at now: Instant) -> Topology.Delivery? {
    topology.carryFromOutside(source, to: remote, at: now)
  }
}

/// The same for one NAT.
private final class HeldBox {
  var box: NATBox

  init(_ box: NATBox) { self.box = box }

  func outbound(from inside: IPEndpoint, to remote: IPEndpoint, at now: Instant) -> IPEndpoint? {
    box.outbound(from: inside, to: remote, at: now)
  }

  func inbound(to port: UInt16, from remote: IPEndpoint, at now: Instant) -> IPEndpoint? {
    box.inbound(to: port, from: remote, at: now)
  }

  func addStaticMapping(for inside: IPEndpoint, at now: Instant) -> IPEndpoint? {
    box.addStaticMapping(for: inside, at: now)
  }
}

@Suite("NATs do what RFC 4787 calls it")
struct NATBoxTests {
  private let external = IPAddress(ipv4: 0xC633_6401)
  private let now = Instant.zero + .seconds(1)

  private func box(
    _ mapping: NATDependence, _ filtering: NATDependence, _ ports: PortAllocation = .random,
    timer: Interval = .seconds(120)
  ) -> HeldBox {
    HeldBox(
      NATBox(
        NATBehaviour(mapping: mapping, filtering: filtering, ports: ports, mappingTimer: timer),
        externalAddress: external, random: SeededGenerator(seed: 1)))
  }

  @Test("Mapping behaviour: what a mapping is used again for (4.1)", arguments: NATDependence.allCases)
  func mapping(_ dependence: NATDependence) throws {
    let nat = box(dependence, .endpointIndependent)
    let first = try #require(nat.outbound(from: inside(5, 4_000), to: outside(1, 10), at: now))
    #expect(first.address == external)
    #expect(nat.outbound(from: inside(5, 4_000), to: outside(1, 10), at: now) == first)
    let otherPort = nat.outbound(from: inside(5, 4_000), to: outside(1, 11), at: now)
    let otherAddress = nat.outbound(from: inside(5, 4_000), to: outside(2, 10), at: now)
    #expect((otherPort == first) == (dependence != .addressAndPortDependent))
    #expect((otherAddress == first) == (dependence == .endpointIndependent))
    // Another internal endpoint never shares it.
    #expect(nat.outbound(from: inside(5, 4_001), to: outside(1, 10), at: now) != first)
    #expect(nat.outbound(from: inside(6, 4_000), to: outside(1, 10), at: now) != first)
  }

  @Test("Filtering behaviour: who may answer (5)", arguments: NATDependence.allCases)
  func filtering(_ dependence: NATDependence) throws {
    let nat = box(.endpointIndependent, dependence)
    let port = try #require(nat.outbound(from: inside(5, 4_000), to: outside(1, 10), at: now)).port
    #expect(nat.inbound(to: port, from: outside(1, 10), at: now) == inside(5, 4_000))
    let samePlace = nat.inbound(to: port, from: outside(1, 11), at: now)
    #expect((samePlace != nil) == (dependence != .addressAndPortDependent))
    let elsewhere = nat.inbound(to: port, from: outside(2, 10), at: now)
    #expect((elsewhere != nil) == (dependence == .endpointIndependent))
    #expect(nat.inbound(to: port ^ 1, from: outside(1, 10), at: now) == nil)
    // A packet to somebody opens the filter for them.
    _ = nat.outbound(from: inside(5, 4_000), to: outside(2, 10), at: now)
    #expect(nat.inbound(to: port, from: outside(2, 10), at: now) == inside(5, 4_000))
  }

  @Test("Filters belong to the mapping: one that depends on the endpoint lets in at its own port only")
  func filterOfDependentMapping() throws {
    let nat = box(.addressAndPortDependent, .addressAndPortDependent)
    let first = try #require(nat.outbound(from: inside(5, 4_000), to: outside(1, 10), at: now)).port
    let second = try #require(nat.outbound(from: inside(5, 4_000), to: outside(2, 10), at: now)).port
    #expect(nat.inbound(to: first, from: outside(2, 10), at: now) == nil)
    #expect(nat.inbound(to: second, from: outside(2, 10), at: now) == inside(5, 4_000))
  }

  @Test("Port preservation: the internal port while it is free, never two of one port (4.2.1)")
  func preserving() throws {
    let nat = box(.endpointIndependent, .endpointIndependent, .preserving)
    #expect(nat.outbound(from: inside(5, 4_000), to: outside(1, 10), at: now)?.port == 4_000)
    let other = try #require(nat.outbound(from: inside(6, 4_000), to: outside(1, 10), at: now))
    #expect(other.port != 4_000 && other.port >= 1_024)
    // After the mapping timer it is free again.
    let later = now + .seconds(500)
    #expect(nat.outbound(from: inside(7, 4_000), to: outside(1, 10), at: later)?.port == 4_000)
  }

  @Test("Sequential ports follow each other, also from the last to the first")
  func sequential() throws {
    let nat = box(.addressAndPortDependent, .endpointIndependent, .sequential)
    var ports: [Int] = []
    for port in UInt16(1)...200 {
      ports.append(Int(try #require(nat.outbound(from: inside(5, 9), to: outside(1, port), at: now)).port))
    }
    for (one, next) in zip(ports, ports.dropFirst()) {
      #expect(next == one + 1 || (one, next) == (65_535, 1_024))
    }
  }

  @Test("Random ports are neither preserved nor in a row")
  func randomPorts() throws {
    let nat = box(.addressAndPortDependent, .endpointIndependent, .random)
    var ports: [UInt16] = []
    for port in UInt16(1)...100 {
      ports.append(try #require(nat.outbound(from: inside(5, 9), to: outside(1, port), at: now)).port)
    }
    #expect(Set(ports).count == ports.count)
    #expect(zip(ports, ports.dropFirst()).allSatisfy { $1 != $0 &+ 1 } || Set(ports).count > 90)
    #expect(ports.allSatisfy { $0 >= 1_024 })
  }

  @Test("The mapping timer is refreshed by outbound packets only (4.3, REQ-6)")
  func timer() throws {
    let nat = box(.endpointIndependent, .endpointIndependent, timer: .seconds(30))
    let port = try #require(nat.outbound(from: inside(5, 4_000), to: outside(1, 10), at: now)).port
    #expect(nat.inbound(to: port, from: outside(1, 10), at: now + .seconds(29)) != nil)
    // What came in at 29 s has refreshed nothing.
    #expect(nat.inbound(to: port, from: outside(1, 10), at: now + .seconds(30)) == nil)
    _ = nat.outbound(from: inside(5, 4_000), to: outside(2, 10), at: now + .seconds(29))
    #expect(nat.inbound(to: port, from: outside(1, 10), at: now + .seconds(58)) != nil)
    #expect(nat.outbound(from: inside(5, 4_000), to: outside(1, 10), at: now + .seconds(58))?.port == port)
    let renewed = nat.outbound(from: inside(5, 4_000), to: outside(1, 10), at: now + .seconds(100))
    #expect(renewed?.port != port)
  }

  @Test("A filter closes by itself although the mapping lives on")
  func filterTimer() throws {
    let nat = box(.endpointIndependent, .addressAndPortDependent, timer: .seconds(30))
    let port = try #require(nat.outbound(from: inside(5, 4_000), to: outside(1, 10), at: now)).port
    _ = nat.outbound(from: inside(5, 4_000), to: outside(2, 10), at: now + .seconds(20))
    #expect(nat.inbound(to: port, from: outside(1, 10), at: now + .seconds(31)) == nil)
    #expect(nat.inbound(to: port, from: outside(2, 10), at: now + .seconds(31)) != nil)
  }

  @Test("A static mapping lets everybody in and shows its port outside, until the router starts again")
  func staticMapping() throws {
    let nat = box(.addressAndPortDependent, .addressAndPortDependent)
    let mapped = try #require(nat.addStaticMapping(for: inside(5, 4_000), at: now))
    #expect(nat.inbound(to: mapped.port, from: outside(9, 9), at: now + .seconds(999)) == inside(5, 4_000))
    #expect(nat.outbound(from: inside(5, 4_000), to: outside(9, 9), at: now) == mapped)
    nat.box.restart(externalAddress: IPAddress(ipv4: 0xC633_6402))
    #expect(nat.inbound(to: mapped.port, from: outside(9, 9), at: now) == nil)
    let after = nat.outbound(from: inside(5, 4_000), to: outside(9, 9), at: now)
    #expect(after?.address == IPAddress(ipv4: 0xC633_6402))
  }

  @Test("The text of a behaviour reads back, and nonsense does not")
  func text() {
    var random = SeededGenerator(seed: 5)
    for _ in 0..<100 {
      let behaviour = NATBehaviour.draw(&random)
      #expect(NATBehaviour(behaviour.description) == behaviour)
    }
    #expect(NATBehaviour("ei-apd-preserving-hairpin-120s")?.isHairpinning == true)
    for text in ["", "ei-apd-preserving-hairpin", "ei-apd-preserving-hairpin-0s", "x-apd-random-plain-1s"] {
      #expect(NATBehaviour(text) == nil)
    }
  }
}

@Suite("NATs in a row, in a house, and around a corner")
struct TopologyTests {
  private let now = Instant.zero + .seconds(1)
  private let server = outside(200, 3_478)

  private func nat(
    _ address: UInt32, hairpin: Bool = false, _ mapping: NATDependence = .endpointIndependent,
    _ filtering: NATDependence = .endpointIndependent
  ) -> NATBox {
    NATBox(
      NATBehaviour(mapping: mapping, filtering: filtering, isHairpinning: hairpin),
      externalAddress: IPAddress(ipv4: address), random: SeededGenerator(seed: UInt64(address)))
  }

  /// Two homes behind one carrier's NAT.
  private func carrier(hairpin: Bool) -> Holder {
    let holder = Holder()
    holder.topology.boxes = [
      .init(nat: nat(0xCB00_7101, hairpin: hairpin), inside: 1, outside: 0),
      .init(nat: nat(0x6440_0001), inside: 2, outside: 1),
      .init(nat: nat(0x6440_0002), inside: 3, outside: 1),
    ]
    holder.topology.hosts = [
      .init(ipv4: inside(5, 0).address, realm: 2), .init(ipv4: inside(6, 0).address, realm: 3),
    ]
    return holder
  }

  @Test("Two layers translate twice, and the way back passes both (CGNAT)")
  func layers() throws {
    let holder = carrier(hairpin: false)
    let up = try #require(holder.carry(from: 0, inside(5, 4_000), to: server, at: now))
    #expect(up.host == nil && up.destination == server)
    #expect(up.source.address == IPAddress(ipv4: 0xCB00_7101))
    let down = try #require(holder.carryFromOutside(server, to: up.source, at: now))
    #expect(down == Topology.Delivery(host: 0, source: server, destination: inside(5, 4_000)))
    #expect(holder.topology.boxes(of: 0) == [1, 0])
  }

  @Test("Hairpinning shows the external source (6, REQ-9); without it neighbours do not meet")
  func hairpin() throws {
    for isHairpinning in [true, false] {
      let holder = carrier(hairpin: isHairpinning)
      let own = try #require(holder.carry(from: 0, inside(5, 4_000), to: server, at: now)).source
      let other = try #require(holder.carry(from: 1, inside(6, 4_000), to: server, at: now)).source
      let met = holder.carry(from: 0, inside(5, 4_000), to: other, at: now)
      guard isHairpinning else {
        #expect(met == nil)
        continue
      }
      #expect(met == Topology.Delivery(host: 1, source: own, destination: inside(6, 4_000)))
    }
  }

  @Test("In one house the private address is enough; from another house it leads nowhere")
  func house() {
    let holder = carrier(hairpin: false)
    #expect(holder.carry(from: 0, inside(5, 4_000), to: inside(6, 1), at: now)?.host == nil)
    holder.topology.hosts[1].realm = 2
    let met = holder.carry(from: 0, inside(5, 4_000), to: inside(6, 1), at: now)
    #expect(met == Topology.Delivery(host: 1, source: inside(5, 4_000), destination: inside(6, 1)))
  }

  @Test("A stateful firewall lets nobody in before a packet left towards them (RFC 6092)")
  func firewall() throws {
    func ipv6(_ host: UInt64) -> IPEndpoint {
      IPEndpoint(address: IPAddress(ipv6: Bytes16(high: 0x2001_0DB8_0000_0000 + host, low: 1)), port: 50)
    }
    let holder = Holder()
    holder.topology.hosts = [
      .init(ipv4: nil, realm: 0, ipv6: ipv6(1).address, firewall: StatefulFirewall()),
      .init(ipv4: nil, realm: 0, ipv6: ipv6(2).address, firewall: StatefulFirewall()),
    ]
    #expect(holder.carry(from: 0, ipv6(1), to: ipv6(2), at: now) == nil)
    let answered = holder.carry(from: 1, ipv6(2), to: ipv6(1), at: now)
    #expect(answered == Topology.Delivery(host: 0, source: ipv6(2), destination: ipv6(1)))
    #expect(holder.carry(from: 0, ipv6(1), to: ipv6(2), at: now)?.host == 1)
    #expect(holder.carryFromOutside(ipv6(3), to: ipv6(1), at: now) == nil)
    #expect(holder.carryFromOutside(ipv6(2), to: ipv6(1), at: now + .seconds(121)) == nil)
  }
}
