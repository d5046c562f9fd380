import Basics
import Glibc
import Reactor

/// One tunnel with its surroundings, and what happens to it.
final class EndureRun {
  struct Result {
    var kind: EndureEvent
    /// Connections that were lost.
    var lost: Int
    /// From the end of the disturbance until bytes flowed on all connections.
    var recovery: Interval
  }

  /// Bytes flow again within this.
  static let goal = Interval.seconds(10)
  private static let patience = Interval.seconds(60)
  private static let servicePort: UInt16 = 7_000
  private static let tunnelPort: UInt16 = 7_001

  private let loop: EventLoop
  private let topology: Topology
  private let relays: Relays
  private let programs: Programs
  private var random: SeededGenerator
  private let revoked: String
  private var server: EndureProcess?
  private var client: EndureProcess?
  private var credentials = 0
  private var address = 2
  private var service: EchoService?
  private var probes: [EchoConnection] = []
  private let count: Int
  private let isTraced: Bool

  private(set) var results: [Result] = []
  var answers: Int { probes.reduce(0) { $0 + $1.answers } }
  var unexpected: Int { results.filter { !$0.kind.endsConnections }.reduce(0) { $0 + $1.lost } }
  var longest: Interval { results.map(\.recovery).max() ?? .zero }

  init(
    _ loop: EventLoop, _ topology: Topology, _ relays: Relays, _ programs: Programs, seed: UInt64,
    connections: Int, isTraced: Bool
  ) throws {
    self.isTraced = isTraced
    self.loop = loop
    self.topology = topology
    self.relays = relays
    self.programs = programs
    random = SeededGenerator(seed: seed)
    revoked = programs.scratch + "/revoked.txt"
    count = connections
    try Programs.write("# nobody\n", to: revoked)
  }

  // MARK: The tunnel

  private var serverFile: String { programs.scratch + "/server.dts" }
  private var clientFile: String { "\(programs.scratch)/client-\(credentials).dt" }

  private func mint() throws {
    credentials += 1
    try SystemCommand.run([
      programs.derptun, "token", "client", "--token-file", serverFile, "-o", clientFile,
    ])
  }

  func begin() throws {
    try SystemCommand.run([programs.derptun, "token", "server", "-o", serverFile])
    try mint()
    service = try EchoService(loop, topology.hosts[1], port: Self.servicePort)
    try startServer()
    try startClient()
    for number in 0..<count {
      probes.append(EchoConnection(loop, topology.hosts[0], port: Self.tunnelPort, number: number))
    }
    guard try wait(Self.patience, until: { self.allFlow(since: .zero) }) else {
      throw LabError("the tunnel does not begin: \(client?.lastLine ?? "") \(server?.lastLine ?? "")")
    }
  }

  private func startServer() throws {
    server = try EndureProcess(
      loop, topology.hosts[1],
      [
        programs.derptun, "--json", "serve", "--token-file", serverFile, "--tcp",
        "127.0.0.1:\(Self.servicePort)", "--revoked", revoked, "--derp-map", relays.mapFile,
      ], relays.environment, trace: isTraced ? "server" : nil)
  }

  private func startClient() throws {
    client = try EndureProcess(
      loop, topology.hosts[0],
      [
        programs.derptun, "--json", "open", "--token-file", clientFile, "--listen",
        "127.0.0.1:\(Self.tunnelPort)", "--derp-map", relays.mapFile,
      ], relays.environment, trace: isTraced ? "client" : nil)
  }

  // MARK: Events

  /// Lets one event happen and waits until bytes flow on all connections again.
  func happen(_ kinds: [EndureEvent], number: Int) throws {
    let kind = kinds[Int(random.next() % UInt64(kinds.count))]
    try pause(milliseconds: 300...2_000)
    if isTraced { Output.line("\(loop.now.nanoseconds / 1_000_000) event \(number): \(kind.rawValue)") }
    let lostBefore = probes.reduce(0) { $0 + $1.losses }
    try disturb(kind)
    let healedAt = loop.now
    if isTraced { Output.line("\(loop.now.nanoseconds / 1_000_000) event \(number): over") }
    guard try wait(Self.patience, until: { self.allFlow(since: healedAt) }) else {
      throw LabError(
        "event \(number), \(kind.rawValue): bytes do not flow after \(Self.patience.inSeconds) s; client: "
          + "\(client?.lastLine ?? ""); server: \(server?.lastLine ?? "")")
    }
    if let wrong = probes.first(where: { $0.isWrong }) {
      throw LabError("event \(number), \(kind.rawValue): connection \(wrong.number) got wrong bytes")
    }
    results.append(
      Result(
        kind: kind, lost: probes.reduce(0) { $0 + $1.losses } - lostBefore, recovery: loop.now - healedAt))
  }

  private func disturb(_ kind: EndureEvent) throws {
    switch kind {
    case .server:
      server?.end()
      try pause(milliseconds: 0...3_000)
      try startServer()
    case .client:
      client?.end()
      try pause(milliseconds: 0...1_000)
      try startClient()
    case .revoke:
      let id = try SystemCommand.output(of: [
        programs.derptun, "token", "inspect", "--json", "--token-file", clientFile,
      ]).jsonMember("tokenID")
      guard let id else { throw LabError("no token ID") }
      try Programs.write("\(id)\n", to: revoked)
      guard let client, try wait(.seconds(5), until: { client.hasEnded }) else {
        throw LabError("a revoked client is not put out within 5 s")
      }
      try mint()
      try startClient()
    case .relay:
      relays.kill()
      try pause(milliseconds: 0...5_000)
      try relays.restart(topology, programs)
    case .udp:
      try topology.cut()
      try pause(milliseconds: 1_000...8_000)
      try topology.heal()
    case .network:
      try topology.cutSite()
      try pause(milliseconds: 1_000...15_000)
      try topology.heal()
    case .address:
      let next = address == 2 ? 3 : 2
      try topology.hosts[0].ip([
        "addr del 192.168.10.\(address)/24 dev wan", "addr add 192.168.10.\(next)/24 dev wan",
        "route replace default via 192.168.10.1",
      ])
      address = next
    }
  }

  /// Whether each connection got an answer to a question asked since then.
  private func allFlow(since instant: Instant) -> Bool {
    probes.allSatisfy { probe in probe.lastAnswered.map { $0 > instant } ?? false }
  }

  // MARK: Time

  private func pause(milliseconds: ClosedRange<Int64>) throws {
    let length = Int64.random(in: milliseconds, using: &random)
    _ = try wait(.milliseconds(length)) { false }
  }

  private func wait(_ limit: Interval, until condition: @escaping () -> Bool) throws -> Bool {
    let end = loop.now + limit
    while !condition(), loop.now < end {
      let timer = loop.makeTimer { [unowned self] in loop.stop() }
      timer.arm(after: min(.milliseconds(10), end - loop.now))
      loop.run()
    }
    return condition()
  }
}

/// A process of the tunnel and what it says.
final class EndureProcess {
  private let pid: pid_t
  private var reader: LineReader?
  private(set) var lastLine = ""
  private(set) var hasEnded = false
  private var isWaitedFor = false

  init(
    _ loop: EventLoop, _ namespace: NetworkNamespace, _ arguments: [String], _ environment: [String],
    trace: String?
  ) throws {
    let arguments = trace == nil ? arguments : [arguments[0], "--verbose"] + arguments.dropFirst()
    let (input, output) = try Pipe.make()
    do {
      defer { close(output) }
      pid = try namespace.inside {
        try ChildProcess.spawn(arguments, environment: environment, standardError: output)
      }
    }
    reader = LineReader(loop, input) { [unowned self] line in
      if let trace, let line { Output.line("\(loop.now.nanoseconds / 1_000_000) \(trace): \(line)") }
      if let line { lastLine = line } else { hasEnded = true }
    }
  }

  deinit { end() }

  func end() {
    guard !isWaitedFor else { return }
    isWaitedFor = true
    reader?.cancel()
    ChildProcess.end(pid)
  }
}
