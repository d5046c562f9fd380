import Basics

extension Options {
  /// Draws the faults that make the scenario.
  mutating func drawFaults(_ random: inout SeededGenerator) {
    switch scenario {
    case .calm, .lossy, .direct, .nats, .blackhole, .detours, .roaming, .mtu, .intruders: break
    case .outage: drawOutages(&random)
    case .exile: drawExile(&random)
    case .crash: drawCrash(&random)
    case .interrupt: drawInterrupt(&random)
    case .failure: drawFailure(&random)
    case .rivals: drawRivals(&random)
    case .strangers: drawStrangers(&random)
    case .expiry: drawExpiry(&random)
    case .alone: drawAlone(&random)
    }
  }

  /// Any state of a machine that is worth striking at.
  private static let states = [
    "claiming", "bound", "accepted", "confirmed", "established", "established", "established", "suspended",
  ]

  /// Some time within a transfer, or shortly after it.
  private func moment(_ random: inout SeededGenerator) -> Interval {
    random.time(1...max(1_000, Int(min(transferTime, .seconds(20)).inMicroseconds) * 3 / 2))
  }

  private mutating func drawOutages(_ random: inout SeededGenerator) {
    // Mostly during the transfer, where nothing may be lost; else anywhere.
    let state = random.chance(75) ? "established" : random.pick(["claiming", "bound", "accepted"])
    var begins = moment(&random)
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      if random.chance(50) {
        let hangs = random.chance(35)
        let length = random.time(1_000...9_000_000)
        faults.append(Fault(hangs ? .relayFreezes : .relayDown, after: state, begins))
        faults.append(Fault(hangs ? .relayThaws : .relayUp, after: state, begins + length))
        begins = begins + length
      } else {
        faults.append(Fault(random.pick([.dropClaimant, .dropAcceptor]), after: state, begins))
      }
      begins = begins + moment(&random)
    }
    // A claim that the relay never passed on is refused to a session whose relay never came back.
    if random.chance(10), state == "claiming" {
      faults.removeAll { $0.kind == .relayUp || $0.kind == .relayThaws }
    }
  }

  private mutating func drawExile(_ random: inout SeededGenerator) {
    if random.chance(75) { patience = random.time(1_000_000...6_000_000) }
    let state = random.pick(Self.states + ["bound", "accepted", "accepted"])
    if ["bound", "accepted", "suspended"].contains(state) || random.chance(20) {
      // It stays in that state.
      faults.append(Fault(.deafenClaimant, after: state == "suspended" ? "claiming" : state, .zero))
    }
    if state == "suspended" {
      faults.append(Fault(.dropClaimant, after: "claiming", claimantLatency * 3 + .milliseconds(300)))
    }
    let isWaiting = random.chance(20)
    let kind: FaultKind = random.chance(25) ? .relayFreezes : .relayDown
    faults.append(
      isWaiting ? Fault(kind, random.time(100...3_000_000)) : Fault(kind, after: state, moment(&random)))
    if isWaiting { claimantStart = .seconds(4) }
  }

  private mutating func drawCrash(_ random: inout SeededGenerator) {
    let kind: FaultKind = random.pick([.crashClaimant, .crashAcceptor, .vanishClaimant, .vanishAcceptor])
    if random.chance(20) {
      // The claimant is let in, and never hears of the acceptor again. When it was let in late its deadline comes
      // before the silence of the acceptor is noticed.
      if random.chance(60) {
        faults.append(Fault(.deafenClaimant, after: "claiming", .zero))
        faults.append(Fault(.hearClaimant, after: "claiming", random.time(16_000_000...28_000_000)))
      }
      faults.append(Fault(.deafenClaimant, after: "accepted", .zero))
      faults.append(Fault(random.chance(50) ? .crashAcceptor : .vanishAcceptor, after: "accepted", .zero))
      return
    }
    faults.append(Fault(kind, after: random.pick(Self.states), random.chance(40) ? .zero : moment(&random)))
    tokenLife = random.time(5_000_000...120_000_000)
  }

  private mutating func drawInterrupt(_ random: inout SeededGenerator) {
    let isClaimant = random.chance(50)
    let kind: FaultKind = isClaimant ? .interruptClaimant : .interruptAcceptor
    switch Int.random(in: 0..<12, using: &random) {
    case 0:
      faults.append(Fault(kind, random.time(1...3_000_000)))
    case 1, 6:
      // The claimant hears the goodbye, but not the decision before it.
      faults.append(Fault(.deafenClaimant, after: "bound", .zero))
      faults.append(Fault(.hearClaimant, after: "bound", .milliseconds(600)))
      faults.append(Fault(.interruptAcceptor, after: "bound", .milliseconds(601)))
    case 2:
      faults.append(Fault(.deafenClaimant, after: "bound", .zero))
      faults.append(Fault(.interruptClaimant, after: "bound", random.time(1...5_000_000)))
    case 3:
      // The connection breaks when the relay has accepted it, but before a decision arrives.
      faults.append(Fault(.deafenClaimant, after: "claiming", .zero))
      faults.append(Fault(.dropClaimant, after: "claiming", claimantLatency * 3 + .milliseconds(300)))
      faults.append(Fault(.interruptClaimant, after: "suspended", random.time(1...50_000)))
    case 4:
      faults.append(Fault(kind, after: isClaimant ? "accepted" : "bound", random.time(1...2_000)))
    case 5:
      faults.append(Fault(.interruptClaimant, claimantStart + random.time(1...500)))
    default:
      faults.append(Fault(kind, after: random.pick(Self.states), random.chance(30) ? .zero : moment(&random)))
    }
    tokenLife = random.time(20_000_000...120_000_000)
  }

  private mutating func drawFailure(_ random: inout SeededGenerator) {
    faults.append(
      Fault(random.pick([.sourceFails, .outputFails]), after: random.pick(Self.states), moment(&random)))
    tokenLife = .seconds(60)
  }

  private mutating func drawRivals(_ random: inout SeededGenerator) {
    hasRival = true
    if random.chance(25) {
      // Both are bound to wait for the hold time of one that cannot hear.
      faults.append(Fault(.deafenClaimant, after: "bound", .zero))
      faults.append(Fault(.hearClaimant, after: "bound", random.time(1_000_000...20_000_000)))
    }
  }

  private mutating func drawStrangers(_ random: inout SeededGenerator) {
    for _ in 0..<Int.random(in: 1...6, using: &random) {
      let kind: FaultKind = random.pick([.foreignClaim, .badClaim, .garbage])
      let state = random.pick([nil, nil, nil, "claiming", "bound", "confirmed", "established"])
      faults.append(Fault(kind, after: state, random.time(1...2_000_000)))
    }
    if random.chance(50) { claimantStart = .seconds(3) }
    if random.chance(40) { faults.append(Fault(.strayClaim, random.time(1...3_000_000))) }
    if random.chance(20) {
      faults.append(Fault(.strayClaim, after: "established", random.time(1...1_000_000)))
    }
  }

  private mutating func drawExpiry(_ random: inout SeededGenerator) {
    tokenLife = random.time(1_000_000...20_000_000)
    // Just before the end, so that it falls within the hold time or the transfer; or after it.
    let margin = random.time(10_000...8_000_000)
    claimantStart = random.chance(80) && margin < tokenLife ? tokenLife - margin : tokenLife + margin
    switch Int.random(in: 0..<7, using: &random) {
    case 0: hasClaimant = false
    case 1, 3:
      claimantStart = max(.zero, tokenLife - random.time(2_000_000...8_000_000))
      faults.append(Fault(.crashClaimant, after: "bound", .zero))
    case 2, 5:
      // It is bound when the token expires, and gives up before the hold time is over.
      claimantStart = max(.zero, tokenLife - .seconds(4))
      faults.append(Fault(.deafenClaimant, after: "bound", .zero))
      faults.append(Fault(.interruptClaimant, tokenLife + .milliseconds(1)))
    case 4: faults.append(Fault(.strayClaim, max(.zero, tokenLife - margin)))
    default: break
    }
  }

  private mutating func drawAlone(_ random: inout SeededGenerator) {
    tokenLife = random.time(1_000_000...120_000_000)
    switch Int.random(in: 0..<8, using: &random) {
    case 0: hasAcceptor = false
    case 1: hasClaimant = false
    case 2: faults.append(Fault(.relayDown, .zero))
    case 3: isClaimantBarred = true
    case 4, 5, 6:
      hasAcceptor = false
      let confirmed = claimantLatency * 3 + .milliseconds(100)
      faults.append(Fault(.relayDown, after: "claiming", confirmed + random.time(1...5_000_000)))
    default:
      hasAcceptor = false
      let state = random.pick([nil, "claiming"])
      faults.append(Fault(.interruptClaimant, after: state, random.time(1...20_000_000)))
    }
  }
}
