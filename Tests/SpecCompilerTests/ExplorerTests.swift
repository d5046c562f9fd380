import Explorer
import SpecCompiler
import Testing

@Suite struct ExplorerTests {
  /// Enough for every row and every invariant, and quick without optimisation too.
  static let bounds = Bounds(claimants: 2, messages: 1, crashes: 1, restarts: 1)

  private static func spec(_ name: String) throws -> Spec {
    try #require(try ProjectTests.here.specs().first { $0.name == name })
  }

  /// One claimant is enough for what goes wrong between two parties.
  static let pair = Bounds(claimants: 1, messages: 2, crashes: 1, restarts: 1)

  private func explore(
    _ bounds: Bounds = pair, claim: (inout Spec) -> Void = { _ in }, decision: (inout Spec) -> Void = { _ in }
  ) throws -> Exploration {
    var claimSpec = try Self.spec("claim")
    var decisionSpec = try Self.spec("decision")
    claim(&claimSpec)
    decision(&decisionSpec)
    return try Search.explore(claim: claimSpec, decision: decisionSpec, bounds: bounds)
  }

  /// The number of the row called `title`.
  private func row(_ title: String, _ spec: Spec) -> Int {
    spec.rows.firstIndex { $0.title == title } ?? -1
  }

  @Test func everyInvariantHoldsAndEveryRowIsTaken() throws {
    let result = try explore(Self.bounds)
    #expect(result.violation == nil)
    #expect(result.rowsNotTaken == [])
    #expect(result.states > 10_000)
    #expect(result.transitions > result.states)
  }

  @Test func twoExplorationsAgree() throws {
    let (first, second) = (try explore(), try explore())
    #expect(first.states == second.states)
    #expect(first.transitions == second.transitions)
  }

  @Test func aTraceIsShortAndNamesEveryStep() throws {
    let result = try explore(decision: {
      $0.rows[row("bound --proof--> confirmed", $0)].actions = ["disarmHold"]
    })
    let violation = try #require(result.violation)
    #expect(violation.invariant == "DEC-I1")
    #expect(
      violation.trace == [
        "claim[0]: idle --relayUp--> claiming [CLM-2]", "channel: delivers claim[0]",
        "decision: waiting --claim--> bound [DEC-1]", "channel: delivers acceptance[0]",
        "claim[0]: claiming --decision--> accepted [CLM-6]", "channel: delivers proof[0]",
        "decision: bound --proof--> confirmed [DEC-5]",
      ])
  }

  /// Why an accepted claimant goes on repeating its claim (CLM-7): without that, an acceptor that released it
  /// (DEC-7) never hears of it again, although the channel is healthy.
  @Test func aClaimantThatStopsRepeatingGetsStuck() throws {
    let result = try explore(claim: {
      $0.rows[row("claiming --decision [decisionAccepts]--> accepted", $0)].actions.append("disarmRetry")
      $0.timers[0].armedIn = ["claiming"]
    })
    let violation = try #require(result.violation)
    #expect(violation.invariant == "DEC-I12")
    #expect(violation.trace.contains { $0.hasPrefix("decision: bound --holdExpired--> waiting") })
  }

  /// Without its deadline (CLM-3) a claimant whose acceptor is gone never ends.
  @Test func aClaimantWithoutADeadlineGetsStuck() throws {
    let result = try explore(claim: {
      $0.rows[row("idle --relayUp--> claiming", $0)].actions = ["sendClaim", "armRetry"]
      $0.timers[1].armedIn = []
    })
    #expect(result.violation?.invariant == "CLM-I9")
  }

  /// Without its hold time (DEC-7) an acceptor stays bound to a claimant that is gone.
  @Test func anAcceptorWithoutAHoldTimeGetsStuck() throws {
    let result = try explore(decision: {
      $0.rows[row("waiting --claim [isAcceptable]--> bound", $0)].actions = ["bindClaimant", "sendDecision"]
      $0.timers[0].armedIn = []
    })
    #expect(result.violation?.invariant == "DEC-I11")
  }

  /// A decision alone does not establish a claimant: the acceptor may have released it (CLM-I5).
  @Test func aDecisionAloneEstablishesNobody() throws {
    let result = try explore(claim: {
      let index = row("claiming --decision [decisionAccepts]--> accepted", $0)
      $0.rows[index].next = "established"
      $0.rows[index].actions = ["disarmTimers", "adoptDecision"]
    })
    #expect(result.violation?.invariant == "CLM-I5")
  }

  /// A claimant whose relay is down must not go on as if it were up (CLM-I7, CLM-4).
  @Test func aClaimantNoticesThatItsRelayIsDown() throws {
    let result = try explore(claim: {
      let index = row("claiming --relayDown--> suspended", $0)
      $0.rows[index].next = "claiming"
      $0.rows[index].actions = []
    })
    #expect(result.violation?.invariant == "CLM-I7")
  }

  @Test func aRowThatIsNeverTakenIsReported() throws {
    let result = try explore(
      Self.bounds,
      decision: {
        $0.rows.insert($0.rows[row("bound --proof--> confirmed", $0)], at: $0.rows.count)
      })
    #expect(result.violation == nil)
    #expect(result.rowsNotTaken == ["decision: bound --proof--> confirmed"])
  }

  @Test func aNameWithoutAMeaningIsRefused() throws {
    #expect(throws: Diagnostic.self) {
      try explore(claim: { $0.rows[0].actions.append("sendFlowers") })
    }
    #expect(throws: Diagnostic.self) { try explore(claim: { $0.states[0].name = "asleep" }) }
  }

  @Test func boundsStayWithinWhatTheModelHolds() {
    let bounds = Bounds(claimants: 9, messages: 99, crashes: 9, restarts: -1)
    #expect(bounds == Bounds(claimants: 3, messages: 24, crashes: 3, restarts: 0))
  }
}
