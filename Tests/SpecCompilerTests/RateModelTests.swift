import Explorer
import SpecCompiler
import Testing

/// The model of the rate machine: that it holds, and that each invariant can fail.
@Suite struct RateModelTests {
  private static func spec() throws -> Spec {
    try #require(try ProjectTests.here.specs().first { $0.name == "rate" })
  }

  @Test func everyInvariantHoldsAndEveryRowIsTaken() throws {
    let result = try Search.explore(rate: try Self.spec())
    #expect(result.violation == nil)
    #expect(result.rowsNotTaken == [])
  }

  @Test func everyMutationIsNoticed() throws {
    #expect(try runMutations(rate: try Self.spec()).failures.isEmpty)
  }

  static let breaches: [MutationTests.Breach] = [
    .init(
      rule: "RTE-I1", mutation: "retarget draining --drained--> cruising to startup", invariant: "RTE-I1"),
    .init(
      rule: "RTE-I3", mutation: "unguard raising --raiseOver [isGrowing]--> raising", invariant: "RTE-I3"),
    .init(
      rule: "RTE-I4", mutation: "drop lowerCeiling from sounding --congested--> sounding",
      invariant: "RTE-I4"),
    .init(
      rule: "RTE-I5", mutation: "drop release from cruising --cruiseOver--> raising", invariant: "RTE-I5"),
    .init(
      rule: "RTE-I6", mutation: "unguard raising --raiseOver [isUseless]--> lowering", invariant: "RTE-I6"),
    .init(
      rule: "RTE-I7", mutation: "empty sounding --baseSounded--> cruising", invariant: "RTE-I7"),
    .init(
      rule: "RTE-I8", mutation: "drop beginPhase from lowering --drained--> cruising", invariant: "RTE-I8"),
    .init(rule: "RTE-I9", mutation: "remove draining --drained--> cruising", invariant: "RTE-I9"),
  ]

  @Test(arguments: breaches)
  func aBrokenInvariantIsNoticed(_ breach: MutationTests.Breach) throws {
    let mutation = try #require(Mutation.all(of: try Self.spec()).first { $0.name == breach.mutation })
    let violation = try Search.explore(rate: mutation.spec).violation
    #expect(violation?.invariant == breach.invariant)
  }

  /// RTE-I2: a machine that never finishes draining is found out.
  @Test func aDrainWithoutAnEndIsNoticed() throws {
    var spec = try Self.spec()
    spec.rows.removeAll { $0.state == "lowering" && $0.event == "drained" }
    #expect(try Search.explore(rate: spec).violation != nil)
  }
}
