import Machines

/// How often each row of the complete machines' tables was taken.
public struct RowCoverage: Hashable, Sendable {
  /// By row of the claim machine.
  public internal(set) var claim = [Int](repeating: 0, count: ClaimMachine.rowCount)
  /// By row of the decision machine.
  public internal(set) var decision = [Int](repeating: 0, count: DecisionMachine.rowCount)
  /// By row of the probing machine.
  public internal(set) var probing = [Int](repeating: 0, count: ProbingMachine.rowCount)
  /// By row of the promotion machine.
  public internal(set) var promotion = [Int](repeating: 0, count: PromotionMachine.rowCount)
  /// By row of the repair machine.
  public internal(set) var repair = [Int](repeating: 0, count: RepairMachine.rowCount)

  /// Nothing taken.
  public init() {}

  mutating func count(machine: String, row: Int) {
    if machine == ClaimMachine.name { claim[row] += 1 }
    if machine == DecisionMachine.name { decision[row] += 1 }
    if machine == ProbingMachine.name { probing[row] += 1 }
    if machine == PromotionMachine.name { promotion[row] += 1 }
    if machine == RepairMachine.name { repair[row] += 1 }
  }

  /// Adds what another run took.
  public mutating func add(_ other: RowCoverage) {
    for row in claim.indices { claim[row] += other.claim[row] }
    for row in decision.indices { decision[row] += other.decision[row] }
    for row in probing.indices { probing[row] += other.probing[row] }
    for row in promotion.indices { promotion[row] += other.promotion[row] }
    for row in repair.indices { repair[row] += other.repair[row] }
  }

  /// Every row with its count, in the tables' order.
  public var rows: [(name: String, count: Int)] {
    zip(ClaimMachine.rowNames, claim).map { ("claim: \($0)", $1) }
      + zip(DecisionMachine.rowNames, decision).map { ("decision: \($0)", $1) }
      + zip(ProbingMachine.rowNames, probing).map { ("probing: \($0)", $1) }
      + zip(PromotionMachine.rowNames, promotion).map { ("promotion: \($0)", $1) }
      + zip(RepairMachine.rowNames, repair).map { ("repair: \($0)", $1) }
  }

  /// The rows that were never taken. Those of repair that need a byte lost 64 times in a row, or minutes of probes, are
  /// left to its unit tests.
  public var missing: [String] {
    rows.filter {
      $0.count == 0 && !$0.name.contains("[triesAreSpent]") && !$0.name.contains("[budgetIsSpent]")
    }
    .map(\.name)
  }

  /// Whether a batch of that many drawn seeds took as many rows as it should: all of them when it is large, nine of ten
  /// when it is not. Some rows need two rare things at once.
  public func isEnough(seeds: Int) -> Bool {
    if seeds >= 10_000 { return missing.isEmpty }
    return seeds < 500 || missing.count * 10 <= rows.count
  }
}

/// What came of a run.
public struct RunResult: Sendable {
  public let options: Options
  /// What must not happen but did; nil when all is well.
  public let violation: String?
  public let digest: EventDigest
  public let coverage: RowCoverage
  /// How each party ended, in the order acceptor, claimant, rival.
  public let outcomes: [String]
  /// Whether the payload arrived and both sides know it.
  public let isSuccess: Bool
  /// Frames that had to be sent again.
  public let retransmissions: UInt64
  /// The length of the run in virtual seconds.
  public let seconds: Double

  /// What to type to see the run again.
  public var replayCommand: String {
    let base = Options.draw(seed: options.seed)
    let forced =
      base.scenario == options.scenario ? base : Options.draw(seed: options.seed, scenario: options.scenario)
    var command = "simulate --seed \(options.seed)"
    if base.scenario != options.scenario { command += " --scenario \(options.scenario.rawValue)" }
    for (own, drawn) in zip(options.assignments, forced.assignments) where own != drawn {
      command += " --set '\(own)'"
    }
    return command + " --verbose"
  }
}
