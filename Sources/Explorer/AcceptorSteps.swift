/// What a step of the decision machine does to the world, and which step invariants it must keep.
extension Composition {
  /// What the actions of one step sent.
  private struct Sent {
    var answers = 0
    var foreignAborts = 0
    var aborts = 0
  }

  /// Hands `event` to the acceptor; `claimant` is the sender's number from 1, 0 when there is none.
  mutating func step(acceptor event: DecisionNames.Event, claimant: Int = 0, _ world: inout World) {
    var party = world.acceptor
    let before = party
    let acceptable = claimant > 0 && world[claimant: claimant - 1].isAcceptable && !party.tokenIsExpired
    var holding: UInt8 = 0
    if claimant > 0, party.bound == claimant { holding |= 1 << DecisionNames.Guard.isRepeat.rawValue }
    if acceptable { holding |= 1 << DecisionNames.Guard.isAcceptable.rawValue }
    if party.tokenIsExpired { holding |= 1 << DecisionNames.Guard.tokenIsExpired.rawValue }
    let outcome = decision.outcome(state: party.state.rawValue, event: event.rawValue, holding: holding)
    if isTracing {
      steps.append(
        decision.describe(
          outcome, actor: "decision", state: party.state.rawValue, event: event.rawValue))
    }
    var sent = Sent()
    switch outcome {
    case .ignored: break
    case .protocolError: return fail("DEC-I10", "protocol error")
    case .row(let row):
      decisionRowsTaken[row] = true
      for number in decision.actions[row] {
        party.armed = party.armed & ~decision.disarms[Int(number)] | decision.arms[Int(number)]
        perform(
          DecisionNames.Action.allCases[Int(number)], event, claimant, acceptable, &party, &sent, &world)
      }
      party.state = DecisionNames.State.allCases[Int(decision.next[row])]
      world.acceptor = party
    }
    checkStep(event, claimant, before, party, sent)
  }

  private mutating func perform(
    _ action: DecisionNames.Action, _ event: DecisionNames.Event, _ claimant: Int, _ acceptable: Bool,
    _ party: inout AcceptorState, _ sent: inout Sent, _ world: inout World
  ) {
    switch action {
    case .armHold, .disarmHold: break
    case .bindClaimant:
      if event != .claim || !acceptable || party.bound != 0 { fail("DEC-I3", "binds without cause") }
      party.bound = claimant
    case .sendDecision:
      sent.answers += 1
      if event != .claim || party.bound != claimant {
        fail("DEC-I5", "accepts a claimant that is not bound")
      } else {
        send(.acceptance, claimant - 1, &world)
      }
    case .sendRefusal:
      sent.answers += 1
      if event != .claim || acceptable {
        fail("DEC-I5", "refuses an acceptable claim")
      } else {
        send(.refusal, claimant - 1, &world)
      }
    case .sendClaimedRefusal:
      sent.answers += 1
      if event != .claim || party.state != .confirmed || party.adopted == claimant {
        fail("DEC-I5", "refuses as claimed while no other is confirmed")
      } else {
        send(.claimedRefusal, claimant - 1, &world)
      }
    case .sendForeignAbort: sent.foreignAborts += 1
    case .sendAbort:
      sent.aborts += 1
      if party.bound == 0 {
        fail("DEC-I8", "aborts nobody")
      } else {
        send(.acceptorAbort, party.bound - 1, &world)
      }
    case .adoptClaimant:
      if event != .proof || party.bound == 0 || party.adopted != 0 {
        fail("DEC-I1", "adopts without the proof of one bound claimant")
      } else {
        party.adopted = party.bound
        send(.confirmation, party.bound - 1, &world)
      }
    case .releaseClaimant:
      if party.bound == 0 || party.adopted != 0 { fail("DEC-I3", "releases nobody, or an adopted claimant") }
      party.bound = 0
    case .reportExpired: report(.expired, when: party.tokenIsExpired, &party)
    case .reportCancelled: report(.cancelled, when: event == .cancel, &party)
    case .reportRelayLost: report(.relayLost, when: event == .relayLost, &party)
    }
  }

  private mutating func report(
    _ report: AcceptorState.Report, when isTrue: Bool, _ party: inout AcceptorState
  ) {
    if party.report != .none { fail("DEC-I7", "reports a second time: \(report)") }
    if !isTrue { fail("DEC-I7", "reports what did not happen: \(report)") }
    party.report = report
  }

  private mutating func checkStep(
    _ event: DecisionNames.Event, _ claimant: Int, _ before: AcceptorState, _ after: AcceptorState,
    _ sent: Sent
  ) {
    let open = before.state != .closed
    let deferred = before.bound != 0 && before.adopted == 0 && before.bound != claimant
    let answers = event == .claim && open && !deferred ? 1 : 0
    if sent.answers != answers { fail("DEC-I4", "\(sent.answers) answers instead of \(answers)") }
    let foreign = event == .foreignClaim && open ? 1 : 0
    if sent.foreignAborts != foreign { fail("DEC-I6", "\(sent.foreignAborts) aborts instead of \(foreign)") }
    if event == .foreignClaim, before.bits != after.bits {
      fail("DEC-I6", "an upstream claim moved something")
    }
    let aborts = event == .cancel && open && before.bound != 0 ? 1 : 0
    if sent.aborts != aborts { fail("DEC-I8", "\(sent.aborts) aborts instead of \(aborts)") }
    let closes = event == .cancel || (event == .relayLost && before.adopted == 0)
    if closes, after.state != .closed { fail("DEC-I13", "still \(after.state) after \(event)") }
    if event == .peerAbort, before.adopted == 0, after.bound != 0 {
      fail("DEC-I13", "still bound after the claimant's abort")
    }
    if !open, before.bits != after.bits { fail("DEC-I10", "the closed state changed") }
  }
}
