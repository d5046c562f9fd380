import Basics
import Crypto
import Engine
import Relaying
import Wire

/// Sessions, a relay and the network between them, on virtual time.
///
/// Nothing in it depends on anything but the options: events are ordered by time and by when they were scheduled,
/// randomness comes from generators made of the seed, and nothing iterates over a hashed collection.
final class World {
  static let acceptor = 0
  static let claimant = 1
  static let rival = 2
  /// Bytes that a session may put out at once.
  private static let pollBuffer = 262_144

  let options: Options
  let token: SessionToken
  private let identity: Ed25519Identity
  let tokenKey: ControlEnvelopeKey
  var now = Instant.zero
  var queue = EventQueue()
  var digest = EventDigest()
  var coverage = RowCoverage()
  var parties: [Party] = []
  var connections: [VirtualConnection] = []
  /// The relay; nil while it is down.
  var relay: DERPServer?
  var relayTimerAt: Instant?
  /// The relay hangs.
  var isRelayFrozen = false
  /// The connection of each of the relay's slots.
  var connectionOfSlot: [Int?] = []
  var packetFaults: PacketFaults
  /// Makes latencies, pieces and strangers.
  var random: SeededGenerator
  var relayKey: X25519PrivateKey
  /// Which faults are scheduled.
  var isScheduled: [Bool]
  /// Machine states that were reached.
  var statesReached: [String] = []
  var lastFaultAt = Instant.zero
  /// The first thing that must not happen but did.
  private(set) var violation: String?
  /// Addresses, NATs and what is cut between them.
  var topology = Topology()
  var addressesGiven: UInt32 = 0
  var directWay = DirectWay()
  /// Treats datagrams.
  var datagramRandom: SeededGenerator
  let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: World.pollBuffer, alignment: 16)
  private let log: ((String) -> Void)?

  init(_ options: Options, log: ((String) -> Void)?) {
    self.options = options
    self.log = log
    random = SeededGenerator(seed: options.seed ^ 0x6E65_7477_6F72_6B)
    datagramRandom = SeededGenerator(seed: options.seed ^ 0x6461_7461_6772_616D)
    var keys = SeededGenerator(seed: options.seed ^ 0x6B65_7973)
    let acceptorKey = X25519PrivateKey(random: &keys)
    relayKey = X25519PrivateKey(random: &keys)
    let sessionID = Bytes16(high: keys.next(), low: keys.next())
    identity = Ed25519Identity(random: &keys)
    token = SessionToken(
      sessionID: sessionID, expiresUnixSeconds: 1_900_000_000,
      bootstrapRegion: 1, derpPublic: acceptorKey.publicKey, quicPublic: identity.publicKey,
      bearerSecret: Bytes32(keys.bytes(Bytes32.count)) ?? .zero, capabilities: [.stdio, .native])
    tokenKey = ControlEnvelopeKey(bearerSecret: token.bearerSecret, sessionID: token.sessionID)
    isScheduled = Array(repeating: false, count: options.faults.count)
    packetFaults = PacketFaults(
      options, parties: 3, random: SeededGenerator(seed: options.seed ^ 0x6661_756C_7473))
    let expiresAt = Instant.zero + options.tokenLife
    parties = [
      party("acceptor", .acceptor(expiresAt: expiresAt), acceptorKey),
      party("claimant", .claimant, X25519PrivateKey(random: &keys)),
      party("rival", .claimant, X25519PrivateKey(random: &keys)),
    ]
    buildNetworks()
  }

  deinit { buffer.deallocate() }

  private func party(_ name: String, _ role: SessionConfiguration.Role, _ key: X25519PrivateKey) -> Party {
    let isClaimant = !parties.isEmpty || name != "acceptor"
    var configuration = SessionConfiguration(
      role: role, token: token, derpKey: key, flow: isClaimant == options.claimantSends ? .sends : .receives,
      relayHost: "relay.test")
    configuration.framesPerEpoch = UInt64(options.framesPerEpoch)
    configuration.largestFramePayload = options.largestFrame
    configuration.relayPatience = options.patience
    configuration.isTraced = true
    if options.streams > 0 {
      var random = SeededGenerator(seed: options.seed ^ 0x6964_656E_7469_7479)
      configuration.streams = StreamsConfiguration(
        identity: isClaimant ? Ed25519Identity(random: &random) : identity)
      configuration.streams?.carriesDatagrams = options.streamDatagrams > 0
    }
    let access = isClaimant ? options.datagrams.claimant : options.datagrams.acceptor
    configuration.isRelayOnly = access.isRelayOnly
    let index = ["acceptor": World.acceptor, "claimant": World.claimant][name] ?? World.rival
    return Party(index: index, name: name, configuration: configuration, options: options)
  }

  // MARK: Log

  /// Adds an entry to the log; the text is made only when somebody reads it.
  func note(_ kind: LogKind, _ numbers: UInt64..., text: @autoclosure () -> String) {
    switch numbers.count {
    case 0: digest.add(kind, at: now)
    case 1: digest.add(kind, numbers[0], at: now)
    case 2: digest.add(kind, numbers[0], numbers[1], at: now)
    default: digest.add(kind, numbers[0], numbers[1], numbers[2], at: now)
    }
    if let log { log("\(Self.text(of: now)) \(text())") }
  }

  private static func text(of instant: Instant) -> String {
    let microseconds = "\((instant - .zero).inMicroseconds % 1_000_000)"
    let padding = String(repeating: "0", count: 6 - microseconds.count)
    return "\((instant - .zero).inMicroseconds / 1_000_000).\(padding)\(microseconds)"
  }

  /// Something happened that must not.
  func violate(_ what: String) {
    guard violation == nil else { return }
    violation = "at \(Self.text(of: now)): \(what)"
    if let log { log("\(Self.text(of: now)) VIOLATION: \(what)") }
  }

  // MARK: Running

  /// Lets the world go on until everybody is done or something is wrong.
  func run() {
    startRelay()
    if options.hasAcceptor { queue.add(.start(party: Self.acceptor), at: now) }
    if options.hasClaimant { queue.add(.start(party: Self.claimant), at: now + options.claimantStart) }
    if options.hasRival { queue.add(.start(party: Self.rival), at: now + options.rivalStart) }
    for party in parties where !isInvited(party) { party.phase = .gone }
    for (index, fault) in options.faults.enumerated() where fault.state == nil {
      isScheduled[index] = true
      queue.add(.fault(index), at: now + fault.delay)
    }
    var watch = ProgressWatch()
    while violation == nil, parties.contains(where: \.isAwaited), let (at, event) = queue.next() {
      now = at
      if let complaint = watch.check(now, limit: limit) { return violate("\(complaint): \(standing)") }
      handle(event)
    }
    if violation == nil { checkEnd() }
  }

  private func isInvited(_ party: Party) -> Bool {
    switch party.index {
    case Self.acceptor: options.hasAcceptor
    case Self.claimant: options.hasClaimant
    default: options.hasRival
    }
  }

  private func handle(_ event: WorldEvent) {
    switch event {
    case .start(let party): start(parties[party])
    case .dialled(let party, let attempt): finishDial(parties[party], attempt)
    case .arrival(let connection, let atRelay):
      atRelay ? readAtRelay(connection) : readAtParty(connections[connection])
    case .late(let connection, let frame): put(frame, on: connection)
    case .timer(let party): timerStruck(parties[party])
    case .relayTimer: relayTimerStruck()
    case .fault(let index): strike(options.faults[index])
    case .source(let party): refillSource(parties[party])
    case .output(let party): refillOutput(parties[party])
    case .outputClosed(let party): closeOutput(parties[party])
    case .crossing(let datagram, let host): cross(datagram, host: host)
    case .landing(let datagram, let party): land(datagram, at: parties[party])
    case .handover(let party): handOver(parties[party])
    case .roomy(let party):
      parties[party].network.isWaitingForRoom = false
      pump(parties[party])
    case .stunKnown(let party): tell(parties[party], .stunServers(stunServers))
    case .mapping(let party, let exists): changeMapping(parties[party], exists: exists)
    }
  }
}
