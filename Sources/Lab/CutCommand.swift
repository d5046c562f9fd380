import ArgumentParser
import Basics
import Reactor

/// `lab cut`: the direct path of a running transfer is cut by a firewall rule and healed again.
struct CutCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cut", abstract: "Cut the direct path of a running transfer, and heal it.",
    discussion: """
      Goals: bytes flow over the relay within 2 s, and directly again within 10 s of the healing.
      """)

  @OptionGroup var options: LabOptions

  @Option(help: ArgumentHelp("The pair, as `lab grid --list` names it.", valueName: "name"))
  var cell = "port-restricted-x-port-restricted"

  @Option(help: ArgumentHelp("How long the path stays cut.", valueName: "seconds"))
  var seconds: Int64 = 5

  @Option(help: ArgumentHelp("How fast payload is fed.", valueName: "MB/s"))
  var rate = 2

  private static let goals = (relay: Interval.seconds(2), direct: Interval.seconds(10))

  func validate() throws {
    guard Cell.all.contains(where: { $0.name == cell }) else { throw ValidationError("no pair \(cell)") }
    guard rate > 0, rate <= 100 else { throw ValidationError("--rate: 1 to 100") }
  }

  func run() throws {
    try Isolation.run {
      let programs = try Programs(folder: options.programs)
      let loop: EventLoop
      do { loop = try EventLoop() } catch { throw LabError("\(error)") }
      guard let cell = Cell.all.first(where: { $0.name == cell }) else { return }
      do {
        try measure(try Laboratory(cell, options, programs, loop))
      } catch let error as LabError {
        throw LabError("\(error)\nlab: replay: lab cut --cell \(cell.name) \(options.replay)")
      }
    }
  }

  private func measure(_ laboratory: Laboratory) throws {
    let run = try laboratory.session(
      forceRelay: false, bytesPerSecond: rate * 1_000_000, seed: options.seed)
    guard try run.wait(.seconds(15), until: { run.isDirect }) else {
      let problem = try laboratory.finish(run)
      throw LabError(
        "the session never was direct, so there is nothing to cut" + (problem.map { "; \($0)" } ?? ""))
    }
    try run.wait(.seconds(1)) { run.isOver }

    run.resetGap()
    let cutAt = run.now
    try laboratory.topology.cut()
    try run.wait(.seconds(seconds)) { run.isOver }
    guard run.presentGap < Self.goals.relay else { throw LabError("bytes do not flow over the relay") }
    let gap = run.longestGap
    let gapEnd = run.longestGapEndedAt - cutAt
    let sidesLeft = [run.listen, run.pipe].filter { !$0.isDirect }.count
    let noticed = ([run.listen, run.pipe].map(\.stateSince).max() ?? cutAt) - cutAt
    guard sidesLeft == 2 else { throw LabError("\(2 - sidesLeft) sides still think that they are direct") }

    let healedAt = run.now
    try laboratory.topology.heal()
    guard try run.wait(Self.goals.direct * 3, until: { run.isDirect }), let directAt = run.directAt else {
      throw LabError("not direct again after \((Self.goals.direct * 3).inMilliseconds / 1_000) s")
    }
    try run.wait(.seconds(1)) { run.isOver }
    let problem = try laboratory.finish(run)
    report(gap: gap, flowing: gapEnd, noticed: noticed, healed: directAt - healedAt, run.received)
    if let problem { throw LabError(problem) }
    // Without a pause, when the longest wait ended says nothing.
    guard gap <= Self.goals.relay else { throw LabError("bytes did not flow again within 2 s") }
    guard directAt - healedAt <= Self.goals.direct else { throw LabError("not direct again within 10 s") }
  }

  private func report(gap: Interval, flowing: Interval, noticed: Interval, healed: Interval, _ bytes: Int) {
    if options.json {
      return Output.line(
        "{\"event\":\"cut\",\"gapMicroseconds\":\(gap.inMicroseconds),"
          + "\"flowingAfterMicroseconds\":\(flowing.inMicroseconds),"
          + "\"relayedAfterMicroseconds\":\(noticed.inMicroseconds),"
          + "\"directAfterMicroseconds\":\(healed.inMicroseconds),\"bytes\":\(bytes)}")
    }
    Output.line("longest wait for bytes after the cut   \(Milliseconds.text(gap)) ms (goal 2000)")
    Output.line("it ended after the cut by              \(Milliseconds.text(flowing)) ms")
    Output.line("both sides back on the relay after     \(Milliseconds.text(noticed)) ms")
    Output.line("direct again after the healing         \(Milliseconds.text(healed)) ms (goal 10000)")
    Output.line("all \(bytes) bytes equal")
  }
}
