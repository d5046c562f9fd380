import SpecCompiler

/// Claimants × acceptor × channel: applies steps of the tables to a world and notes what they break.
///
/// The surroundings are what the engine and the session would do: who may receive what, when a session's frames
/// flow, when a timer can fire.
struct Composition: Model {
  let claim: MachineTable
  let decision: MachineTable
  let bounds: Bounds

  /// The first invariant that the current step broke.
  var broken: (invariant: String, reason: String)?
  /// The machine steps of the current transition, written only when `isTracing`.
  var steps: [String] = []
  var isTracing = false
  var claimRowsTaken: [Bool]
  var decisionRowsTaken: [Bool]

  /// - Throws: a diagnostic when a spec uses names that the model does not know.
  init(claim: Spec, decision: Spec, bounds: Bounds) throws(Diagnostic) {
    self.claim = try MachineTable(claim, ClaimNames.vocabulary)
    self.decision = try MachineTable(decision, DecisionNames.vocabulary)
    self.bounds = bounds
    claimRowsTaken = [Bool](repeating: false, count: claim.rows.count)
    decisionRowsTaken = [Bool](repeating: false, count: decision.rows.count)
  }

  mutating func fail(_ invariant: String, _ reason: @autoclosure () -> String) {
    if broken == nil { broken = (invariant, reason()) }
  }

  var summary: String { "claim × decision: \(bounds)" }

  var rowsNotTaken: [String] {
    let claims = zip(claim.spec.rows, claimRowsTaken).filter { !$0.1 }.map { "claim: \($0.0.title)" }
    return claims
      + zip(decision.spec.rows, decisionRowsTaken).filter { !$0.1 }.map { "decision: \($0.0.title)" }
  }

  /// The worlds that everything starts in.
  func initialWorlds() -> [World] {
    var world = World()
    world.relayIsUp = true
    world.restartsLeft = bounds.restarts
    world.crashesLeft = bounds.crashes
    for index in 0..<bounds.claimants { world[claimant: index].isAcceptable = true }
    var other = world
    other[claimant: bounds.claimants - 1].isAcceptable = false
    return [world, other]
  }

  /// Puts a message into flight; it is lost when the channel is full or the sender has no relay.
  func send(_ kind: Message.Kind, _ claimant: Int, _ world: inout World) {
    let message = Message(kind, claimant)
    let linked = message.isForAcceptor ? world[claimant: claimant].isLinked : world.relayIsUp
    let receiverLives =
      message.isForAcceptor ? !world.acceptor.isCrashed : !world[claimant: claimant].isCrashed
    guard linked, receiverLives else { return }
    if world.channel.nonzeroBitCount < bounds.messages { world.channel |= message.bit }
  }
}

extension Composition {
  var goals: [Goal<World>] {
    let claimants = 0..<bounds.claimants
    return [
      Goal(
        invariant: "CLM-I9", reason: "a claimant never reaches a final state", isPatient: true,
        concerns: { _ in true },
        isReached: { world in claimants.allSatisfy { !world[claimant: $0].isTrying } }),
      Goal(
        invariant: "DEC-I11", reason: "the acceptor neither closes nor confirms a claimant", isPatient: true,
        concerns: { _ in true },
        isReached: { world in !world.acceptor.isOpen || world.acceptor.state == .confirmed }),
      Goal(
        invariant: "DEC-I12",
        reason: "without a deadline no claimant gets confirmed, or one never learns its outcome",
        isPatient: false,
        concerns: { world in
          world.acceptor.isOpen && !world.acceptor.tokenIsExpired
            && claimants.contains { world[claimant: $0].isTrying && world[claimant: $0].isAcceptable }
        },
        isReached: { world in
          world.acceptor.state == .confirmed
            && claimants.allSatisfy {
              let party = world[claimant: $0]
              return !party.isTrying || (party.state == .accepted && world.acceptor.adopted != $0 + 1)
            }
        }),
    ]
  }
}
