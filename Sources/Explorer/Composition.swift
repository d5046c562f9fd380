import SpecCompiler

/// Claimants × acceptor × channel: applies steps of the tables to a world and notes what they break.
///
/// The surroundings are what the engine and the session would do: who may receive what, when a session's frames
/// flow, when a timer can fire.
struct Composition {
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
