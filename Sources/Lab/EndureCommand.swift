import ArgumentParser
import Basics
import Reactor

/// `lab endure`: a tunnel through which connections are held while everything around it breaks, again and again.
struct EndureCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "endure", abstract: "Hold connections through a tunnel while everything around it breaks.",
    discussion: """
      Two hosts behind NATs, `derptun serve` at one and `derptun open` at the other, connections that ask and answer \
      all the time. What happens and when comes from the seed. Goals: a connection is only lost when the server's or \
      the client's own process ends or its credential is withdrawn; after everything, bytes flow again within 10 s.
      """)

  @OptionGroup var options: LabOptions

  @Option(help: "How many events.")
  var events = 60

  @Option(help: "How many connections are held.")
  var connections = 4

  @Option(help: ArgumentHelp("Only these kinds of events, separated by commas.", valueName: "kinds"))
  var only: String?

  @Flag(help: "Print what both processes say, as it comes.")
  var trace = false

  func validate() throws {
    guard (1...10_000).contains(events) else { throw ValidationError("--events: 1 to 10000") }
    guard (1...64).contains(connections) else { throw ValidationError("--connections: 1 to 64") }
    _ = try kinds()
  }

  private func kinds() throws -> [EndureEvent] {
    guard let only else { return EndureEvent.allCases }
    return try only.split(separator: ",").map { word in
      guard let kind = EndureEvent(rawValue: String(word)) else {
        throw ValidationError(
          "no event \(word): \(EndureEvent.allCases.map(\.rawValue).joined(separator: ", "))")
      }
      return kind
    }
  }

  func run() throws {
    try Isolation.run {
      let programs = try Programs(folder: options.programs)
      let loop: EventLoop
      do { loop = try EventLoop() } catch { throw LabError("\(error)") }
      guard let cell = Cell.all.first(where: { $0.name == "port-restricted-x-port-restricted" }) else {
        return
      }
      let topology = try Topology(cell.sender, cell.receiver, options.link)
      let relays = try Relays(topology, programs, ipv4: true, ipv6: false)
      let run = try EndureRun(
        loop, topology, relays, programs, seed: options.seed, connections: connections, isTraced: trace)
      do {
        try run.begin()
        let kinds = try kinds()
        for number in 1...events { try run.happen(kinds, number: number) }
      } catch let error as LabError {
        throw LabError(
          "\(error)\nlab: replay: lab endure --events \(events) \(options.replay)"
            + (only.map { " --only \($0)" } ?? ""))
      }
      report(run)
      guard run.unexpected == 0 else {
        throw LabError("\(run.unexpected) connections were lost that should not have been")
      }
      guard run.longest <= EndureRun.goal else { throw LabError("bytes did not flow again within 10 s") }
    }
  }

  private func report(_ run: EndureRun) {
    if !options.json {
      Output.line("event            times   lost   median s   longest s until bytes flow again")
    }
    for kind in EndureEvent.allCases {
      let all = run.results.filter { $0.kind == kind }
      guard !all.isEmpty else { continue }
      let times = all.map(\.recovery.inSeconds).sorted()
      let lost = all.reduce(0) { $0 + $1.lost }
      let median = times[times.count / 2]
      let longest = times[times.count - 1]
      if options.json {
        Output.line(
          "{\"event\":\"endured\",\"kind\":\"\(kind.rawValue)\",\"times\":\(all.count),\"lost\":\(lost),"
            + "\"medianSeconds\":\(median),\"longestSeconds\":\(longest)}")
      } else {
        Output.line(
          kind.rawValue.padded(15) + "\(all.count)".padded(7, right: true) + "\(lost)".padded(7, right: true)
            + Self.seconds(median).padded(11, right: true) + Self.seconds(longest).padded(12, right: true))
      }
    }
    if options.json {
      Output.line(
        "{\"event\":\"endurance\",\"answers\":\(run.answers),\"lostUnexpectedly\":\(run.unexpected),"
          + "\"longestSeconds\":\(run.longest.inSeconds)}")
    } else {
      Output.line(
        "\(run.answers) answers, all right; lost though nothing of their own ended: \(run.unexpected)")
    }
  }

  private static func seconds(_ value: Double) -> String {
    let tenths = Int((value * 100).rounded())
    return "\(tenths / 100).\(tenths % 100 < 10 ? "0" : "")\(tenths % 100)"
  }
}

/// What happens to a tunnel.
enum EndureEvent: String, CaseIterable {
  /// The server is killed and started anew.
  case server
  /// The client is killed and started anew.
  case client
  /// The client's credential is revoked; it goes on with another one.
  case revoke
  /// The relay is killed and started anew after a while.
  case relay
  /// UDP between the sites is cut for a while.
  case udp
  /// The client's site has no network for a while.
  case network
  /// The client's host gets another address.
  case address

  /// Whether connections may be lost by it.
  var endsConnections: Bool { [.server, .client, .revoke].contains(self) }
}
