import ArgumentParser
import Basics
import Reactor

/// Options of every command that runs sessions.
struct LabOptions: ParsableArguments {
  @Option(help: ArgumentHelp("There and back between the sites.", valueName: "ms"))
  var roundTrip: Int64 = 20

  @Option(help: ArgumentHelp("Lost packets of 10,000 on the delay line, each way.", valueName: "count"))
  var loss = 0

  @Option(help: "The seed of losses and payload.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Where derphole and derprelay are. (default: beside lab)", valueName: "folder"))
  var programs: String?

  @Flag(help: "Print one JSON object a line.")
  var json = false

  func validate() throws {
    guard (0...2_000).contains(roundTrip) else { throw ValidationError("--round-trip: 0 to 2000") }
    guard (0...10_000).contains(loss) else { throw ValidationError("--loss: 0 to 10000") }
  }

  var link: LinkOptions {
    LinkOptions(roundTrip: .milliseconds(roundTrip), lossPer10000: loss, seed: seed)
  }

  /// The same options again, for a line that replays a run.
  var replay: String {
    "--round-trip \(roundTrip) --seed \(seed)" + (loss > 0 ? " --loss \(loss)" : "")
  }
}

/// A topology with its relays, and sessions in it.
final class Laboratory {
  let topology: Topology
  private let relays: Relays
  private let programs: Programs
  private let loop: EventLoop

  /// How long a session may take to begin and to end.
  static let patience = Interval.seconds(20)

  init(_ cell: Cell, _ options: LabOptions, _ programs: Programs, _ loop: EventLoop) throws {
    self.programs = programs
    self.loop = loop
    topology = try Topology(cell.sender, cell.receiver, options.link)
    let families = cell.families
    relays = try Relays(topology, programs, ipv4: families.ipv4, ipv6: families.ipv6)
  }

  /// A session whose first byte has arrived.
  func session(forceRelay: Bool, bytesPerSecond: Int, seed: UInt64) throws -> SessionRun {
    let run = SessionRun(
      loop, topology, relays, programs, forceRelay: forceRelay, bytesPerSecond: bytesPerSecond, seed: seed)
    try run.start()
    try run.wait(Self.patience) { run.firstByteAt != nil || run.isOver || run.listen.exitCode != nil }
    guard run.firstByteAt != nil else {
      throw LabError(
        "no byte arrived; listen: \(run.listen.state) \(run.listen.failure), "
          + "pipe: \(run.pipe.state) \(run.pipe.failure)")
    }
    return run
  }

  /// Ends the payload and waits for both processes; what is wrong with the result, or nil.
  func finish(_ run: SessionRun) throws -> String? {
    run.endPayload()
    try run.wait(Self.patience) { run.isOver }
    if run.isWhole { return nil }
    if !run.isEqual { return "wrong bytes arrived" }
    guard run.isOver else { return "the session does not end" }
    return "\(run.received) of \(run.sent) bytes arrived; exit codes \(run.listen.exitCode ?? -1) "
      + "\(run.listen.failure) and \(run.pipe.exitCode ?? -1) \(run.pipe.failure)"
  }
}
