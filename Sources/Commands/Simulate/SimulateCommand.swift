import ArgumentParser
import Simulator

/// `simulate`: runs sessions in virtual worlds made of seeds, and says what must not have happened but did.
public struct SimulateCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "simulate",
    abstract: "Run sessions over a relay in virtual worlds full of faults.",
    discussion: """
      Each seed is one world: sessions, a relay, a network and its faults, on virtual time. A seed always gives the \
      same run, in every process. The exit status is 1 when anything happened that must not, or when a row of the \
      machines' tables was never taken by a batch of 10,000 seeds or more, or one of ten by a batch of 500.
      """,
    subcommands: [RatesCommand.self])

  @Option(help: "How many seeds to run.")
  var seeds: UInt64 = 500

  @Option(help: "The first of them.")
  var firstSeed: UInt64 = 1

  @Option(help: "Run only this seed and say how it ended.")
  var seed: UInt64?

  @Option(help: "What the runs are about: \(Scenario.allCases.map(\.rawValue).joined(separator: ", ")).")
  var scenario: Scenario?

  @Option(
    name: .customLong("set"), help: "Override an option of the runs, such as loss=100; may be repeated.")
  var assignments: [String] = []

  @Flag(help: "Print the event log.")
  var verbose = false

  @Flag(help: "Print the digest of every seed's event log.")
  var digests = false

  public init() {}

  public func validate() throws {
    guard seeds > 0 else { throw ValidationError("--seeds must be at least 1") }
    _ = try options(of: firstSeed)
  }

  public func run() throws {
    let isClean = try seed.map { try runOne($0) } ?? runBatch()
    guard isClean else { throw ExitCode(1) }
  }

  private func options(of seed: UInt64) throws -> Options {
    var options = Options.draw(seed: seed, scenario: scenario)
    for assignment in assignments {
      do {
        try options.set(assignment)
      } catch {
        throw ValidationError("\(error)")
      }
    }
    return options
  }

  private func runOne(_ seed: UInt64) throws -> Bool {
    let options = try options(of: seed)
    print(SimulationReport.heading(options))
    let result = Simulation.run(options, log: verbose ? { print($0) } : nil)
    print(SimulationReport.ending(result))
    return result.violation == nil
  }

  private func runBatch() throws -> Bool {
    let clock = ContinuousClock()
    let start = clock.now
    var batch = BatchSummary()
    for index in 0..<seeds {
      let result = Simulation.run(try options(of: firstSeed &+ index), log: verbose ? { print($0) } : nil)
      batch.add(result)
      if digests { print("seed \(result.options.seed) \(result.digest)") }
      if result.violation != nil { print(SimulationReport.failure(result)) }
    }
    let elapsed = start.duration(to: clock.now)
    let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) / 1e18
    print(SimulationReport.summary(batch, seconds: seconds))
    let isWhole = scenario == nil && assignments.isEmpty
    return batch.failures == 0 && (!isWhole || batch.coverage.isEnough(seeds: Int(clamping: seeds)))
  }
}

extension Scenario: ExpressibleByArgument {}
