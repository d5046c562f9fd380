import Basics

/// Draws the datagram network and what goes wrong in it.
extension Options {
  mutating func drawDatagrams(_ random: inout SeededGenerator) {
    // The other scenarios have one in half of the seeds, so that claims, outages and ends meet direct paths.
    datagrams.isAvailable = scenario.isOfDatagrams || random.chance(50)
    guard datagrams.isAvailable else { return }
    drawAccesses(&random)
    datagrams.stunDelay = random.time(100...2_000_000)
    datagrams.batch = random.chance(30) ? 1 : random.pick([2, 8, 64])
    if random.chance(60) { datagrams.gathering = random.time(1...2_000) }
    if random.chance(30) { datagrams.socketBuffer = random.magnitude(3_000...262_144) }
    switch scenario {
    case .direct: drawLength(&random, seconds: 0...8)
    case .nats: drawLength(&random, seconds: 2...12)
    case .blackhole:
      drawLength(&random, seconds: 3...25)
      drawBlackHoles(&random)
    case .detours:
      drawLength(&random, seconds: 8...25)
      drawDetours(&random)
    case .roaming:
      drawLength(&random, seconds: 3...25)
      drawRoaming(&random)
    case .mtu:
      drawLength(&random, seconds: 2...45)
      drawMTUs(&random)
    case .intruders:
      drawLength(&random, seconds: 1...10)
      drawIntruders(&random)
    default:
      if random.chance(25) { drawRelayOnly(&random) }
    }
    if scenario != .direct, random.chance(30) { drawDatagramFaults(&random) }
  }

  // MARK: Networks

  private mutating func drawAccesses(_ random: inout SeededGenerator) {
    let wantsPossible = scenario != .nats && random.chance(85)
    for _ in 0..<12 {
      let (delay, rate) = (random.time(20...150_000), random.magnitude(50_000...100_000_000))
      datagrams.claimant = drawAccess(&random, delay: delay, rate: rate)
      datagrams.acceptor = drawAccess(
        &random, delay: random.chance(50) ? delay : random.time(20...150_000),
        rate: random.chance(50) ? rate : random.magnitude(50_000...100_000_000))
      datagrams.shared = random.chance(80) ? .none : random.pick([.home, .carrier])
      datagrams.stunServers = random.pick([1, 2, 2, 3])
      datagrams.deadServers = random.chance(20) ? 1 : 0
      if scenario == .nats, random.chance(5) { datagrams.stunServers = 0 }
      if !wantsPossible || DirectTheory.isPossible(datagrams) { break }
    }
  }

  private func drawAccess(
    _ random: inout SeededGenerator, delay: Interval, rate: Int
  ) -> AccessOptions {
    var access = AccessOptions()
    access.delay = delay
    access.rate = rate
    access.queue = random.magnitude(8_000...1_000_000)
    if scenario == .direct {
      if random.chance(60) {
        access.nats = [
          NATBehaviour(
            mapping: .endpointIndependent, filtering: random.pick(NATDependence.allCases),
            ports: random.pick(PortAllocation.allCases), mappingTimer: .seconds(120))
        ]
      }
    } else if random.chance(80) {
      access.nats = (0..<(random.chance(20) ? 2 : 1)).map { _ in NATBehaviour.draw(&random) }
    }
    if random.chance(35) { access.ipv6 = random.pick([.open, .firewalled]) }
    guard scenario != .direct else { return access }
    if random.chance(6) { access.hasIPv4 = false }
    if random.chance(4) { access.isBlocked = true }
    if random.chance(15) { access.isPortMapped = true }
    if random.chance(8) { access.refusal = random.pick([.ipv4, .ipv6, .extra]) }
    if random.chance(10) { access.mtu = random.pick([1_280, 1_420, 1_492, 9_000]) }
    return access
  }

  private mutating func drawRelayOnly(_ random: inout SeededGenerator) {
    switch Int.random(in: 0..<3, using: &random) {
    case 0: datagrams.claimant.isRelayOnly = true
    case 1: datagrams.acceptor.isRelayOnly = true
    default: (datagrams.claimant.isRelayOnly, datagrams.acceptor.isRelayOnly) = (true, true)
    }
  }

  private mutating func drawDatagramFaults(_ random: inout SeededGenerator) {
    if random.chance(70) { datagrams.loss = random.magnitude(1...200) }
    if random.chance(50) { datagrams.double = random.magnitude(1...200) }
    if random.chance(50) { datagrams.reorder = random.magnitude(1...300) }
    if random.chance(40) { datagrams.corrupt = random.magnitude(1...100) }
    faultsEnd = random.time(100_000...12_000_000)
  }

  /// Makes the transfer last: the source gives a little at a time.
  private mutating func drawLength(_ random: inout SeededGenerator, seconds: ClosedRange<Int>) {
    let length = Int.random(in: seconds, using: &random)
    // Sometimes as fast as it goes.
    guard length > 0, random.chance(80) else { return }
    sourcePause = random.time(15_000...250_000)
    let steps = max(1, length * 1_000_000 / max(1, Int(sourcePause.inMicroseconds)))
    sourceStep = random.magnitude(100...20_000)
    outputStep = 0
    // No more events than one can wait for.
    let most = min(1_000_000, largestPiece * 300, largestFrame * 1_500)
    if sourceStep * steps > most { sourceStep = max(1, most / steps) }
    payload = sourceStep * steps
  }

  // MARK: What goes wrong

  private mutating func drawBlackHoles(_ random: inout SeededGenerator) {
    let state = random.pick(["direct", "direct", "direct", "direct", "established", "confirming"])
    var begins = random.time(1...3_000_000)
    if random.chance(20) {
      // A flapping route.
      for _ in 0..<Int.random(in: 3...10, using: &random) {
        faults.append(Fault(.cutDirect, after: state, begins))
        begins = begins + random.time(1_000...900_000)
        faults.append(Fault(.healDirect, after: state, begins))
        begins = begins + random.time(1_000...900_000)
      }
      return
    }
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      let length = random.time(10_000...9_000_000)
      let (kind, end): (FaultKind, FaultKind) = random.pick([
        (.cutDirect, .healDirect), (.cutDirect, .healDirect), (.cutToClaimant, .healDirect),
        (.cutToAcceptor, .healDirect), (.blockClaimant, .unblockClaimant),
        (.refuseClaimant, .permitClaimant), (.detour, .detourEnds), (.relayDown, .relayUp),
      ])
      faults.append(Fault(kind, after: kind == .relayDown ? "direct" : state, begins))
      faults.append(Fault(end, after: kind == .relayDown ? "direct" : state, begins + length))
      begins = begins + length + random.time(1_000...6_000_000)
    }
    if random.chance(12) { faults.removeAll { $0.kind == .healDirect } }
  }

  private mutating func drawRoaming(_ random: inout SeededGenerator) {
    let state = random.pick(["direct", "direct", "direct", "established", "confirming"])
    var begins = random.time(1...3_000_000)
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let isClaimant = random.chance(50)
      if random.chance(60) {
        faults.append(Fault(isClaimant ? .claimantMoves : .acceptorMoves, after: state, begins))
        // Who is elsewhere has lost its connections, too; the system may notice late.
        if random.chance(40) {
          let notices = begins + random.time(1...3_000_000)
          faults.append(Fault(isClaimant ? .dropClaimant : .dropAcceptor, after: "direct", notices))
        }
      } else {
        faults.append(Fault(isClaimant ? .claimantRebinds : .acceptorRebinds, after: state, begins))
      }
      begins = begins + random.time(1_000...8_000_000)
    }
  }

  private mutating func drawMTUs(_ random: inout SeededGenerator) {
    let (local, hop) = (random.pick([1_280, 1_500, 9_000]), random.pick([1_280, 1_400, 1_500, 9_000]))
    (datagrams.claimant.mtu, datagrams.claimant.hopMTU) = (local, hop)
    datagrams.acceptor.mtu = random.pick([1_280, 1_500, 9_000])
    datagrams.acceptor.hopMTU = random.chance(80) ? 9_000 : random.pick([576, 1_000, 1_300])
    datagrams.shrunkMTU = random.pick([576, 1_000, 1_280, 1_300, 1_400])
    guard random.chance(70) else { return }
    let begins = random.time(1...4_000_000)
    faults.append(Fault(.shrinkMTU, after: "direct", begins))
    if random.chance(50) {
      faults.append(Fault(.growMTU, after: "direct", begins + random.time(100_000...8_000_000)))
    }
  }

  private mutating func drawIntruders(_ random: inout SeededGenerator) {
    if random.chance(60) { datagrams.replay = random.magnitude(1...400) }
    if random.chance(60) { datagrams.reflect = random.magnitude(1...500) }
    if random.chance(60) { datagrams.redirect = random.magnitude(1...300) }
    if random.chance(60) { datagrams.forge = random.magnitude(1...400) }
    faultsEnd = random.time(500_000...12_000_000)
  }
}
