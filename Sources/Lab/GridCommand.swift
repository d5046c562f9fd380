import ArgumentParser
import Basics
import Reactor

/// `lab grid`: sessions between all kinds of sites, as a table.
struct GridCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "grid", abstract: "Run a session for every pair of sites and print a table.")

  @OptionGroup var options: LabOptions

  @Option(help: ArgumentHelp("Only the pairs with such names; * stands for anything.", valueName: "pattern"))
  var cells = "*"

  @Option(help: ArgumentHelp("How often a pair is tried that needs luck.", valueName: "count"))
  var attempts = 3

  @Option(help: ArgumentHelp("How long to wait for a direct path.", valueName: "seconds"))
  var patience: Int64 = 20

  @Flag(help: "A few pairs that need no luck, with little patience.")
  var quick = false

  @Flag(help: "Do not compare with what theory says; only broken sessions count.")
  var anyPath = false

  @Flag(help: "Print the names of the pairs.")
  var list = false

  func validate() throws {
    guard attempts > 0 else { throw ValidationError("--attempts must be at least 1") }
  }

  func run() throws {
    let chosen = Cell.all.filter { $0.fits(cells) && (!quick || $0.isQuick) }
    guard !chosen.isEmpty else { throw ValidationError("no pair is called \(cells)") }
    guard !list else { return chosen.forEach { Output.line($0.name) } }
    try Isolation.run {
      let programs = try Programs(folder: options.programs)
      let loop: EventLoop
      do { loop = try EventLoop() } catch { throw LabError("\(error)") }
      if !options.json { Output.line(CellReport.heading(options)) }
      let reports = chosen.map { cell in
        let report = measure(cell, programs, loop)
        Output.line(options.json ? report.json : report.row)
        return report
      }
      let failed = reports.filter { !$0.failures(ignoringPath: anyPath).isEmpty }
      for report in failed {
        let name = report.cell.name
        for failure in report.failures(ignoringPath: anyPath) { Output.error("\(name): \(failure)") }
        Output.error("replay: lab grid --cells '\(name)' \(options.replay) --attempts \(attempts)")
      }
      if !options.json { Output.line(CellReport.summary(reports, failed: failed.count, options)) }
      if !failed.isEmpty { throw ExitCode(LabStatus.failure) }
    }
  }

  private func measure(_ cell: Cell, _ programs: Programs, _ loop: EventLoop) -> CellReport {
    var report = CellReport(cell)
    let count = cell.expectation == .likely ? attempts : 1
    for number in 0..<count {
      do {
        // New routers each time: their tables must not know an earlier session.
        let laboratory = try Laboratory(cell, options, programs, loop)
        let seed = options.seed + UInt64(number)
        report.attempts.append(try attempt(laboratory, cell, seed, &report))
      } catch {
        report.broken.append("\(error)")
      }
    }
    return report
  }

  private func attempt(
    _ laboratory: Laboratory, _ cell: Cell, _ seed: UInt64, _ report: inout CellReport
  ) throws -> CellReport.Attempt {
    let relayed = try laboratory.session(forceRelay: true, bytesPerSecond: 1 << 20, seed: seed)
    let relayedFirst = relayed.firstByteAt! - relayed.startedAt
    if let problem = try laboratory.finish(relayed) { report.broken.append("relay only: \(problem)") }

    let run = try laboratory.session(forceRelay: false, bytesPerSecond: 1 << 20, seed: seed)
    let limit = quick ? min(patience, cell.expectation == .relayed ? 3 : 8) : patience
    try run.wait(.seconds(limit)) { run.isDirect || run.isOver }
    // Some payload on the new path, so that it is not only announced.
    try run.wait(.milliseconds(500)) { run.isOver }
    let attempt = CellReport.Attempt(
      isDirect: run.isDirect, firstByte: run.firstByteAt! - run.startedAt, relayedFirstByte: relayedFirst,
      direct: run.directAt.map { $0 - run.firstByteAt! },
      reason: run.pipe.reason.isEmpty ? run.listen.reason : run.pipe.reason)
    if let problem = try laboratory.finish(run) { report.broken.append(problem) }
    return attempt
  }
}
