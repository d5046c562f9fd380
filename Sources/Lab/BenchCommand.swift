import ArgumentParser
import Basics
import Glibc
import Reactor

/// `lab bench`: our programs and others, moving the same bytes over the same link in the same run.
struct BenchCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bench", abstract: "Measure transfers against iperf3, socat, magic-wormhole and others.",
    discussion: """
      Two network namespaces joined by a device pair, a relay in a third one; files in memory, pages of the \
      destination touched before. Rows take turns, so that what else happens on the machine meets all of them. A \
      run lasts from the start of its second program to the end of both, for iperf3 as long as it says. The \
      figures of a command count all that its shell starts. A file is compared with its source after each run.

      --other takes rows for other programs, one a line: NAME: FIRST => SECOND. Placeholders: {file} what is sent, \
      {out} where it goes, {null}, {host}, {port}, {relay}, {relayport}, {scratch}; {after:WORD} is what the \
      programs before printed after WORD, {token} a token that one printed. A command with {file} runs at the \
      sender, one with {out} or {null} at the receiver; relay@, sender@ or receiver@ before it say otherwise.
        croc: croc send {file} => croc --yes --out {scratch} {after:croc}
      """)

  @Option(help: ArgumentHelp("How large the file is.", valueName: "MiB"))
  var mebibytes = 1_024

  @Option(help: ArgumentHelp("How often each row runs.", valueName: "count"))
  var runs = 3

  @Option(help: ArgumentHelp("Only rows whose name holds this text.", valueName: "text"))
  var only: String?

  @Option(help: ArgumentHelp("Rows for other programs.", valueName: "lines"))
  var other = ""

  @Option(help: ArgumentHelp("Write all figures there, too.", valueName: "file"))
  var jsonFile: String?

  @Option(help: ArgumentHelp("Where derphole and derprelay are. (default: beside lab)", valueName: "folder"))
  var programs: String?

  @Option(
    help: ArgumentHelp("Without namespaces and root: on loopback, with files here.", valueName: "folder"))
  var loopback: String?

  func validate() throws {
    guard (1...16_384).contains(mebibytes) else { throw ValidationError("--mebibytes: 1 to 16384") }
    guard runs > 0 else { throw ValidationError("--runs must be at least 1") }
  }

  func run() throws {
    // The figures go to a file of the machine, not of a namespace's.
    let file = jsonFile.map { open($0, O_WRONLY | O_CREAT | O_TRUNC, 0o644) }
    if file == -1 { throw LabError.system("create \(jsonFile ?? "")") }
    if let loopback {
      do {
        try measure(.loopback(loopback), try Programs(folder: programs, scratch: loopback + "/scratch"), file)
      } catch let error as LabError {
        Output.error("\(error)")
        throw ExitCode(LabStatus.failure)
      }
    } else {
      try Isolation.run { try measure(.namespaces(), try Programs(folder: programs), file) }
    }
  }

  private func measure(_ place: BenchPlace, _ programs: Programs, _ file: Int32?) throws {
    let loop: EventLoop
    do { loop = try EventLoop() } catch { throw LabError("\(error)") }
    let rows = try chosenRows(programs)
    let laboratory = try BenchLaboratory(place, loop, programs, largeBytes: mebibytes << 20)
    let machine = BenchReport.machine()
    Output.line(
      "\(place.description); \(machine.processors) processors, Linux \(machine.kernel), load \(machine.load), "
        + "medians of \(runs) (least-most)\n")
    var results = rows.map { BenchResult(row: $0) }
    for _ in 0..<runs {
      for index in results.indices where results[index].problem == nil {
        do {
          results[index].samples.append(try laboratory.run(results[index].row))
        } catch {
          results[index].problem = "\(error)"
          Output.error("\(results[index].row.name): \(error)")
        }
      }
    }
    let startUp = try only == nil ? self.startUp(programs, loop) : nil
    let report = BenchReport(
      place: place.description, largeBytes: laboratory.sizes.large, smallBytes: laboratory.sizes.small,
      runs: runs, results: results, startUp: startUp)
    Output.line(report.text)
    if let file {
      let json = report.json + "\n"
      _ = write(file, json, json.utf8.count)
    }
    let problems = results.filter { $0.problem != nil }
    if problems.contains(where: { $0.row.group == .ours }) { throw ExitCode(LabStatus.failure) }
  }

  private func chosenRows(_ programs: Programs) throws -> [BenchRow] {
    let rows = BenchRow.baselines + (try BenchRow.others(other)) + BenchRow.ours(hasSend: hasSend(programs))
    return rows.filter { row in
      // iperf3 is what the others are compared with.
      guard only.map({ row.name.contains($0) || row.needs == "iperf3" }) ?? true else { return false }
      guard let needed = row.needs, SystemCommand.path(of: needed) == nil else { return true }
      Output.line("skipped: \(row.name): no program \(needed)")
      return false
    }
  }

  /// Whether the programs can send files.
  private func hasSend(_ programs: Programs) -> Bool {
    let help = try? SystemCommand.output(of: [programs.derphole, "send", "--help"])
    return help?.contains("derphole send") ?? false
  }

  /// Milliseconds of the smallest command.
  private func startUp(_ programs: Programs, _ loop: EventLoop) throws -> Spread? {
    Spread(
      try (0..<21).map { _ in
        let begin = loop.now
        try SystemCommand.run([programs.derphole, "version"])
        return (loop.now - begin).inSeconds * 1e3
      })
  }
}
