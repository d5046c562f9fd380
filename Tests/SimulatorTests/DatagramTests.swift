import Basics
import Engine
import Testing
import Wire

@testable import Simulator

@Suite("Parts of the datagram network")
struct DatagramPartTests {
  private let now = Instant.zero + .seconds(1)
  private let remote = IPEndpoint(address: IPAddress(ipv4: 0xC000_0201), port: 4_242)

  @Test("A line takes its time for every packet, and its queue drops from the tail")
  func link() {
    var link = DatagramLink(delay: .milliseconds(10), bytesPerSecond: 1_000_000, queueBytes: 3_000)
    let two = [link.send(1_000, at: now), link.send(1_000, at: now)]
    #expect(two == [now + .milliseconds(11), now + .milliseconds(12)])
    #expect(link.backlog(at: now) == 2_000)
    let full = [link.send(1_000, at: now), link.send(1, at: now)]
    #expect(full == [now + .milliseconds(13), nil])
    #expect(link.dropped == 1)
    #expect(link.drains(to: 1_000, at: now) == now + .milliseconds(2))
    let later = link.send(1_000, at: now + .milliseconds(1))
    #expect(later == now + .milliseconds(14))
    // Idle again, it takes even what is larger than its queue.
    let large = link.send(9_000, at: now + .seconds(1))
    #expect(large != nil)
  }

  @Test("What a datagram is can be told from outside")
  func kinds() {
    var probe = [UInt8(0)] + Array("derphole-disco1".utf8) + [1] + [UInt8](repeating: 7, count: 48)
    #expect(DatagramKind(probe) == .probe)
    probe[16] = 2
    #expect(DatagramKind(probe) == .probeAnswer)
    #expect(DatagramKind(probe + [0]) == .other)
    #expect(DatagramKind([]) == .other)
    for (kind, isPayload) in [(UInt8(1), true), (2, true), (3, false), (9, false)] {
      let frame = [SessionFrameHeader.magic, kind, 1] + [UInt8](repeating: 0, count: 40)
      #expect(DatagramKind(frame) == .frame(lane: 1, isPayload: isPayload))
    }
  }

  @Test("Probes are counted by address within any second, guessed ones by session")
  func meter() {
    var meter = ProbeMeter()
    let early = (0..<200).compactMap {
      meter.count(to: remote, isGuess: false, at: now + .milliseconds(Int64($0) * 4))
    }
    #expect(early.isEmpty)
    var other = meter
    let tooSoon = meter.count(to: remote, isGuess: false, at: now + .milliseconds(999))
    let soonEnough = other.count(to: remote, isGuess: false, at: now + .milliseconds(1_000))
    #expect(tooSoon != nil && soonEnough == nil)
    let low = IPEndpoint(address: IPAddress(ipv4: 1), port: 1_023)
    let told = meter.count(to: low, isGuess: false, at: now)
    let guessed = meter.count(to: low, isGuess: true, at: now)
    #expect(told == nil && guessed != nil)
    var guesses = ProbeMeter()
    let within = (0..<2_048).compactMap { number in
      guesses.count(
        to: IPEndpoint(address: remote.address, port: UInt16(2_000 + number)), isGuess: true,
        at: now + .milliseconds(Int64(number) * 10))
    }
    #expect(within.isEmpty)
    let beyond = guesses.count(to: remote, isGuess: true, at: now + .seconds(60))
    #expect(beyond != nil)
  }

  @Test("Which pairs reach each other for certain, as a grid of mapping and filtering")
  func theory() {
    typealias Kind = (mapping: NATDependence, filtering: NATDependence)
    let kinds: [Kind] = [
      (.endpointIndependent, .endpointIndependent), (.endpointIndependent, .addressDependent),
      (.endpointIndependent, .addressAndPortDependent), (.addressAndPortDependent, .addressAndPortDependent),
    ]
    let grid = kinds.map { left in
      kinds.map { right in
        func chain(_ kind: Kind) -> DirectTheory.Chain {
          DirectTheory.Chain([NATBehaviour(mapping: kind.mapping, filtering: kind.filtering)])
        }
        #expect(!DirectTheory.isPossible(chain(left), chain(right), hasSTUN: false))
        return DirectTheory.isPossible(chain(left), chain(right), hasSTUN: true)
      }
    }
    #expect(
      grid == [
        [true, true, true, true], [true, true, true, true], [true, true, true, false],
        [true, true, false, false],
      ])
    let hard = NATBehaviour(mapping: .addressAndPortDependent, filtering: .addressAndPortDependent)
    #expect(DirectTheory.isPossible(.init([]), .init([hard, hard]), hasSTUN: false))
  }

  @Test("IPv6, blocked networks, shared houses and hairpins in theory")
  func wholeTheory() {
    let hard = NATBehaviour(mapping: .addressAndPortDependent, filtering: .addressAndPortDependent)
    var options = DatagramOptions()
    #expect(!DirectTheory.isPossible(options))
    options.isAvailable = true
    #expect(DirectTheory.isPossible(options))
    (options.claimant.nats, options.acceptor.nats) = ([hard], [hard])
    #expect(!DirectTheory.isPossible(options))
    options.shared = .home
    #expect(DirectTheory.isPossible(options))
    options.shared = .none
    (options.claimant.ipv6, options.acceptor.ipv6) = (.open, .firewalled)
    #expect(DirectTheory.isPossible(options))
    options.acceptor.isBlocked = true
    #expect(!DirectTheory.isPossible(options))
    options.acceptor.isBlocked = false
    options.claimant.refusal = .ipv6
    #expect(!DirectTheory.isPossible(options))
  }
}

/// Worlds whose session does nothing: datagrams are put in and looked for by hand.
@Suite("Datagrams on their way through the world")
struct DatagramWorldTests {
  private func world(_ assignments: [String]) throws -> World {
    var options = Options.draw(seed: 3, scenario: .calm)
    let network = [
      "udp=true", "gathering=0us", "batch=64", "stun-servers=2", "udp-loss=0", "udp-double=0",
      "udp-reorder=0",
      "udp-corrupt=0",
    ]
    for assignment in network + assignments { try options.set(assignment) }
    let world = World(options, log: nil)
    for party in world.parties {
      party.phase = .running
      party.session = Session(party.configuration, random: SeededGenerator(seed: 1), at: .zero)
    }
    return world
  }

  /// Lets everything happen that a datagram causes; returns what the interfaces gathered.
  private func settle(_ world: World) -> [(party: Int, source: IPEndpoint, bytes: Int)] {
    var found: [(party: Int, source: IPEndpoint, bytes: Int)] = []
    while let (at, event) = world.queue.next() {
      world.now = at
      switch event {
      case .crossing(let datagram, let host): world.cross(datagram, host: host)
      case .landing(let datagram, let party): world.land(datagram, at: world.parties[party])
      case .handover(let party):
        found += world.parties[party].network.gathered.map {
          (party, $0.datagram.source, $0.datagram.bytes.count)
        }
        world.handOver(world.parties[party])
      default: break
      }
    }
    return found
  }

  /// Sends from the host's interface; the local port is 40,000 for the acceptor and 41,000 for the claimant.
  private func send(_ world: World, from host: Int, to remote: IPEndpoint, _ bytes: [UInt8]) {
    guard let address = world.topology.hosts[host].ipv4 else { return }
    let port = 40_000 + 1_000 * UInt16(host)
    if world.parties[host].network.socketCount == 0 {
      _ = world.parties[host].network.open(.ipv4, isAvailable: true)
    }
    let datagram = Datagram(
      origin: .party(host), source: IPEndpoint(address: address, port: port), destination: remote,
      bytes: bytes)
    world.queue.add(.crossing(datagram, host: host), at: world.now)
  }

  private func local(_ world: World, _ host: Int) throws -> IPEndpoint {
    IPEndpoint(
      address: try #require(world.topology.hosts[host].ipv4), port: 40_000 + 1_000 * UInt16(host))
  }

  @Test("A STUN server of the world tells the mapped endpoint; a dead one says nothing")
  func stun() throws {
    let world = try world(["claimant-nats=ei-apd-random-plain-60s", "dead-servers=1", "stun-servers=1"])
    var random = SeededGenerator(seed: 1)
    let servers = world.stunServers.filter { $0.address.isIPv4 }
    #expect(servers.count == 2)
    for (server, answers) in zip(servers, [0, 1]) {
      send(world, from: World.claimant, to: server, STUNMessage.request(STUNTransactionID(random: &random)))
      let found = settle(world)
      #expect(
        found.count == answers && found.allSatisfy { $0.party == World.claimant && $0.source == server })
    }
    // The acceptor may now be told where the claimant is.
    let box = try #require(world.topology.boxes(of: World.claimant).first)
    let external = world.topology.boxes[box].nat.externalAddress
    #expect(world.parties[World.acceptor].network.told.contains { $0.address == external })
  }

  @Test("Black holes in one direction, and their end")
  func cut() throws {
    let world = try world(["claimant-nats=none", "acceptor-nats=none"])
    let (acceptor, claimant) = try (local(world, World.acceptor), local(world, World.claimant))
    func reach() -> [Int] {
      send(world, from: World.claimant, to: acceptor, [1])
      send(world, from: World.acceptor, to: claimant, [1])
      return settle(world).map(\.party).sorted()
    }
    #expect(reach() == [World.acceptor, World.claimant])
    world.strikeDatagrams(.cutToAcceptor)
    #expect(reach() == [World.claimant])
    world.strikeDatagrams(.cutDirect)
    #expect(reach().isEmpty)
    world.strikeDatagrams(.healDirect)
    world.strikeDatagrams(.blockClaimant)
    #expect(reach().isEmpty)
    world.strikeDatagrams(.unblockClaimant)
    #expect(reach().count == 2)
  }

  @Test("What is larger than the next hop's MTU vanishes without a word")
  func hopMTU() throws {
    let world = try world(["acceptor-nats=none", "shrunk-mtu=1000"])
    let acceptor = try local(world, World.acceptor)
    func passes(_ count: Int) -> Bool {
      send(world, from: World.claimant, to: acceptor, [UInt8](repeating: 1, count: count))
      return settle(world).contains { $0.party == World.acceptor && $0.bytes == count }
    }
    _ = world.parties[World.acceptor].network.open(.ipv4, isAvailable: true)
    #expect(passes(1_472) && !passes(1_473))
    world.strikeDatagrams(.shrinkMTU)
    #expect(passes(972) && !passes(973))
    world.strikeDatagrams(.growMTU)
    #expect(passes(1_472))
  }

  @Test("A machine that moves cannot be reached where it was")
  func moves() throws {
    let world = try world(["claimant-nats=none", "acceptor-nats=none"])
    _ = world.parties[World.acceptor].network.open(.ipv4, isAvailable: true)
    let old = try local(world, World.acceptor)
    world.strikeDatagrams(.acceptorMoves)
    let new = try local(world, World.acceptor)
    #expect(new != old)
    send(world, from: World.claimant, to: old, [1])
    #expect(settle(world).isEmpty)
    send(world, from: World.claimant, to: new, [1])
    #expect(settle(world).count == 1)
  }

  @Test("Intruders' datagrams do not count as answers of the other side; its own do")
  func answers() throws {
    let world = try world(["claimant-nats=none", "acceptor-nats=none", "udp-corrupt=1000"])
    let frame = [SessionFrameHeader.magic, 4, 1] + [UInt8](repeating: 0, count: 60)
    _ = world.parties[World.acceptor].network.open(.ipv4, isAvailable: true)
    send(world, from: World.claimant, to: try local(world, World.acceptor), frame)
    #expect(settle(world).count == 1)
    #expect(world.parties[World.acceptor].network.answered.isEmpty)
    world.now = .zero + world.options.faultsEnd
    send(world, from: World.claimant, to: try local(world, World.acceptor), frame)
    #expect(settle(world).count == 1)
    let pair = DirectPath(socket: .ipv4, remote: try local(world, World.claimant))
    #expect(world.parties[World.acceptor].network.answered == [pair])
  }

  @Test("A run that could have been direct and was not is noticed")
  func liveness() throws {
    let world = try world(["claimant-nats=none", "acceptor-nats=none"])
    for party in world.parties {
      party.network.establishedAt = .zero + .seconds(1)
      party.finishedAt = .zero + .seconds(60)
    }
    world.strikeDatagrams(.cutDirect)
    world.checkDirect()
    #expect(world.violation == nil)
    world.strikeDatagrams(.healDirect)
    // Without the relay nobody learns where the other is.
    world.checkDirect()
    #expect(world.violation == nil)
    world.startRelay()
    for party in world.parties { party.network.lastDirectAt = .zero + .seconds(50) }
    world.checkDirect()
    #expect(world.violation == nil)
    world.parties[World.claimant].network.lastDirectAt = nil
    world.checkDirect()
    #expect(world.violation?.contains("never direct") == true)
  }

  /// Sends as a session would; returns what is wrong with it.
  private func complaint(
    _ world: World, _ bytes: [UInt8], segment: Int? = nil, to remote: IPEndpoint, _ socket: SocketID = .ipv4
  ) throws -> String? {
    let claimant = world.parties[World.claimant]
    if claimant.network.socketCount == 0 { _ = claimant.network.open(.ipv4, isAvailable: true) }
    world.buffer.copyBytes(from: bytes)
    let path = DirectPath(socket: socket, remote: remote)
    let session = try #require(claimant.session)
    world.send(bytes.count, by: segment ?? bytes.count, over: path, claimant, session)
    return world.violation
  }

  private func frame(kind: UInt8, lane: UInt8 = 1) -> [UInt8] {
    [SessionFrameHeader.magic, kind, lane] + [UInt8](repeating: 0, count: 60)
  }

  @Test(
    "Payload towards an address that never answered is noticed, a challenge is not", arguments: [1, 2, 4])
  func payloadTooEarly(kind: UInt8) throws {
    let world = try world(["claimant-nats=none", "acceptor-nats=none"])
    let acceptor = try local(world, World.acceptor)
    #expect((try complaint(world, frame(kind: kind), to: acceptor) != nil) == (kind < 3))
    let answered = try self.world(["claimant-nats=none", "acceptor-nats=none"])
    let path = DirectPath(socket: .ipv4, remote: acceptor)
    answered.parties[World.claimant].network.answered = [path]
    #expect(try complaint(answered, frame(kind: kind), to: acceptor) == nil)
    #expect(answered.queue.count > 0)
  }

  @Test("A frame of payload behind others in a batch is seen, and so is the relay's lane")
  func batches() throws {
    let first = try world(["acceptor-nats=none"])
    let acceptor = try local(first, World.acceptor)
    let batch = frame(kind: 4) + frame(kind: 4) + frame(kind: 1)
    #expect(try complaint(first, batch, segment: 63, to: acceptor)?.contains("never answered") == true)
    let second = try world([])
    #expect(try complaint(second, frame(kind: 4, lane: 0), to: acceptor)?.contains("lane 0") == true)
    let third = try world([])
    #expect(try complaint(third, [UInt8](repeating: 9, count: 65), segment: 1, to: acceptor) != nil)
    let fourth = try world([])
    #expect(try complaint(fourth, [9], to: acceptor, .ipv6)?.contains("not open") == true)
  }

  @Test("A flood of probes is noticed, as is one of a guessed low port")
  func flood() throws {
    let probe = [UInt8(0)] + Array("derphole-disco1".utf8) + [1] + [UInt8](repeating: 7, count: 48)
    let victim = IPEndpoint(address: IPAddress(ipv4: 0xC000_0263), port: 9_999)
    let flooding = try world([])
    var sent = 0
    while flooding.violation == nil, sent < 300 {
      _ = try complaint(flooding, probe, to: victim)
      sent += 1
    }
    #expect(sent == ProbeMeter.perSecond + 1)
    let low = IPEndpoint(address: victim.address, port: 53)
    #expect(try complaint(try world([]), probe, to: low)?.contains("guessed port") == true)
    let told = try world([])
    told.parties[World.claimant].network.told = [low]
    #expect(try complaint(told, probe, to: low) == nil)
  }

  @Test("What is larger than the interface's MTU is refused at once and does not leave")
  func localMTU() throws {
    let world = try world(["claimant-mtu=1280", "acceptor-nats=none"])
    let acceptor = try local(world, World.acceptor)
    _ = try complaint(world, [UInt8](repeating: 9, count: 1_253), to: acceptor)
    #expect(world.queue.count == 0)
    _ = try complaint(world, [UInt8](repeating: 9, count: 1_252), to: acceptor)
    #expect(world.queue.count == 1 && world.violation == nil)
  }
}
