import Explorer
import SpecCompiler
import Testing

@Suite struct MutationTests {
  /// A rule, what breaks it, and the invariant that notices.
  struct Breach: Sendable, CustomTestStringConvertible {
    var rule: String
    var mutation: String
    var invariant: String
    var testDescription: String { "\(rule): \(mutation)" }
  }

  static let breaches: [Breach] = [
    Breach(rule: "CLM-2", mutation: "drop sendClaim from idle --relayUp--> claiming", invariant: "CLM-I6"),
    Breach(rule: "CLM-2", mutation: "drop armRetry from idle --relayUp--> claiming", invariant: "CLM-I6"),
    Breach(rule: "CLM-3", mutation: "drop armDeadline from idle --relayUp--> claiming", invariant: "CLM-I1"),
    Breach(
      rule: "CLM-3", mutation: "drop reportDeadline from claiming --deadline--> givenUp",
      invariant: "CLM-I3"),
    Breach(
      rule: "CLM-4", mutation: "drop disarmRetry from claiming --relayDown--> suspended",
      invariant: "CLM-I1"),
    Breach(
      rule: "CLM-6", mutation: "drop adoptDecision from claiming --decision [decisionAccepts]--> accepted",
      invariant: "CLM-I2"),
    Breach(
      rule: "CLM-7", mutation: "drop sendClaim from accepted --retryDue--> accepted", invariant: "CLM-I6"),
    Breach(
      rule: "CLM-8", mutation: "drop reportRefusal from claiming --decision--> refused",
      invariant: "CLM-I3"),
    Breach(rule: "CLM-9", mutation: "remove accepted --peerAbort--> refused", invariant: "CLM-I8"),
    Breach(
      rule: "CLM-10", mutation: "drop sendAbort from claiming --cancel--> givenUp", invariant: "CLM-I4"),
    Breach(rule: "CLM-10", mutation: "empty suspended --cancel--> givenUp", invariant: "CLM-I10"),
    Breach(rule: "CLM-11", mutation: "remove suspended --relayLost--> givenUp", invariant: "CLM-I8"),
    Breach(
      rule: "DEC-1", mutation: "drop bindClaimant from waiting --claim [isAcceptable]--> bound",
      invariant: "DEC-I5"),
    Breach(
      rule: "DEC-2", mutation: "unguard waiting --claim [isAcceptable]--> bound", invariant: "DEC-I3"),
    Breach(
      rule: "DEC-3", mutation: "drop sendDecision from bound --claim [isRepeat]--> bound",
      invariant: "DEC-I4"),
    Breach(rule: "DEC-4", mutation: "unguard bound --claim [isRepeat]--> bound", invariant: "DEC-I5"),
    Breach(
      rule: "DEC-5", mutation: "drop adoptClaimant from bound --proof--> confirmed", invariant: "DEC-I1"),
    Breach(
      rule: "DEC-6", mutation: "remove confirmed --claim [isRepeat]--> confirmed", invariant: "DEC-I5"),
    Breach(
      rule: "DEC-7", mutation: "drop releaseClaimant from bound --holdExpired--> waiting",
      invariant: "DEC-I3"),
    Breach(
      rule: "DEC-8", mutation: "drop disarmHold from bound --peerAbort--> waiting", invariant: "DEC-I2"),
    Breach(
      rule: "DEC-9", mutation: "drop sendForeignAbort from bound --foreignClaim--> bound",
      invariant: "DEC-I6"),
    Breach(
      rule: "DEC-10", mutation: "remove bound --peerAbort [tokenIsExpired]--> closed", invariant: "DEC-I9"),
    Breach(
      rule: "DEC-11", mutation: "drop sendAbort from confirmed --cancel--> closed", invariant: "DEC-I8"),
    Breach(rule: "DEC-12", mutation: "empty waiting --relayLost--> closed", invariant: "DEC-I13"),
    Breach(rule: "DEC-12", mutation: "remove bound --relayLost--> closed", invariant: "DEC-I10"),
    Breach(
      rule: "DEC-13", mutation: "retarget confirmed --sessionEnded--> closed to confirmed",
      invariant: "DEC-I7"),
  ]

  private static func specs() throws -> (claim: Spec, decision: Spec) {
    let specs = try ProjectTests.here.specs()
    return (
      try #require(specs.first { $0.name == "claim" }), try #require(specs.first { $0.name == "decision" })
    )
  }

  @Test(arguments: breaches)
  func aBrokenRuleIsNoticed(_ breach: Breach) throws {
    let (claim, decision) = try Self.specs()
    let isClaim = breach.rule.hasPrefix(claim.prefix)
    let mutation = try #require(
      Mutation.all(of: isClaim ? claim : decision).first { $0.name == breach.mutation })
    let result = try Search.explore(
      claim: isClaim ? mutation.spec : claim, decision: isClaim ? decision : mutation.spec,
      bounds: ExplorerTests.bounds)
    #expect(result.violation?.invariant == breach.invariant)
    #expect(result.violation?.trace.isEmpty == false)
  }

  @Test func everyRowIsMutatedInEveryWay() throws {
    let spec = try SpecParser.parse(Fixture.text, file: "door.md")
    let names = Mutation.all(of: spec).map(\.name)
    #expect(names.count == 5 + 5 + 5 * 2 + 1 + 3)
    #expect(
      names.prefix(5) == [
        "remove shut --push [isLocked]--> shut", "empty shut --push [isLocked]--> shut",
        "retarget shut --push [isLocked]--> shut to open",
        "retarget shut --push [isLocked]--> shut to burnt", "unguard shut --push [isLocked]--> shut",
      ])
  }

  @Test func noMutationSurvivesUnexplained() throws {
    let (claim, decision) = try Self.specs()
    let bounds = Bounds(claimants: 2, messages: 1, crashes: 0, restarts: 1)
    let report = try runMutations(claim: claim, decision: decision, bounds: bounds)
    #expect(report.failures == [])
    #expect(report.mutations > 300)
    #expect(report.noticed.reduce(0) { $0 + $1.count } + report.explained.count == report.mutations)
  }

  @Test func survivorsMustBeExplainedAndExplanationsTrue() throws {
    var (claim, decision) = try Self.specs()
    func run() throws -> MutationReport {
      let bounds = Bounds(claimants: 1, messages: 1, crashes: 0, restarts: 1)
      return try runMutations(claim: claim, decision: decision, bounds: bounds) {
        $0.contains("suspended --deadline--> givenUp")
      }
    }
    let index = try #require(claim.rows.firstIndex { $0.title == "suspended --deadline--> givenUp" })
    claim.rows[index].actions.insert("disarmTimers", at: 0)
    let mutation = "drop disarmTimers from suspended --deadline--> givenUp"
    #expect(try run().failures.map(\.message) == ["nothing notices the mutation: \(mutation)"])
    claim.survivors = [Spec.Survivor(mutation: mutation, reason: "The timer has just fired", line: 7)]
    let explained = try run()
    #expect(explained.failures == [])
    #expect(explained.explained == ["claim: \(mutation)"])
    claim.rows[index].actions = ["reportDeadline"]
    let untrue = try run()
    #expect(untrue.failures.map(\.description) == ["\(claim.file):7: error: no such survivor: \(mutation)"])
  }
}
