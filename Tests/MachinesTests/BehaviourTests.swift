import Machines
import Testing

/// The machines as a host drives them, beyond what the generated tests say row by row.
@Suite struct BehaviourTests {
  private func run(_ events: [ClaimMachine.Event], accepting: Bool = true) -> ClaimMachine {
    var machine = ClaimMachine()
    for event in events { _ = machine.handle(event) { _ in accepting } }
    return machine
  }

  /// CLM-5: the first decision counts, whatever later ones say.
  @Test(arguments: [true, false])
  func laterDecisionsAreIgnored(_ accepting: Bool) {
    var machine = run([.relayUp, .decision], accepting: true)
    let step = machine.handle(.decision) { _ in accepting }
    #expect(step.kind == .ignored)
    #expect(step.rule == "CLM-5")
    #expect(machine.state == .accepted)
  }

  /// CLM-12: no event changes anything in a final state.
  @Test(
    arguments: [[.relayUp, .decision, .confirmation], [.relayUp, .peerAbort], [.cancel]]
      as [[ClaimMachine.Event]])
  func aFinishedClaimantStaysFinished(_ events: [ClaimMachine.Event]) {
    var machine = run(events)
    let state = machine.state
    #expect(ClaimMachine.isTerminal(state))
    for event in ClaimMachine.Event.allCases {
      let step = machine.handle(event) { _ in true }
      #expect(step.kind == .ignored && step.actions.isEmpty)
      #expect(machine.state == state)
    }
  }

  /// CLM-13: a timer that was never armed, a relay that comes up twice.
  @Test func aHostThatBreaksTheRulesIsTold() {
    var idle = ClaimMachine()
    #expect(idle.handle(.retryDue) { _ in true }.kind == .protocolError)
    var claiming = run([.relayUp])
    let step = claiming.handle(.relayUp) { _ in true }
    #expect(step.kind == .protocolError)
    #expect(step.row == nil)
    #expect(claiming.state == .claiming)
    #expect(step.description == "claim: claiming --relayUp--> claiming [CLM-13] (protocol error)")
  }

  /// DEC-14: a closed acceptor stays closed.
  @Test func aClosedAcceptorStaysClosed() {
    var machine = DecisionMachine()
    #expect(machine.handle(.cancel) { _ in true }.actions == [.reportCancelled])
    for event in DecisionMachine.Event.allCases {
      #expect(machine.handle(event) { _ in true }.kind == .ignored)
      #expect(machine.state == .closed)
    }
  }

  /// DEC-15: a hold timer that is not armed must not fire.
  @Test func aHoldTimerThatIsNotArmedMustNotFire() {
    var machine = DecisionMachine()
    #expect(machine.handle(.holdExpired) { _ in false }.kind == .protocolError)
    _ = machine.handle(.claim) { $0 == .isAcceptable }
    #expect(machine.handle(.proof) { _ in false }.actions == [.disarmHold, .adoptClaimant])
    #expect(machine.handle(.holdExpired) { _ in false }.kind == .protocolError)
  }

  /// Guards are asked in the table's order, and only those of the pair.
  @Test func onlyTheGuardsOfThePairAreAsked() {
    var asked: [DecisionMachine.Guard] = []
    var machine = DecisionMachine()
    let step = machine.handle(.claim) {
      asked.append($0)
      return true
    }
    #expect(asked == [.isAcceptable])
    #expect(step.description == "decision: waiting --claim--> bound [DEC-1]")
    _ = machine.handle(.foreignClaim) {
      asked.append($0)
      return true
    }
    #expect(asked.count == 1)
  }

  /// Every row of every table can be named and counted by a coverage report.
  @Test func rowsCanBeCounted() {
    func names<M: TransitionMachine>(_: M.Type) -> [String] {
      #expect(M.rowNames.count == M.rowCount)
      #expect(Set(M.rowNames).count == M.rowCount)
      return M.rowNames
    }
    #expect(names(ClaimMachine.self).first == "idle --relayUp--> claiming [CLM-2]")
    #expect(names(DecisionMachine.self).last == "confirmed --cancel--> closed [DEC-11]")
  }
}
