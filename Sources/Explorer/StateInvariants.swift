/// The invariants that every single world must keep.
extension Composition {
  mutating func checkWorld(_ world: World) {
    for index in 0..<bounds.claimants {
      let party = world[claimant: index]
      if !party.isCrashed { check(claimant: index, party, world) }
    }
    if !world.acceptor.isCrashed { check(acceptor: world.acceptor) }
  }

  private mutating func check(claimant index: Int, _ party: ClaimantState, _ world: World) {
    if party.armed != claim.armedIn[Int(party.state.rawValue)] {
      fail("CLM-I1", "claim[\(index)] is \(party.state) with the wrong timers armed")
    }
    switch party.state {
    case .idle, .claiming, .suspended:
      if party.hasAdopted { fail("CLM-I2", "claim[\(index)] has adopted and is \(party.state)") }
      if party.report != .none { fail("CLM-I3", "claim[\(index)] has reported and is \(party.state)") }
      if party.isLinked != (party.state == .claiming) {
        fail("CLM-I7", "claim[\(index)] is \(party.state) with its relay \(party.isLinked ? "up" : "down")")
      }
    case .accepted, .established:
      if !party.hasAdopted { fail("CLM-I2", "claim[\(index)] is \(party.state) without a decision") }
      if party.report != .none { fail("CLM-I3", "claim[\(index)] has reported and is \(party.state)") }
      if party.state == .established, world.acceptor.adopted != index + 1 {
        fail("CLM-I5", "claim[\(index)] is established, and the acceptor confirmed another or nobody")
      }
    case .refused:
      if party.report != .refusal && party.report != .abort {
        fail("CLM-I3", "claim[\(index)] is refused and reported: \(party.report)")
      }
    case .givenUp:
      if party.report == .none || party.report == .refusal || party.report == .abort {
        fail("CLM-I3", "claim[\(index)] gave up and reported: \(party.report)")
      }
    }
  }

  private mutating func check(acceptor party: AcceptorState) {
    if party.armed != decision.armedIn[Int(party.state.rawValue)] {
      fail("DEC-I2", "the acceptor is \(party.state) with the wrong timers armed")
    }
    let closedWell = (party.report != .none) != party.sessionHasEnded
    if party.state == .closed ? !closedWell : party.report != .none || party.sessionHasEnded {
      fail("DEC-I7", "the acceptor is \(party.state) and reported: \(party.report)")
    }
    switch party.state {
    case .waiting:
      if party.bound != 0 || party.adopted != 0 { fail("DEC-I3", "the acceptor waits with a claimant bound") }
      if party.tokenIsExpired { fail("DEC-I9", "the acceptor waits on an expired token") }
    case .bound:
      if party.bound == 0 || party.adopted != 0 {
        fail("DEC-I3", "the acceptor is bound to nobody, or to an adopted claimant")
      }
    case .confirmed:
      if party.adopted == 0 || party.adopted != party.bound {
        fail("DEC-I1", "the acceptor is confirmed and has not adopted the bound claimant")
      }
    case .closed:
      if party.bound != party.adopted { fail("DEC-I3", "the acceptor closed holding a claimant's keys") }
    }
  }
}
