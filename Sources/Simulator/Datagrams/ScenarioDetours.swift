import Basics

/// Draws runs in which datagrams come late, and runs with two paths of which one is better.
extension Options {
  mutating func drawDetours(_ random: inout SeededGenerator) {
    switch Int.random(in: 0..<5, using: &random) {
    case 0: drawLateAnswers(&random)
    case 1: drawLateEchoes(&random)
    case 2: drawLateEchoesOfBetterPath(&random)
    default: drawUpgrade(&random)
    }
  }

  /// One round trip over IPv4.
  private var directRoundTrip: Interval { (datagrams.claimant.delay + datagrams.acceptor.delay) * 2 }

  /// Answers to probes come when sounding is over.
  private mutating func drawLateAnswers(_ random: inout SeededGenerator) {
    // When it is longer still, even their nonces are forgotten (PRB-4).
    let range: ClosedRange<Int64> = random.chance(60) ? 1_900...2_400 : 3_000...6_000
    datagrams.detour = .milliseconds(Int64.random(in: range, using: &random))
    faults.append(Fault(.detour, after: "sounding", .zero))
    faults.append(Fault(.detourEnds, after: "suppressed", random.time(10_000...8_000_000)))
  }

  /// Echoes come when the path was given back and is confirmed anew, which does not succeed for a while.
  private mutating func drawLateEchoes(_ random: inout SeededGenerator) {
    datagrams.detour = .milliseconds(Int64.random(in: 1_500...3_000, using: &random))
    faults.append(Fault(.detour, after: "direct", random.time(100_000...2_000_000)))
    faults.append(Fault(.detourEnds, after: "relayed", .zero))
    let cut = directRoundTrip * Int64.random(in: 100...190, using: &random) / 100
    faults.append(Fault(.cutDirect, after: "relayed", cut))
    faults.append(Fault(.healDirect, after: "relayed", cut + random.time(500_000...4_000_000)))
  }

  /// Two families, of which IPv4 is the faster one. At first only the other one passes, so that a better pair is proven
  /// while there is a path.
  private mutating func drawUpgrade(_ random: inout SeededGenerator) {
    drawFamilies(&random)
    faults.append(Fault(.cutIPv4, after: "sounding", .zero))
    faults.append(Fault(.healDirect, after: "direct", random.time(1_000...1_000_000)))
    guard random.chance(80) else { return }
    let (kind, end): (FaultKind, FaultKind?) = random.pick([
      (.cutIPv4, .healDirect), (.cutIPv6, .healDirect), (.cutDirect, .healDirect),
      (.refuseClaimant, .permitClaimant), (.claimantLosesIPv6, nil), (.acceptorLosesIPv6, nil),
    ])
    let strikes = random.chance(60) ? Interval.zero : random.time(1...100_000)
    faults.append(Fault(kind, after: "upgrading", strikes))
    if let end {
      faults.append(Fault(end, after: "upgrading", strikes + random.time(500_000...6_000_000)))
    }
  }

  /// The faster path is given up for the slower one; when it is tried again, echoes come that it owed.
  private mutating func drawLateEchoesOfBetterPath(_ random: inout SeededGenerator) {
    drawFamilies(&random)
    datagrams.detour = .milliseconds(Int64.random(in: 2_200...3_000, using: &random))
    let healed = random.time(100_000...1_000_000)
    faults.append(Fault(.cutIPv6, after: "sounding", .zero))
    faults.append(Fault(.healDirect, after: "direct", healed))
    faults.append(Fault(.detourIPv4, after: "direct", healed + random.time(500_000...2_000_000)))
    let other = (directRoundTrip + datagrams.ipv6Lag * 2) * 2
    faults.append(Fault(.detourEnds, after: "relayed", other + random.time(10_000...300_000)))
    faults.append(Fault(.cutIPv4, after: "upgrading", .zero))
    faults.append(Fault(.healDirect, after: "upgrading", random.time(1_000_000...5_000_000)))
  }

  private mutating func drawFamilies(_ random: inout SeededGenerator) {
    datagrams.shared = .none
    datagrams.stunServers = 2
    datagrams.stunDelay = random.time(100...50_000)
    datagrams.ipv6Lag = .milliseconds(Int64.random(in: 15...120, using: &random))
    let delay = random.time(20...20_000)
    for path in [\DatagramOptions.claimant, \DatagramOptions.acceptor] {
      var access = AccessOptions()
      access.delay = delay
      access.rate = random.magnitude(200_000...100_000_000)
      access.ipv6 = random.pick([.open, .firewalled])
      if random.chance(50) {
        access.nats = [
          NATBehaviour(
            mapping: .endpointIndependent, filtering: random.pick(NATDependence.allCases),
            ports: random.pick(PortAllocation.allCases), mappingTimer: .seconds(120))
        ]
      }
      datagrams[keyPath: path] = access
    }
  }
}
