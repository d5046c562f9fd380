import Explorer
import SpecCompiler
import Testing

/// The model of the tunnel machine: that it holds, and that each invariant can fail.
@Suite struct TunnelModelTests {
  private static func spec() throws -> Spec {
    try #require(try ProjectTests.here.specs().first { $0.name == "tunnel" })
  }

  @Test func everyInvariantHoldsAndEveryRowIsTaken() throws {
    let result = try Search.explore(tunnel: try Self.spec())
    #expect(result.violation == nil)
    #expect(result.rowsNotTaken == [])
  }

  @Test func everyMutationIsNoticed() throws {
    #expect(try runMutations(tunnel: try Self.spec()).failures.isEmpty)
  }

  static let breaches: [MutationTests.Breach] = [
    .init(
      rule: "TUN-I1", mutation: "drop startSession from resting --retryDue--> connecting",
      invariant: "TUN-I1"),
    .init(rule: "TUN-I2", mutation: "drop disarmWindow from silent --heard--> open", invariant: "TUN-I2"),
    .init(rule: "TUN-I4", mutation: "drop reportBack from silent --heard--> open", invariant: "TUN-I4"),
    .init(
      rule: "TUN-I5", mutation: "drop resetPause from connecting --established--> open", invariant: "TUN-I5"),
    .init(rule: "TUN-I6", mutation: "drop endSession from open --stop--> closed", invariant: "TUN-I1"),
    .init(rule: "TUN-I7", mutation: "remove resting --stop--> closed", invariant: "TUN-I7"),
  ]

  @Test(arguments: breaches)
  func aBrokenInvariantIsNoticed(_ breach: MutationTests.Breach) throws {
    let mutation = try #require(Mutation.all(of: try Self.spec()).first { $0.name == breach.mutation })
    let violation = try Search.explore(tunnel: mutation.spec).violation
    #expect(violation != nil)
  }

  /// TUN-I8: a client whose pauses never end is found out; TUN-I3: one that silence ends, too.
  @Test func aPauseWithoutAnEndIsNoticed() throws {
    var spec = try Self.spec()
    spec.rows.removeAll { $0.state == "resting" && $0.event == "retryDue" }
    #expect(try Search.explore(tunnel: spec).violation != nil)
  }
}
