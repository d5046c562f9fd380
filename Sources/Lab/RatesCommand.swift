import ArgumentParser
import Basics
import Reactor

/// `lab rates`: how much of a slow, lossy, long or shared link our sessions use.
struct RatesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rates", abstract: "Run transfers over slow, lossy, long and shared links.",
    discussion: """
      A link's name is \(RateCell.grammar).

      Columns: payload that arrived from its first byte to its last (flows that share a link: in the same seconds \
      after the first three), the same of the link, what left the bottleneck's queue of the link, frames sent again \
      of all frames, the same less the random loss, the time in the queue (median / 95 of 100), packets that found \
      it full, our first session's share, how much of the payload went directly.

      Goals: 0.9 of the link, 0.8 with loss up to 1 %, 0.6 up to 5 %; less than 2 % sent again beyond the loss; a \
      share of 0.4 to 0.6 of two sessions, 0.3 to 0.7 beside TCP. Missing one is an error with --strict only; \
      wrong bytes, exit codes or an end that does not come always are.
      """)

  @Option(help: ArgumentHelp("Only this link; may be repeated.", valueName: "name"))
  var cell: [String] = []

  @Option(
    help: ArgumentHelp("How long the link would need for the payload at its full rate.", valueName: "seconds")
  )
  var seconds: Int64 = 8

  @Option(help: ArgumentHelp("How long the bottleneck's queue may get.", valueName: "ms"))
  var queue: Int64 = 50

  @Option(help: "The seed of the payload.")
  var seed: UInt64 = 1

  @Option(help: ArgumentHelp("Where derphole and derprelay are. (default: beside lab)", valueName: "folder"))
  var programs: String?

  @Flag(help: "A few links for three seconds; a goal missed by far is an error.")
  var quick = false

  @Flag(help: "Missing a goal is an error.")
  var strict = false

  @Flag(help: "Print the names of all links.")
  var list = false

  @Flag(help: "Print one JSON object a line.")
  var json = false

  /// With --quick: how much may be sent again beyond the loss. On a busy machine that is the most that says anything.
  private static let mostBeyondLoss = 0.25

  func validate() throws {
    guard (1...600).contains(seconds) else { throw ValidationError("--seconds: 1 to 600") }
    guard (1...10_000).contains(queue) else { throw ValidationError("--queue: 1 to 10000") }
    do { _ = try cell.map(RateCell.init) } catch { throw ValidationError("\(error)") }
  }

  func run() throws {
    let names = cell.isEmpty ? (quick ? RateCell.quick : RateCell.all) : cell
    guard !list else { return names.forEach { Output.line($0) } }
    let cells = try names.map(RateCell.init)
    try Isolation.run {
      guard SystemCommand.path(of: "tc") != nil else { throw LabError("needs the program tc") }
      let programs = try Programs(folder: programs)
      let loop: EventLoop
      do { loop = try EventLoop() } catch { throw LabError("\(error)") }
      if !json {
        if !quick, cells.count > 1 { Output.line(try DelayCheck.ceilings()) }
        Output.line(RateReport.heading)
      }
      var failed: [String] = []
      for cell in cells {
        do {
          let run = try RateRun(
            cell, seconds: quick ? 3 : seconds, queue: .milliseconds(queue), seed: seed, programs, loop)
          let report = try run.run()
          Output.line(json ? report.json : report.row)
          if isFailure(report) { failed.append(cell.name) }
        } catch {
          Output.error("\(cell.name): \(error)")
          failed.append(cell.name)
        }
      }
      guard !failed.isEmpty else { return }
      for name in failed { Output.error("replay: lab rates --cell \(name) --seconds \(quick ? 3 : seconds)") }
      throw ExitCode(LabStatus.failure)
    }
  }

  private func isFailure(_ report: RateReport) -> Bool {
    if !report.problems.isEmpty || (strict && !report.missed.isEmpty) { return true }
    return quick && report.beyondLoss > Self.mostBeyondLoss
  }
}
