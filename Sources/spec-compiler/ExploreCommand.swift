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
    abstract: "Visits every reachable state of each model and checks the invariants.")
  @OptionGroup var options: ProjectOptions
  @OptionGroup var boundsOptions: BoundsOptions

  func run() throws {
    let claim = try options.spec("claim")
    let decision = try options.spec("decision")
    let probing = try options.spec("probing")
    let promotion = try options.spec("promotion")
    let rate = try options.spec("rate")
    let tunnel = try options.spec("tunnel")
    let repair = try options.spec("repair")
    var isSound = true
    isSound = try show { try Search.explore(probing: probing) } && isSound
    isSound = try show { try Search.explore(promotion: promotion) } && isSound
    isSound = try show { try Search.explore(rate: rate) } && isSound
    isSound = try show { try Search.explore(tunnel: tunnel) } && isSound
    isSound = try show { try Search.explore(repair: repair) } && isSound
    let bounds = boundsOptions.bounds(default: .full)
    isSound = try show { try Search.explore(claim: claim, decision: decision, bounds: bounds) } && isSound
    if !isSound { throw ExitCode.failure }
  }

  /// Prints what an exploration found; returns whether it is as it should be.
  private func show(_ explore: () throws -> Exploration) throws -> Bool {
    let start = ContinuousClock.now
    let result = try explore()
    print(result.model)
    print("  \(result.states) states, \(result.transitions) transitions in \(ContinuousClock.now - start)")
    if let violation = result.violation {
      for line in violation.trace { print("    \(line)") }
      print("  violated: \(violation.invariant): \(violation.reason)")
      return false
    }
    for row in result.rowsNotTaken { print("  row never taken: \(row)") }
    if result.rowsNotTaken.isEmpty { print("  every invariant holds; every row was taken") }
    return result.rowsNotTaken.isEmpty
  }
}

struct Mutate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Breaks every row in every way and fails when no invariant notices.")
  @OptionGroup var options: ProjectOptions
  @OptionGroup var boundsOptions: BoundsOptions

  func run() throws {
    let claim = try options.spec("claim")
    let decision = try options.spec("decision")
    let probing = try options.spec("probing")
    let promotion = try options.spec("promotion")
    let rate = try options.spec("rate")
    let tunnel = try options.spec("tunnel")
    let repair = try options.spec("repair")
    var failures: [Diagnostic] = []
    failures += try show("probing") { try runMutations(probing: probing) }
    failures += try show("promotion") { try runMutations(promotion: promotion) }
    failures += try show("rate") { try runMutations(rate: rate) }
    failures += try show("tunnel") { try runMutations(tunnel: tunnel) }
    failures += try show("repair") { try runMutations(repair: repair) }
    let bounds = boundsOptions.bounds(default: .small)
    failures += try show("claim × decision: \(bounds)") {
      try runMutations(claim: claim, decision: decision, bounds: bounds)
    }
    try finish(failures)
  }

  /// Prints what a run found; returns what is wrong.
  private func show(_ title: String, _ mutate: () throws -> MutationReport) throws -> [Diagnostic] {
    let start = ContinuousClock.now
    let report = try mutate()
    print(title)
    print("  \(report.mutations) mutations in \(ContinuousClock.now - start)")
    for (invariant, count) in report.noticed.sorted(by: { $0.invariant < $1.invariant }) {
      print("  \(invariant) noticed \(count)")
    }
    for name in report.explained { print("  survives, explained: \(name)") }
    return report.failures
  }
}
