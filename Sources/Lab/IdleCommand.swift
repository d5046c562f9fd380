import ArgumentParser
import Basics
import Reactor

/// `lab idle`: what a session without payload sends.
struct IdleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "idle", abstract: "Count the packets of a session that carries nothing.",
    discussion: "Counted at both hosts by nftables, first on the relay alone, then with direct paths allowed."
  )

  @OptionGroup var options: LabOptions

  @Option(help: ArgumentHelp("The pair, as `lab grid --list` names it.", valueName: "name"))
  var cell = "port-restricted-x-port-restricted"

  @Option(help: ArgumentHelp("How long to count.", valueName: "seconds"))
  var seconds: Int64 = 60

  func validate() throws {
    guard Cell.all.contains(where: { $0.name == cell }) else { throw ValidationError("no pair \(cell)") }
  }

  func run() throws {
    try Isolation.run {
      let programs = try Programs(folder: options.programs)
      let loop: EventLoop
      do { loop = try EventLoop() } catch { throw LabError("\(error)") }
      guard let cell = Cell.all.first(where: { $0.name == cell }) else { return }
      if !options.json {
        Output.line("\(cell.name), \(seconds) s without payload; packets (bytes)")
        Output.line(Self.line(["path", "host", "UDP out", "UDP in", "TCP out", "TCP in"]))
      }
      for forceRelay in [true, false] {
        try count(try Laboratory(cell, options, programs, loop), forceRelay: forceRelay)
      }
    }
  }

  private func count(_ laboratory: Laboratory, forceRelay: Bool) throws {
    let run = try laboratory.session(forceRelay: forceRelay, bytesPerSecond: 0, seed: options.seed)
    // The first seconds belong to finding a path, not to idling.
    if !forceRelay { try run.wait(.seconds(15)) { run.isDirect } }
    try run.wait(.seconds(5)) { run.isOver }
    for host in laboratory.topology.hosts { try host.nft(Self.counters) }
    try run.wait(.seconds(seconds)) { run.isOver }
    for (host, name) in zip(laboratory.topology.hosts, ["sender", "receiver"]) {
      let listing = try host.nftOutput(["list", "counters"])
      let counts = ["udp-out", "udp-in", "tcp-out", "tcp-in"].map { NFTCounter($0, in: listing) }
      let path = forceRelay ? "relay only" : run.isDirect ? "direct" : "relayed"
      if options.json {
        let members = zip(["udpOut", "udpIn", "tcpOut", "tcpIn"], counts).map {
          "\"\($0)Packets\":\($1.packets),\"\($0)Bytes\":\($1.bytes)"
        }
        Output.line(
          "{\"event\":\"idle\",\"path\":\(path.asJSON),\"host\":\"\(name)\",\"seconds\":\(seconds),"
            + "\(members.joined(separator: ","))}")
      } else {
        Output.line(Self.line([path, name] + counts.map { "\($0.packets) (\($0.bytes))" }))
      }
    }
    if let problem = try laboratory.finish(run) { throw LabError(problem) }
  }

  private static func line(_ cells: [String]) -> String {
    cells.enumerated().map { $1.padded($0 < 2 ? 11 : 16, right: $0 >= 2) }.joined(separator: " ")
  }

  private static let counters = """
    table inet idle {
      counter udp-out { }
      counter udp-in { }
      counter tcp-out { }
      counter tcp-in { }
      chain output {
        type filter hook output priority filter; policy accept;
        meta l4proto udp counter name "udp-out"
        meta l4proto tcp counter name "tcp-out"
      }
      chain input {
        type filter hook input priority filter; policy accept;
        meta l4proto udp counter name "udp-in"
        meta l4proto tcp counter name "tcp-in"
      }
    }

    """
}
