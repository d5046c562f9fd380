import Basics
import Glibc
import Reactor

/// One cell: a new topology with its bottleneck, the sessions and what else is on the link.
final class RateRun {
  private let cell: RateCell
  private let seconds: Int64
  private let loop: EventLoop
  private let topology: Topology
  private let relays: Relays
  private let sessions: [SessionRun]
  private var others: [pid_t] = []
  private var report: RateReport
  private var emptyRoundTrip = 0.0

  /// How long flows that share a link get to find their rates, before they are compared.
  private static let settling: Int64 = 3
  private static let iperfPort = 5_201

  init(
    _ cell: RateCell, seconds: Int64, queue: Interval, seed: UInt64, _ programs: Programs, _ loop: EventLoop
  ) throws {
    self.cell = cell
    self.seconds = seconds
    self.loop = loop
    report = RateReport(cell: cell)
    let topology = try Topology(Site(.none), Site(.none), LinkOptions(roundTrip: cell.roundTrip))
    let relays = try Relays(topology, programs, ipv4: true, ipv6: false)
    self.topology = topology
    self.relays = relays
    try topology.narrow(
      Bottleneck(
        bitsPerSecond: cell.bitsPerSecond, queue: queue, lossPer10000: cell.lossPer10000,
        losesBothWays: cell.losesBothWays))
    let time = cell.company == .none ? seconds : seconds + Self.settling
    let limit = cell.bitsPerSecond.map { $0 / 8 * Int(time) } ?? .max
    sessions = (0..<(cell.company == .two ? 2 : 1)).map { number in
      SessionRun(
        loop, topology, relays, programs, forceRelay: false, bytesPerSecond: SessionRun.unlimited,
        limit: limit, seed: seed + UInt64(number))
    }
  }

  deinit {
    for process in others { ChildProcess.end(process) }
  }

  /// Runs the cell.
  func run() throws -> RateReport {
    try measureEmptyLink()
    if cell.company == .cubic { try startServer() }
    for session in sessions { try session.start() }
    try wait(Laboratory.patience) { $0.sessions.allSatisfy { $0.firstByteAt != nil || $0.isOver } }
    guard sessions.allSatisfy({ $0.firstByteAt != nil }) else { throw LabError("no byte arrived") }
    if cell.company == .none { try measureAlone() } else { try measureTogether() }
    try finish()
    return report
  }

  private func measureEmptyLink() throws {
    let probe = try EchoProbe(
      loop, topology.hosts[0], to: Topology.outside(1), each: .milliseconds(20))
    try wait(.milliseconds(200) + cell.roundTrip * 3) { _ in probe.roundTrips.count >= 8 }
    emptyRoundTrip = probe.roundTrips.min() ?? cell.roundTrip.inSeconds
  }

  /// The whole payload from its first byte to its last; without a bottleneck as much as fits into the time.
  private func measureAlone() throws {
    let session = sessions[0]
    let probe = try EchoProbe(
      loop, topology.hosts[0], to: Topology.outside(1), each: .milliseconds(50))
    let before = try topology.bottleneckCounters()
    if cell.bitsPerSecond == nil {
      try wait(.seconds(seconds)) { _ in session.isOver }
      session.endPayload()
    }
    try wait(.seconds(seconds * 4 + 20)) { _ in session.isOver }
    let after = try topology.bottleneckCounters()
    let time = (session.lastArrival - (session.firstByteAt ?? .zero)).inSeconds
    guard time > 0 else { throw LabError("all bytes came at once") }
    report.goodput = Double(session.received) * 8 / time
    report.passed = Double(after.passedBytes - before.passedBytes) * 8 / time
    note(probe)
  }

  /// What each flow gets in the same time.
  private func measureTogether() throws {
    if cell.company == .cubic { try startTCP() }
    try wait(.seconds(Self.settling)) { _ in false }
    let probe = try EchoProbe(
      loop, topology.hosts[0], to: Topology.outside(1), each: .milliseconds(50))
    let before = try topology.bottleneckCounters()
    let receivedBefore = sessions.map(\.received)
    let begin = loop.now
    try wait(.seconds(seconds)) { $0.sessions.contains { $0.isOver } }
    let time = (loop.now - begin).inSeconds
    let after = try topology.bottleneckCounters()
    let received = zip(sessions, receivedBefore).map { Double($0.received - $1) }
    let total = received.reduce(0, +)
    report.goodput = total * 8 / time
    report.passed = Double(after.passedBytes - before.passedBytes) * 8 / time
    if cell.company == .two {
      report.share = received[0] / max(1, total)
    } else {
      // Both with their headers; the sessions' answers go the other way.
      let ours = Double(after.udpBytes - before.udpBytes)
      report.share = ours / max(1, ours + Double(after.tcpBytes - before.tcpBytes))
    }
    note(probe)
    for process in others { ChildProcess.end(process) }
    others = []
  }

  private func note(_ probe: EchoProbe) {
    let delays = probe.roundTrips.map { max(0, $0 - emptyRoundTrip) }.sorted()
    guard !delays.isEmpty else { return }
    report.queueDelay = (delays[delays.count / 2], delays[min(delays.count - 1, delays.count * 95 / 100)])
  }

  private func finish() throws {
    for session in sessions { session.endPayload() }
    // What is in buffers still has to pass the bottleneck.
    let buffered = cell.bitsPerSecond.map { Int64(24 << 23) / Int64($0) } ?? 0
    try wait(.seconds(20 + buffered)) { $0.sessions.allSatisfy(\.isOver) }
    for (number, session) in sessions.enumerated() where !session.isWhole {
      let name = sessions.count > 1 ? "session \(number + 1): " : ""
      report.problems.append(name + Self.problem(session))
    }
    let counters = try topology.bottleneckCounters()
    report.lost = Double(max(0, counters.lost)) / Double(max(1, counters.offered))
    report.queueDrops = counters.queueDrops
    report.overrun = counters.overrun
    // The queue's drops are of all protocols, so this is the least that is missing.
    let explained = counters.lost + counters.queueDrops + counters.arrived
    report.strayed = max(0, counters.departed - explained)
    var direct = 0.0
    var relayed = 0.0
    for session in sessions {
      report.sent += session.pipe.summary.jsonNumber("framesSent") ?? 0
      report.repeated += session.pipe.summary.jsonNumber("framesRetransmitted") ?? 0
      direct += session.pipe.summary.jsonNumber("directBytes") ?? 0
      relayed += session.pipe.summary.jsonNumber("relayBytes") ?? 0
    }
    report.direct = direct / max(1, direct + relayed)
  }

  private static func problem(_ session: SessionRun) -> String {
    if !session.isEqual { return "wrong bytes arrived" }
    let arrived = "\(session.received) of \(session.sent) bytes arrived"
    guard session.isOver else { return "\(arrived), and it does not end" }
    let codes = "\(session.listen.exitCode ?? -1) and \(session.pipe.exitCode ?? -1)"
    return "\(arrived); exit codes \(codes) \(session.listen.failure) \(session.pipe.failure)"
  }

  private func startServer() throws {
    try spawn(1, ["--server", "--port", "\(Self.iperfPort)"])
    let host = topology.hosts[1]
    try wait(.seconds(5)) { _ in TCPPort.isListening(Self.iperfPort, in: host) }
  }

  private func startTCP() throws {
    try spawn(
      0,
      [
        "--client", Topology.outside(1), "--port", "\(Self.iperfPort)", "--congestion", "cubic", "--time",
        "600",
      ])
  }

  private func spawn(_ host: Int, _ arguments: [String]) throws {
    guard let iperf = SystemCommand.path(of: "iperf3") else { throw LabError("needs the program iperf3") }
    let null = open("/dev/null", O_RDWR | O_CLOEXEC)
    defer { close(null) }
    others.append(
      try topology.hosts[host].inside {
        try ChildProcess.spawn(
          [iperf] + arguments, standardInput: null, standardOutput: null, standardError: null)
      })
  }

  /// Runs the loop until `condition` holds or the time is over. Looked at often enough; what is measured is noted
  /// when it happens.
  private func wait(_ limit: Interval, until condition: @escaping (RateRun) -> Bool) throws {
    let deadline = loop.now + limit
    while !condition(self), loop.now < deadline {
      let timer = loop.makeTimer { [loop] in loop.stop() }
      timer.arm(after: min(.milliseconds(10), deadline - loop.now))
      loop.run()
      if let failure = sessions.lazy.compactMap(\.failure).first { throw failure }
    }
  }
}
