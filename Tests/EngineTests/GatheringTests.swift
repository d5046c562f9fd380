import Basics
import Testing
import Wire

@testable import Engine

private func at(_ milliseconds: Int64) -> Instant { .zero + .milliseconds(milliseconds) }
private func endpoint(_ text: String) -> IPEndpoint { IPEndpoint(text)! }

/// A gatherer with its requests by path, and answers made by hand.
private final class Desk {
  static let one = endpoint("192.0.2.1:3478")
  static let two = endpoint("192.0.2.2:3478")
  static let three = endpoint("[2001:db8::1]:3478")
  static let local = endpoint("10.0.0.5:4242")

  var gatherer: STUNGatherer
  var random = SeededGenerator(seed: 1)
  /// What was polled, with its time in milliseconds.
  var sent: [(path: DirectPath, id: STUNTransactionID, at: Int64)] = []

  init(_ servers: [IPEndpoint] = [one, two, three], sockets: [SocketID] = [.ipv4]) {
    gatherer = STUNGatherer(servers: servers)
    for socket in sockets { gatherer.addSocket(socket, localPort: Self.local.port, at: at(0)) }
  }

  /// Polls at each deadline up to a time.
  func run(to milliseconds: Int64) throws {
    while let due = gatherer.nextDeadline, due <= at(milliseconds) {
      var isIdle = true
      while let (request, path) = gatherer.poll(at: due, random: &random) {
        isIdle = false
        let id = try request.withUnsafeBytes { try STUNMessage.parseRequest($0) }
        sent.append((path, id, (due - .zero).inMilliseconds))
      }
      try #require(!isIdle, "a deadline without a request")
    }
  }

  func answer(
    _ id: STUNTransactionID, _ mapped: IPEndpoint, from server: IPEndpoint, socket: SocketID = .ipv4,
    at now: Int64
  ) -> Bool {
    STUNMessage.response(id, from: mapped).withUnsafeBytes {
      gatherer.handle($0, socket: socket, from: server, at: at(now))
    }
  }

  /// Answers the last request to each server through a NAT.
  func answerAll(_ nat: inout FakeNAT, at now: Int64) {
    for server in gatherer.latencies.map(\.server) {
      guard let last = sent.last(where: { $0.path.remote == server }) else { continue }
      _ = answer(last.id, nat.send(from: Self.local, to: server), from: server, at: now)
    }
  }

  func times(_ server: IPEndpoint) -> [Int64] { sent.filter { $0.path.remote == server }.map(\.at) }
}

@Suite("Gathering by STUN")
struct GatheringTests {
  @Test("Each server of the family is asked at 0, 100, 300 and 700 ms, then left alone")
  func tries() throws {
    let desk = Desk(sockets: [.ipv4, .ipv6])
    try desk.run(to: 20_000)
    for server in [Desk.one, Desk.two, Desk.three] { #expect(desk.times(server) == [0, 100, 300, 700]) }
    #expect(desk.sent.allSatisfy { $0.path.socket.isIPv6 != $0.path.remote.address.isIPv4 })
    #expect(Set(desk.sent.map(\.id)).count == 12)
  }

  @Test("An answer ends the tries, to any of them, and tells the round trip")
  func answered() throws {
    let desk = Desk()
    try desk.run(to: 150)
    let first = try #require(desk.sent.first { $0.path.remote == Desk.one })
    let seen = endpoint("198.51.100.7:999")
    #expect(desk.answer(first.id, seen, from: Desk.one, at: 160))
    #expect(!desk.answer(first.id, seen, from: Desk.one, at: 161))
    try desk.run(to: 2_000)
    #expect(desk.times(Desk.one) == [0, 100])
    #expect(desk.times(Desk.two).count == 4)
    #expect(desk.gatherer.mapped == [seen])
    #expect(desk.gatherer.latencies.first?.latency == .milliseconds(160))
    #expect(desk.gatherer.latencies.last?.latency == nil)
  }

  @Test("Only the server that was asked may answer, over the same socket, with an identifier in use")
  func forged() throws {
    let desk = Desk(sockets: [.ipv4, SocketID(number: 2)])
    try desk.run(to: 0)
    let first = try #require(desk.sent.first)
    let seen = endpoint("198.51.100.7:999")
    #expect(first.path == DirectPath(socket: .ipv4, remote: Desk.one))
    #expect(!desk.answer(first.id, seen, from: Desk.two, at: 1))
    #expect(!desk.answer(first.id, seen, from: endpoint("192.0.2.1:3479"), at: 1))
    #expect(!desk.answer(first.id, seen, from: Desk.one, socket: SocketID(number: 2), at: 1))
    #expect(!desk.answer(first.id, seen, from: Desk.one, socket: SocketID(number: 77), at: 1))
    var random = SeededGenerator(seed: 9)
    #expect(!desk.answer(STUNTransactionID(random: &random), seen, from: Desk.one, at: 1))
    #expect(desk.gatherer.mapped.isEmpty)
    #expect(desk.answer(first.id, seen, from: Desk.one.inMappedForm, at: 1))
  }

  @Test(
    "An address that no peer can use is not passed on",
    arguments: ["127.0.0.1:9", "0.0.0.0:9", "224.0.0.1:9", "198.51.100.7:0", "[2001:db8::9]:9", "[::1]:9"])
  func unbelievable(text: String) throws {
    let desk = Desk()
    try desk.run(to: 0)
    _ = desk.answer(desk.sent[0].id, endpoint(text), from: Desk.one, at: 1)
    #expect(desk.gatherer.mapped.isEmpty)
    #expect(desk.gatherer.mappingBehaviour(of: .ipv4, localAddresses: []) == .unknown)
  }

  @Test("Damaged datagrams change nothing")
  func damaged() throws {
    let desk = Desk()
    try desk.run(to: 0)
    let good = STUNMessage.response(desk.sent[0].id, from: endpoint("198.51.100.7:999"))
    var random = SeededGenerator(seed: 4)
    var datagrams = (0..<good.count).map { Array(good.prefix($0)) }
    for _ in 0..<2_000 { datagrams.append(random.bytes(Int.random(in: 0...64, using: &random))) }
    for datagram in datagrams {
      let isChange = datagram.withUnsafeBytes {
        desk.gatherer.handle($0, socket: .ipv4, from: Desk.one, at: at(1))
      }
      #expect(!isChange)
    }
  }

  @Test("One server is asked again every 25 s while that is needed, another one when it falls silent")
  func refresh() throws {
    let desk = Desk()
    var nat = FakeNAT()
    try desk.run(to: 0)
    desk.answerAll(&nat, at: 20)
    try desk.run(to: 24_999)
    #expect(desk.sent.count == 2)
    try desk.run(to: 25_000)
    #expect(desk.sent.map(\.at) == [0, 0, 25_000])
    desk.answerAll(&nat, at: 25_020)
    try desk.run(to: 70_000)
    #expect(desk.times(Desk.one) == [0, 25_000, 50_000, 50_100, 50_300, 50_700])
    try desk.run(to: 75_000)
    #expect(desk.times(Desk.two) == [0, 75_000])
    #expect(desk.gatherer.mapped.count == 1)

    desk.gatherer.isNeeded = false
    desk.answerAll(&nat, at: 75_010)
    #expect(desk.gatherer.nextDeadline == nil)
    desk.gatherer.isNeeded = true
    try desk.run(to: 100_000)
    #expect(desk.times(Desk.two).last == 100_000)
  }

  @Test("A changed address makes the other servers' answers void, and they are asked again")
  func changed() throws {
    let desk = Desk()
    var nat = FakeNAT()
    try desk.run(to: 0)
    desk.answerAll(&nat, at: 20)
    try desk.run(to: 25_000)
    let seen = endpoint("198.51.100.9:1000")
    #expect(desk.answer(desk.sent[2].id, seen, from: Desk.one, at: 25_020))
    #expect(desk.gatherer.mapped == [seen])
    try desk.run(to: 25_020)
    #expect(desk.times(Desk.two) == [0, 25_020])
    #expect(desk.answer(try #require(desk.sent.last).id, seen, from: Desk.two, at: 25_040))
    #expect(desk.gatherer.mappingBehaviour(of: .ipv4, localAddresses: []) == .endpointIndependent)
  }

  @Test("A new network, a socket that goes and other servers")
  func restarts() throws {
    let desk = Desk(sockets: [.ipv6, .ipv4])
    var nat = FakeNAT()
    try desk.run(to: 0)
    desk.answerAll(&nat, at: 20)
    let old = desk.sent[0].id
    desk.gatherer.restart(at: at(1_000))
    #expect(desk.gatherer.mapped.isEmpty)
    try desk.run(to: 1_000)
    #expect(desk.times(Desk.one) == [0, 1_000])
    #expect(!desk.answer(old, endpoint("198.51.100.7:1"), from: Desk.one, at: 1_001))
    desk.answerAll(&nat, at: 1_020)
    desk.gatherer.removeSocket(.ipv6)
    let new = endpoint("192.0.2.3:3478")
    desk.gatherer.setServers([Desk.two, new], at: at(1_100))
    #expect(desk.gatherer.mapped.count == 1)
    try desk.run(to: 1_100)
    #expect(desk.sent.last?.path == DirectPath(socket: .ipv4, remote: new))
    #expect(desk.times(Desk.two) == [0, 1_000])
  }

  @Test("Servers and sockets are limited, and servers without an address to ask left out")
  func limits() throws {
    let many = (1...20).map { endpoint("192.0.2.\($0):3478") }
    let odd = [endpoint("0.0.0.0:1"), endpoint("192.0.2.1:0"), endpoint("239.0.0.1:1"), many[0]]
    let desk = Desk(odd + many, sockets: (0..<300).map { SocketID(number: $0) })
    try desk.run(to: 10_000)
    #expect(Set(desk.sent.map(\.path.remote)) == Set(many.prefix(STUNGatherer.maximumServerCount)))
    #expect(desk.sent.count == (STUNGatherer.maximumSocketCount - 1) * STUNGatherer.maximumServerCount * 4)
  }
}

@Suite("What a NAT does with addresses")
struct MappingBehaviourTests {
  private func gathered(_ servers: [IPEndpoint], _ nat: FakeNAT) throws -> STUNGatherer {
    var nat = nat
    let desk = Desk(servers)
    try desk.run(to: 0)
    desk.answerAll(&nat, at: 20)
    return desk.gatherer
  }

  private func behaviour(_ servers: [IPEndpoint], _ nat: FakeNAT, local: String = "10.0.0.5") throws
    -> MappingBehaviour
  {
    try gathered(servers, nat).mappingBehaviour(of: .ipv4, localAddresses: [IPAddress(local)!])
  }

  private let otherPort = endpoint("192.0.2.1:3479")

  @Test("Two servers at different addresses tell, one does not, nor do two ports of one address")
  func behaviours() throws {
    let two = [Desk.one, Desk.two]
    #expect(try behaviour(two, FakeNAT()) == .endpointIndependent)
    #expect(try behaviour(two, FakeNAT(mapping: .address)) == .dependent)
    #expect(try behaviour(two, FakeNAT(mapping: .addressAndPort)) == .dependent)
    #expect(try behaviour([Desk.one], FakeNAT()) == .unknown)
    #expect(try behaviour([Desk.one, otherPort], FakeNAT()) == .unknown)
    #expect(try behaviour([Desk.one, otherPort], FakeNAT(mapping: .addressAndPort)) == .dependent)
    #expect(try behaviour([], FakeNAT()) == .unknown)
  }

  @Test("Servers that see the socket's own address see no NAT; the port alone does not count")
  func none() throws {
    let nat = FakeNAT(allocation: .preserving)
    #expect(try behaviour([Desk.one], nat, local: "198.51.100.7") == .none)
    #expect(try behaviour([Desk.one, Desk.two], nat) == .endpointIndependent)
    #expect(try behaviour([Desk.one, Desk.two], FakeNAT(), local: "198.51.100.7") == .endpointIndependent)
  }

  @Test("Ports that are kept or counted up are foretold, scattered ones are not")
  func predictions() throws {
    let servers = [Desk.one, Desk.two, endpoint("192.0.2.3:3478")]
    func predicted(
      _ allocation: FakeNAT.Allocation, _ mapping: FakeNAT.Dependence = .address
    ) throws -> [UInt16] {
      try gathered(servers, FakeNAT(mapping: mapping, allocation: allocation)).predictedPorts(of: .ipv4)
    }
    #expect(try predicted(.preserving) == [4_242])
    #expect(try predicted(.sequential(1)) == (40_004...40_019).map { $0 })
    #expect(try predicted(.sequential(2)).prefix(3) == [40_008, 40_010, 40_012])
    #expect(try predicted(.sequential(-1)).prefix(2) == [39_996, 39_995])
    #expect(try predicted(.scattered).isEmpty)
    #expect(try predicted(.sequential(1), .endpoint).isEmpty)
  }

  @Test("No guess below 1024 and none beyond the last port")
  func guessLimits() throws {
    func predicted(_ ports: [UInt16]) throws -> [UInt16] {
      let desk = Desk([Desk.one, Desk.two])
      try desk.run(to: 0)
      for (sent, port) in zip(desk.sent, ports) {
        let seen = IPEndpoint(address: IPAddress("198.51.100.7")!, port: port)
        _ = desk.answer(sent.id, seen, from: sent.path.remote, at: 1)
      }
      return desk.gatherer.predictedPorts(of: .ipv4)
    }
    #expect(try predicted([65_533, 65_534]) == [65_535])
    #expect(try predicted([1_027, 1_026]) == [1_025, 1_024])
    #expect(try predicted([1_000, 1_001]).isEmpty)
    #expect(try predicted([9_000, 9_017]).isEmpty)
  }
}

extension IPEndpoint {
  /// The same with an IPv4-mapped address.
  fileprivate var inMappedForm: IPEndpoint { IPEndpoint(address: IPAddress(ipv6: address.bytes), port: port) }
}
