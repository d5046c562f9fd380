/// A step of the composition that the surroundings choose.
enum Choice: Equatable {
  case deliver(Message)
  case deliverAndKeep(Message)
  case lose(Message)
  case link(Int)
  case retryFires(Int)
  case deadlineFires(Int)
  case frameRepeated(Int)
  case cancelClaimant(Int)
  case claimantLosesRelay(Int)
  case crashClaimant(Int)
  case holdFires
  case tokenExpires
  case foreignClaim
  case sessionEnds
  case cancelAcceptor
  case acceptorLosesRelay
  case crashAcceptor
  case relayDown
  case relayUp
}

extension Composition {
  /// Calls `visit` with every choice that `world` offers, always in the same order.
  ///
  /// A healthy channel delivers each message once, faster than any timer fires; so timers count as healthy only
  /// while nothing is in flight.
  func forEachChoice(in world: World, _ visit: (Choice, Weather) -> Void) {
    let quiet = world.channel == 0
    var remaining = world.channel
    while remaining != 0 {
      let message = Message(lowestOf: remaining)
      remaining &= remaining - 1
      visit(.deliver(message), .healthy)
      visit(.deliverAndKeep(message), .faulty)
      visit(.lose(message), .faulty)
    }
    for index in 0..<bounds.claimants {
      choices(ofClaimant: index, in: world, quiet, visit)
    }
    if !world.acceptor.isCrashed { acceptorChoices(in: world, quiet, visit) }
    if world.relayIsUp {
      if world.restartsLeft > 0 { visit(.relayDown, .faulty) }
    } else {
      visit(.relayUp, .healthy)
    }
  }

  private func choices(
    ofClaimant index: Int, in world: World, _ quiet: Bool, _ visit: (Choice, Weather) -> Void
  ) {
    let party = world[claimant: index]
    guard party.isTrying else { return }
    if world.relayIsUp, !party.isLinked { visit(.link(index), .healthy) }
    for (timer, event) in claim.timerEvents.enumerated() where party.armed >> timer & 1 == 1 {
      if event == ClaimNames.Event.retryDue.rawValue {
        visit(.retryFires(index), quiet ? .healthy : .faulty)
      } else {
        visit(.deadlineFires(index), quiet ? .late : .faulty)
      }
    }
    if party.state == .accepted, party.isLinked { visit(.frameRepeated(index), quiet ? .healthy : .faulty) }
    visit(.cancelClaimant(index), .faulty)
    if !world.relayIsUp { visit(.claimantLosesRelay(index), .faulty) }
    if world.crashesLeft > 0 { visit(.crashClaimant(index), .faulty) }
  }

  private func acceptorChoices(
    in world: World, _ quiet: Bool, _ visit: (Choice, Weather) -> Void
  ) {
    let party = world.acceptor
    if party.armed != 0 { visit(.holdFires, quiet ? .healthy : .faulty) }
    guard party.isOpen else { return }
    if !party.tokenIsExpired { visit(.tokenExpires, quiet ? .late : .faulty) }
    visit(.foreignClaim, .faulty)
    if party.state == .confirmed { visit(.sessionEnds, .faulty) }
    visit(.cancelAcceptor, .faulty)
    if !world.relayIsUp { visit(.acceptorLosesRelay, .faulty) }
    if world.crashesLeft > 0 { visit(.crashAcceptor, .faulty) }
  }

  /// The world after `choice`. Invariants of the steps taken are noted in `broken`.
  mutating func apply(_ choice: Choice, to old: World) -> World {
    var world = old
    switch choice {
    case .deliver(let message):
      world.channel &= ~message.bit
      receive(message, &world)
    case .deliverAndKeep(let message): receive(message, &world)
    case .lose(let message): world.channel &= ~message.bit
    case .link(let index):
      world[claimant: index].isLinked = true
      step(claimant: index, .relayUp, &world)
    case .retryFires(let index): fire(.retryDue, index, &world)
    case .deadlineFires(let index): fire(.deadline, index, &world)
    case .frameRepeated(let index): send(.proof, index, &world)
    case .cancelClaimant(let index): step(claimant: index, .cancel, &world)
    case .claimantLosesRelay(let index): step(claimant: index, .relayLost, &world)
    case .crashClaimant(let index):
      world[claimant: index].isCrashed = true
      world[claimant: index].isLinked = false
      world.crashesLeft -= 1
    case .holdFires:
      world.acceptor.armed = 0
      step(acceptor: .holdExpired, &world)
    case .tokenExpires:
      world.acceptor.tokenIsExpired = true
      step(acceptor: .tokenExpired, &world)
    case .foreignClaim: step(acceptor: .foreignClaim, &world)
    case .sessionEnds:
      world.acceptor.sessionHasEnded = true
      step(acceptor: .sessionEnded, &world)
    case .cancelAcceptor: step(acceptor: .cancel, &world)
    case .acceptorLosesRelay: step(acceptor: .relayLost, &world)
    case .crashAcceptor:
      world.acceptor.isCrashed = true
      world.crashesLeft -= 1
    case .relayDown: relayGoesDown(&world)
    case .relayUp: world.relayIsUp = true
    }
    return world
  }

  private mutating func relayGoesDown(_ world: inout World) {
    world.relayIsUp = false
    world.restartsLeft -= 1
    world.channel = 0
    for index in 0..<bounds.claimants where world[claimant: index].isLinked {
      world[claimant: index].isLinked = false
      step(claimant: index, .relayDown, &world)
    }
  }

  private mutating func fire(_ event: ClaimNames.Event, _ index: Int, _ world: inout World) {
    if let timer = claim.timerEvents.firstIndex(of: event.rawValue) {
      world[claimant: index].armed &= ~(1 << UInt8(timer))
    }
    step(claimant: index, event, &world)
  }

  /// Hands a message to its receiver as the engine would: only what it can open and may see becomes an event.
  private mutating func receive(_ message: Message, _ world: inout World) {
    let index = message.claimant
    if message.isForAcceptor {
      guard !world.acceptor.isCrashed else { return }
      let bound = world.acceptor.bound
      switch message.kind {
      case .claim: step(acceptor: .claim, claimant: index + 1, &world)
      case .claimantAbort where bound == index + 1 || bound == 0:
        step(acceptor: .peerAbort, claimant: index + 1, &world)
      case .proof where bound == index + 1:
        let wasConfirmed = world.acceptor.state == .confirmed
        step(acceptor: .proof, claimant: index + 1, &world)
        if wasConfirmed { send(.confirmation, index, &world) }
      default: break
      }
      return
    }
    let party = world[claimant: index]
    guard !party.isCrashed, party.isLinked else { return }
    switch message.kind {
    case .acceptance: step(claimant: index, .decision, accepting: true, &world)
    case .refusal, .claimedRefusal: step(claimant: index, .decision, &world)
    case .acceptorAbort: step(claimant: index, .peerAbort, &world)
    case .confirmation where party.hasAdopted: step(claimant: index, .confirmation, &world)
    default: break
    }
  }
}

extension Composition {
  /// The lines that a trace has for `choice` in `world`: what the surroundings did, then the machines' steps.
  func trace(of choice: Choice, in world: World) -> [String] {
    var copy = self
    copy.isTracing = true
    copy.steps = []
    _ = copy.apply(choice, to: world)
    return (surroundings(choice).map { [$0] } ?? []) + copy.steps
  }

  /// What happened outside of the machines, or nil when the steps say it all.
  private func surroundings(_ choice: Choice) -> String? {
    switch choice {
    case .deliver(let message): "channel: delivers \(message.description)"
    case .deliverAndKeep(let message): "channel: doubles \(message.description)"
    case .lose(let message): "channel: loses \(message.description)"
    case .frameRepeated(let index): "session[\(index)]: repeats its first frame"
    case .crashClaimant(let index): "claim[\(index)]: crashes"
    case .crashAcceptor: "decision: crashes"
    case .relayDown: "relay: goes down, everything in flight is lost"
    case .relayUp: "relay: comes up"
    case .link, .retryFires, .deadlineFires, .cancelClaimant, .claimantLosesRelay, .holdFires, .tokenExpires,
      .foreignClaim, .sessionEnds, .cancelAcceptor, .acceptorLosesRelay:
      nil
    }
  }
}
