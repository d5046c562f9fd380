import Explorer
import SpecCompiler
import Testing

/// The model of the repair machine: that it holds, and that each invariant can fail.
@Suite struct RepairModelTests {
  private static func spec() throws -> Spec {
    try #require(try ProjectTests.here.specs().first { $0.name == "repair" })
  }

  @Test func everyInvariantHoldsAndEveryRowIsTaken() throws {
    let result = try Search.explore(repair: try Self.spec())
    #expect(result.violation == nil)
    #expect(result.rowsNotTaken == [])
  }

  @Test func everyMutationIsNoticed() throws {
    #expect(try runMutations(repair: try Self.spec()).failures.isEmpty)
  }

  static let breaches: [MutationTests.Breach] = [
    .init(
      rule: "RPR-I1", mutation: "retarget missing --repairsSent--> repairing to missing",
      invariant: "RPR-I1"),
    .init(
      rule: "RPR-I2", mutation: "remove missing --tailSilent [budgetIsSpent]--> missing",
      invariant: "RPR-I2"),
    .init(
      rule: "RPR-I3", mutation: "drop reportAbandoned from missing --gapFound [triesAreSpent]--> abandoned",
      invariant: "RPR-I3"),
    .init(
      rule: "RPR-I4", mutation: "drop sendProbe from repairing --tailSilent--> repairing",
      invariant: "RPR-I4"),
    .init(
      rule: "RPR-I5", mutation: "drop clearGaps from repairing --gapsClosed--> complete",
      invariant: "RPR-I5"),
    .init(rule: "RPR-I6", mutation: "remove complete --gapFound--> missing", invariant: "RPR-I6"),
  ]

  @Test(arguments: breaches)
  func aBrokenInvariantIsNoticed(_ breach: MutationTests.Breach) throws {
    let mutation = try #require(Mutation.all(of: try Self.spec()).first { $0.name == breach.mutation })
    let violation = try Search.explore(repair: mutation.spec).violation
    #expect(violation?.invariant == breach.invariant)
  }
}
