/// What a step of the claim machine does to the world, and which step invariants it must keep.
extension Composition {
  private typealias Event = ClaimNames.Event

  /// Hands `event` to claimant `index`.
  mutating func step(
    claimant index: Int, _ event: ClaimNames.Event, accepting: Bool = false, _ world: inout World
  ) {
    var party = world[claimant: index]
    let before = party
    let outcome = claim.outcome(
      state: party.state.rawValue, event: event.rawValue, holding: accepting ? 1 : 0)
    if isTracing {
      steps.append(
        claim.describe(
          outcome, actor: "claim[\(index)]", state: party.state.rawValue, event: event.rawValue))
    }
    let row: Int
    switch outcome {
    case .row(let taken): row = taken
    case .ignored:
      return checkStep(index, event, before, before, claims: 0, aborts: 0, armsRetry: false, world)
    case .protocolError: return fail("CLM-I8", "protocol error")
    }
    claimRowsTaken[row] = true
    var claims = 0
    var aborts = 0
    let retry = claim.timerEvents.firstIndex(of: Event.retryDue.rawValue).map { UInt8(1) << $0 } ?? 0
    var armsRetry = false
    for number in claim.actions[row] {
      let action = ClaimNames.Action.allCases[Int(number)]
      party.armed = party.armed & ~claim.disarms[Int(number)] | claim.arms[Int(number)]
      if claim.arms[Int(number)] & retry != 0 { armsRetry = true }
      switch action {
      case .armRetry, .armDeadline, .disarmRetry, .disarmTimers: break
      case .sendClaim:
        claims += 1
        party.hasClaimed = true
        send(.claim, index, &world)
      case .sendAbort:
        aborts += 1
        send(.claimantAbort, index, &world)
      case .adoptDecision:
        if party.hasAdopted || event != .decision || !accepting {
          fail("CLM-I2", "adopts what is no first accepting decision")
        }
        party.hasAdopted = true
        send(.proof, index, &world)
      case .reportRefusal: report(.refusal, when: event == .decision && !accepting, &party)
      case .reportAbort: report(.abort, when: event == .peerAbort, &party)
      case .reportDeadline: report(.deadline, when: event == .deadline, &party)
      case .reportCancelled: report(.cancelled, when: event == .cancel, &party)
      case .reportRelayLost: report(.relayLost, when: event == .relayLost, &party)
      }
    }
    party.state = ClaimNames.State.allCases[Int(claim.next[row])]
    world[claimant: index] = party
    checkStep(index, event, before, party, claims: claims, aborts: aborts, armsRetry: armsRetry, world)
  }

  private mutating func report(
    _ report: ClaimantState.Report, when isTrue: Bool, _ party: inout ClaimantState
  ) {
    if party.report != .none { fail("CLM-I3", "reports a second time: \(report)") }
    if !isTrue { fail("CLM-I3", "reports what did not happen: \(report)") }
    party.report = report
  }

  private mutating func checkStep(
    _ index: Int, _ event: ClaimNames.Event, _ before: ClaimantState, _ after: ClaimantState, claims: Int,
    aborts: Int, armsRetry: Bool, _ world: World
  ) {
    if claims != (armsRetry ? 1 : 0) {
      fail("CLM-I6", "\(claims) claims in a step that \(armsRetry ? "arms" : "does not arm") the retry timer")
    }
    if after.isLinked {
      let ownWill = (event == .cancel || event == .deadline) && !before.isFinal
      let expected = ownWill && before.hasClaimed ? 1 : 0
      if aborts != expected { fail("CLM-I4", "\(aborts) aborts instead of \(expected)") }
    }
    let ends = event == .cancel || event == .deadline || event == .relayLost || event == .peerAbort
    if ends, !after.isFinal { fail("CLM-I10", "still \(after.state) after \(event)") }
    if before.isFinal, before.bits != after.bits { fail("CLM-I8", "a final state changed") }
  }
}
