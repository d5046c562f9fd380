import Explorer
import SpecCompiler
import Testing

/// The models of probing and promotion: that they hold, and that each invariant can fail.
@Suite struct PathModelTests {
  private static func spec(_ name: String) throws -> Spec {
    try #require(try ProjectTests.here.specs().first { $0.name == name })
  }

  private static func explore(_ spec: Spec) throws -> Exploration {
    spec.name == "probing" ? try Search.explore(probing: spec) : try Search.explore(promotion: spec)
  }

  @Test(arguments: ["probing", "promotion"])
  func everyInvariantHoldsAndEveryRowIsTaken(_ name: String) throws {
    let spec = try Self.spec(name)
    let (first, second) = (try Self.explore(spec), try Self.explore(spec))
    #expect(first.violation == nil)
    #expect(first.rowsNotTaken == [])
    #expect(first.states > 300)
    #expect(first.transitions > 10 * first.states)
    #expect(first.states == second.states && first.transitions == second.transitions)
  }

  static let breaches: [MutationTests.Breach] = [
    .init(
      rule: "PRB-I1", mutation: "remove sounding --probeDue [isWaiting]--> sounding", invariant: "PRB-I1"),
    .init(
      rule: "PRB-I2", mutation: "empty sounding --probeDue [isWaiting]--> sounding", invariant: "PRB-I2"),
    .init(rule: "PRB-I3", mutation: "unguard sounding --answer [isFresh]--> proven", invariant: "PRB-I3"),
    .init(
      rule: "PRB-I4", mutation: "drop armRest from sounding --soundingOver--> suppressed",
      invariant: "PRB-I4"),
    .init(
      rule: "PRB-I6", mutation: "unguard unknown --candidateSeen [isAllowed]--> sounding",
      invariant: "PRB-I6"),
    .init(
      rule: "PRB-I7", mutation: "remove suppressed --peerAsked [isDirect]--> suppressed", invariant: "PRB-I7"),
    .init(
      rule: "PRB-I8", mutation: "drop sendProbe from suppressed --peerAsked--> sounding", invariant: "PRB-I8"),
    .init(
      rule: "PRB-I9", mutation: "unguard suppressed --peerAsked [isDirect]--> suppressed",
      invariant: "PRB-I9"),
    .init(rule: "PRB-I10", mutation: "remove proven --searchResumed--> sounding", invariant: "PRB-I10"),
    .init(
      rule: "PRM-I1", mutation: "drop moveToRelay from direct --pathLost--> relayed", invariant: "PRM-I1"),
    .init(
      rule: "PRM-I4", mutation: "drop disarmSilence from direct --pathLost--> relayed", invariant: "PRM-I4"),
    .init(
      rule: "PRM-I5", mutation: "drop reportRelayed from direct --pathSilent--> degraded",
      invariant: "PRM-I5"),
    .init(
      rule: "PRM-I6", mutation: "drop releasePath from degraded --confirmOver--> relayed",
      invariant: "PRM-I6"),
    .init(rule: "PRM-I7", mutation: "empty direct --pathSilent--> degraded", invariant: "PRM-I7"),
    .init(rule: "PRM-I7", mutation: "empty degraded --pathLost--> relayed", invariant: "PRM-I7"),
    .init(rule: "PRM-I8", mutation: "drop sendCheck from direct --checkDue--> direct", invariant: "PRM-I8"),
    .init(
      rule: "PRM-I9", mutation: "drop armSilence from direct --pathHeard--> direct", invariant: "PRM-I9"),
    .init(
      rule: "PRM-I10", mutation: "remove relayed --pathProven [isDeclined]--> relayed", invariant: "PRM-I10"),
    .init(rule: "PRM-I11", mutation: "empty relayed --sessionEnded--> over", invariant: "PRM-I11"),
    .init(
      rule: "PRM-I12", mutation: "empty upgrading --candidateLost--> direct", invariant: "PRM-I12"),
  ]

  @Test(arguments: breaches)
  func aBrokenInvariantIsNoticed(_ breach: MutationTests.Breach) throws {
    let spec = try Self.spec(breach.rule.hasPrefix("PRB") ? "probing" : "promotion")
    let mutation = try #require(Mutation.all(of: spec).first { $0.name == breach.mutation })
    let violation = try Self.explore(mutation.spec).violation
    #expect(violation?.invariant == breach.invariant)
    #expect(violation?.trace.isEmpty == false)
  }

  /// Without the end of a rest (PRB-6) a pair that failed once is never proven by its own doing.
  @Test func aRestWithoutAnEndIsNoticed() throws {
    var spec = try Self.spec("probing")
    let row = try #require(spec.rows.firstIndex { $0.title == "sounding --soundingOver--> suppressed" })
    spec.rows[row].actions.removeAll { $0 == "armRest" }
    spec.rows.removeAll { $0.event == "restOver" }
    let timer = try #require(spec.timers.firstIndex { $0.name == "rest" })
    spec.timers[timer].armedIn = []
    #expect(try Self.explore(spec).violation?.invariant == "PRB-I5")
  }

  /// An echo that confirms nothing moves no payload (PRM-I2), even when everything else is done by the book.
  @Test func aStaleEchoMovesNoPayload() throws {
    var spec = try Self.spec("promotion")
    let good = try #require(
      spec.rows.first { $0.title == "confirming --challengeAnswered [echoesOutstanding]--> direct" })
    let stale = try #require(
      spec.rows.firstIndex { $0.title == "confirming --challengeAnswered--> confirming" })
    spec.rows[stale].next = good.next
    spec.rows[stale].actions += good.actions
    #expect(try Self.explore(spec).violation?.invariant == "PRM-I2")
  }

  /// Without an end of the confirming time (PRM-4) a candidate that never answers keeps every other pair away.
  @Test func aConfirmationWithoutAnEndIsNoticed() throws {
    var spec = try Self.spec("promotion")
    for row in spec.rows.indices { spec.rows[row].actions.removeAll { $0 == "armConfirming" } }
    let timer = try #require(spec.timers.firstIndex { $0.name == "confirming" })
    spec.timers[timer].armedIn = []
    #expect(try Self.explore(spec).violation?.invariant == "PRM-I3")
    #expect(try Search.explore(promotion: spec, pairs: 1).violation == nil)
  }

  /// Without the silence timer (PRM-7) payload stays on a path that carries nothing.
  @Test func aSilentPathThatIsKeptIsNoticed() throws {
    var spec = try Self.spec("promotion")
    let timer = try #require(spec.timers.firstIndex { $0.name == "silence" })
    spec.timers.remove(at: timer)
    #expect(try Search.explore(promotion: spec, pairs: 1).violation?.invariant == "PRM-I7")
  }

  @Test func noMutationSurvivesUnexplained() throws {
    let probing = try runMutations(probing: try Self.spec("probing"))
    let promotion = try runMutations(promotion: try Self.spec("promotion"))
    #expect(probing.failures == [] && promotion.failures == [])
    #expect(probing.mutations > 200 && promotion.mutations > 300)
    #expect(probing.explained.count == 1 && promotion.explained.count == 1)
  }
}
