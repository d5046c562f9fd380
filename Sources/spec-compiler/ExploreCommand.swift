import ArgumentParser
import Explorer
import SpecCompiler

struct BoundsOptions: ParsableArguments {
  @Option(help: "Claimants with the same token.") var claimants: Int?
  @Option(help: "Different messages in flight at once.") var messages: Int?
  @Option(help: "How many parties may crash.") var crashes: Int?
  @Option(help: "How often the relay may go down.") var restarts: Int?

  func bounds(default bounds: Bounds) -> Bounds {
    Bounds(
      claimants: claimants ?? bounds.claimants, messages: messages ?? bounds.messages,
      crashes: crashes ?? bounds.crashes, restarts: restarts ?? bounds.restarts)
  }
}

struct Explore: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Visits every reachable state of claimants × acceptor × channel and checks the invariants.")
  @OptionGroup var options: ProjectOptions
  @OptionGroup var boundsOptions: BoundsOptions

  func run() throws {
    let bounds = boundsOptions.bounds(default: .full)
    print("bounds: \(bounds)")
    let start = ContinuousClock.now
    let result = try Search.explore(
      claim: try options.spec("claim"), decision: try options.spec("decision"), bounds: bounds)
    print("\(result.states) states, \(result.transitions) transitions in \(ContinuousClock.now - start)")
    if let violation = result.violation {
      for line in violation.trace { print("  \(line)") }
      print("violated: \(violation.invariant): \(violation.reason)")
      throw ExitCode.failure
    }
    for row in result.rowsNotTaken { print("row never taken: \(row)") }
    if !result.rowsNotTaken.isEmpty { throw ExitCode.failure }
    print("every invariant holds; every row was taken")
  }
}

struct Mutate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Breaks every row in every way and fails when no invariant notices.")
  @OptionGroup var options: ProjectOptions
  @OptionGroup var boundsOptions: BoundsOptions

  func run() throws {
    let bounds = boundsOptions.bounds(default: .small)
    print("bounds: \(bounds)")
    let start = ContinuousClock.now
    let report = try runMutations(
      claim: try options.spec("claim"), decision: try options.spec("decision"), bounds: bounds)
    print("\(report.mutations) mutations in \(ContinuousClock.now - start)")
    for (invariant, count) in report.noticed.sorted(by: { $0.invariant < $1.invariant }) {
      print("  \(invariant) noticed \(count)")
    }
    for name in report.explained { print("  survives, explained: \(name)") }
    try finish(report.failures)
  }
}
