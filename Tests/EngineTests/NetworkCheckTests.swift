import Basics
import Testing
import Wire

@testable import Engine

private func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }
private func endpoint(_ text: String) -> IPEndpoint { IPEndpoint(text)! }

/// A STUN server of the network: what it can change, and whether it answers at all.
private struct FakeServer {
  var endpoint: IPEndpoint
  var otherPort = false
  var otherAddress: IPAddress?
  var delay = Interval.milliseconds(20)
  var isDead = false
  /// Says this whatever it saw.
  var lie: IPEndpoint?
  /// Refuses what it cannot change, as RFC 5780 has it; ours answers without the change.
  var refusesChange = false
  var isIPv6: Bool { !endpoint.address.isIPv4 }
}

/// Runs a check against servers, through a NAT or none, in virtual time.
private final class FakeNetwork {
  static let local = IPAddress("10.0.0.5")!
  static let local6 = IPAddress("2001:db8:5::5")!

  var nat: FakeNAT?
  let servers: [FakeServer]
  private var random = SeededGenerator(seed: 5)
  private var arrivals: [(at: Instant, datagram: [UInt8], socket: SocketID, from: IPEndpoint)] = []
  private var connections: [(at: Instant, relay: Int)] = []
  private(set) var sentCount = 0
  private(set) var connected: [Int] = []
  private var now = at(0)

  init(_ nat: FakeNAT?, _ servers: [FakeServer]) {
    self.nat = nat
    self.servers = servers
  }

  func run(hasIPv6: Bool = false) -> (report: NetworkReport, milliseconds: Int64) {
    var ports: [(socket: SocketID, port: UInt16)] = [
      (.ipv4, 5_000), (NetworkCheck.filterSocket, 5_002), (NetworkCheck.hairpinSocket, 5_003),
    ]
    if hasIPv6 { ports.append((.ipv6, 5_001)) }
    var check = NetworkCheck(
      relays: servers.map { NetworkCheck.Relay(stun: [$0.endpoint]) },
      localAddresses: [Self.local, Self.local6], ports: ports, at: now)
    while let deadline = check.nextDeadline {
      while let action = check.poll(at: now, random: &random) { act(on: action) }
      arrivals.sort { $0.at < $1.at }
      now =
        [check.nextDeadline, deadline, arrivals.first?.at, connections.first?.at].compactMap { $0 }
        .filter { $0 > now }.min() ?? deadline
      while let first = arrivals.first, first.at <= now {
        arrivals.removeFirst()
        first.datagram.withUnsafeBytes {
          check.handle($0, socket: first.socket, from: first.from, at: now)
        }
      }
      while let first = connections.first, first.at <= now {
        connections.removeFirst()
        check.connected(relay: first.relay, at: now)
      }
    }
    return (check.report, (now - .zero).inMilliseconds)
  }

  private func act(on action: NetworkCheck.Action) {
    switch action {
    case .connect(let relay):
      connected.append(relay)
      connections.append((now + .milliseconds(30 + Int64(relay)), relay))
    case .send(let datagram, let path): send(datagram, path)
    }
  }

  private func local(_ socket: SocketID) -> IPEndpoint {
    IPEndpoint(address: socket.isIPv6 ? Self.local6 : Self.local, port: 5_000 + socket.number)
  }

  private func send(_ datagram: [UInt8], _ path: DirectPath) {
    sentCount += 1
    let source = local(path.socket)
    let seen = path.socket.isIPv6 ? source : nat?.send(from: source, to: path.remote) ?? source
    if let nat, nat.hairpins, path.remote.address == nat.address {
      if let inside = nat.receive(at: path.remote.port, from: seen) { deliver(datagram, inside, seen, .zero) }
      return
    }
    guard let server = servers.first(where: { $0.endpoint == path.remote }), !server.isDead,
      let id = try? datagram.withUnsafeBytes({ try STUNMessage.parseRequest($0) })
    else { return }
    let change = datagram.withUnsafeBytes { STUNMessage.change(of: $0) }
    var from = server.endpoint
    var answer = STUNMessage.response(id, from: server.lie ?? seen)
    let canChange = change.contains(.address) ? server.otherAddress != nil : server.otherPort
    if !change.isEmpty, !canChange, server.refusesChange {
      answer.replaceSubrange(0..<2, with: [0x01, 0x11])
    }
    if change.contains(.port), canChange { from.port += 1 }
    if change.contains(.address), let other = server.otherAddress { from.address = other }
    guard let nat, !path.socket.isIPv6 else { return deliver(answer, source, from, server.delay) }
    if let inside = nat.receive(at: seen.port, from: from) { deliver(answer, inside, from, server.delay) }
  }

  private func deliver(_ bytes: [UInt8], _ to: IPEndpoint, _ from: IPEndpoint, _ delay: Interval) {
    arrivals.append((now + delay + .milliseconds(1), bytes, SocketID(number: to.port - 5_000), from))
  }
}

private let one = FakeServer(endpoint: endpoint("192.0.2.1:3478"))
private let two = FakeServer(endpoint: endpoint("192.0.2.2:3478"), delay: .milliseconds(50))
private let ours = FakeServer(endpoint: endpoint("192.0.2.3:3478"), otherPort: true)
private let full = FakeServer(
  endpoint: endpoint("192.0.2.4:3478"), otherPort: true, otherAddress: IPAddress("192.0.2.99")!)
private let six = FakeServer(endpoint: endpoint("[2001:db8::1]:3478"))

@Suite("Check of the network")
struct NetworkCheckTests {
  private func check(_ nat: FakeNAT?, _ servers: [FakeServer]) -> NetworkReport {
    FakeNetwork(nat, servers).run().report
  }

  @Test("An easy NAT, two plain servers: addresses, mapping, distances; not what only other servers show")
  func easy() {
    let network = FakeNetwork(FakeNAT(), [two, one])
    let (report, milliseconds) = network.run()
    #expect(report.hasUDP && report.ipv4.isReachable && !report.ipv6.isReachable)
    #expect(report.ipv4.addresses.count == 1)
    #expect(report.mapping == .endpointIndependent)
    #expect(report.filtering == .unknown)
    #expect(report.hairpins == false)
    #expect(report.preservesPort == false)
    #expect(report.relays.map(\.latency) == [.milliseconds(51), .milliseconds(21)])
    #expect(report.nearest == 1)
    #expect(network.connected.isEmpty)
    #expect(milliseconds < 1_100)
    #expect(DirectOutlook(report, hasPortMapping: false).expectation == .likely)
  }

  @Test("A NAT that maps by destination", arguments: [false, true])
  func hard(hasPortMapping: Bool) {
    let report = check(FakeNAT(mapping: .addressAndPort), [one, two])
    #expect(report.mapping == .dependent)
    #expect(report.ipv4.addresses.count == 2)
    let outlook = DirectOutlook(report, hasPortMapping: hasPortMapping)
    #expect(outlook.expectation == (hasPortMapping ? .likely : .onlyWithEasyPeers))
  }

  @Test("No NAT, and IPv6")
  func open() {
    let (report, _) = FakeNetwork(nil, [one, six]).run(hasIPv6: true)
    #expect(report.mapping == .none)
    #expect(report.hairpins == nil)
    #expect(report.preservesPort == true)
    #expect(report.ipv4.addresses == [endpoint("10.0.0.5:5000")])
    #expect(report.ipv6.addresses == [endpoint("[2001:db8:5::5]:5001")])
  }

  @Test("With IPv6 alone its mapping counts")
  func onlyIPv6() {
    var dead = one
    dead.isDead = true
    let (report, _) = FakeNetwork(FakeNAT(), [dead, six]).run(hasIPv6: true)
    #expect(!report.ipv4.isReachable && report.ipv6.isReachable)
    #expect(report.mapping == .none)
  }

  @Test("What is let in, as far as the server's means show it")
  func filtering() {
    func filtering(_ kind: FakeNAT.Dependence, _ servers: [FakeServer]) -> FilteringBehaviour {
      check(FakeNAT(filtering: kind), servers).filtering
    }
    for kind in [FakeNAT.Dependence.endpoint, .address] {
      #expect(filtering(kind, [one, ours]) == .addressDependentAtMost)
    }
    #expect(filtering(.addressAndPort, [one, ours]) == .addressAndPortDependent)
    #expect(filtering(.endpoint, [one, full]) == .endpointIndependent)
    #expect(filtering(.address, [full, ours]) == .addressDependent)
    #expect(filtering(.addressAndPort, [full]) == .addressAndPortDependent)
    var refusing = one
    refusing.refusesChange = true
    for kind in [FakeNAT.Dependence.endpoint, .address, .addressAndPort] {
      #expect(filtering(kind, [one, two]) == .unknown)
      #expect(filtering(kind, [refusing]) == .unknown)
    }
    #expect(check(nil, [full]).filtering == .endpointIndependent)
  }

  @Test(
    "A NAT that hairpins, whatever it filters", arguments: [FakeNAT.Dependence.endpoint, .addressAndPort])
  func hairpin(filtering: FakeNAT.Dependence) {
    #expect(check(FakeNAT(filtering: filtering, hairpins: true), [one, two]).hairpins == true)
    #expect(check(FakeNAT(filtering: filtering), [one, two]).hairpins == false)
  }

  @Test("Kept ports, and one server that cannot tell more")
  func portPreservation() {
    let kept = check(FakeNAT(allocation: .preserving), [one])
    #expect(kept.preservesPort == true)
    #expect(kept.mapping == .unknown)
    #expect(DirectOutlook(kept, hasPortMapping: false).expectation == .likely)
    #expect(DirectOutlook(check(FakeNAT(), [one]), hasPortMapping: false).expectation == .unclear)
  }

  @Test("Without UDP the relays are measured by TCP, and the check ends in time")
  func blocked() {
    let servers = (1...70).map { FakeServer(endpoint: endpoint("192.0.2.\($0):3478"), isDead: true) }
    let network = FakeNetwork(FakeNAT(), servers)
    let (report, milliseconds) = network.run(hasIPv6: true)
    #expect(!report.hasUDP)
    #expect(report.relays.count == NetworkCheck.maximumRelayCount)
    #expect(report.relays.allSatisfy { $0.method == .tcp })
    #expect(report.nearest == 0)
    #expect(DirectOutlook(report, hasPortMapping: true).expectation == .unlikely)
    #expect(milliseconds <= 4_000)
    #expect(network.sentCount == NetworkCheck.maximumRelayCount * 4)
  }

  @Test("One relay without STUN is measured by TCP, the others are not")
  func mixed() {
    var dead = two
    dead.isDead = true
    let network = FakeNetwork(FakeNAT(), [one, dead])
    let (report, _) = network.run()
    #expect(network.connected == [1])
    #expect(report.relays.map(\.method) == [.stun, .tcp])
  }

  @Test(
    "Servers that lie can name no address that nobody can use, and end nothing",
    arguments: ["127.0.0.1:1", "0.0.0.0:0", "255.255.255.255:0", "[::1]:1", "224.1.1.1:5", "10.0.0.5:5000"])
  func lies(text: String) {
    var liar = one
    liar.lie = endpoint(text)
    let network = FakeNetwork(FakeNAT(), [liar])
    let (report, milliseconds) = network.run()
    #expect(report.ipv4.isReachable)
    #expect(report.ipv4.addresses.allSatisfy { Candidate($0) != nil })
    #expect(milliseconds <= 4_000)
    #expect(network.sentCount < 40)
  }

  @Test("Without anything to ask it ends")
  func nothing() {
    let (report, milliseconds) = FakeNetwork(FakeNAT(), []).run()
    #expect(!report.hasUDP && report.nearest == nil)
    #expect(milliseconds <= 4_000)
  }
}
