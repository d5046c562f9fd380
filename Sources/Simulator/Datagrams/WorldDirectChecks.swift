import Basics
import Engine

/// What must hold of direct paths at the end of a run.
extension World {
  /// The session says where it stands.
  func noteState(_ state: SessionState, of party: Party) {
    note(.path, UInt64(party.index), text: "\(party.name): is \(state.rawValue)")
    digest.add(state.rawValue)
    switch state {
    case .claimed: party.network.establishedAt = party.network.establishedAt ?? now
    case .connectedDirect:
      if party.network.answered.isEmpty { violate("\(party.name) is direct although nobody answered it") }
      party.network.isDirect = true
      party.network.lastDirectAt = now
    case .connectedRelay:
      if party.network.isDirect { party.network.lastDirectAt = now }
      party.network.isDirect = false
    case .waitingForClaim: break
    }
  }

  /// The session says where its payload goes.
  func noteReport(_ report: PathReport, of party: Party) {
    note(.path, UInt64(party.index), text: "\(party.name): path \(report.path): \(report.reason)")
    digest.add(report.reason)
    if case .direct(let path) = report.path, !party.network.answered.contains(path) {
      violate("\(party.name) reports \(path), which never answered")
    }
  }

  /// Whether the network as it is now lets claimant and acceptor reach each other for certain.
  var isDirectPossible: Bool {
    guard directWay.isWell else { return false }
    // Without the relay nobody learns where the other is.
    guard relay != nil, !isRelayFrozen, !packetFaults.isDeaf.contains(true) else { return false }
    for party in parties {
      let hasLostIPv6 = party.network.access.ipv6 != .none && topology.hosts[party.index].ipv6 == nil
      guard !party.network.isRefused, !party.network.isBlocked, !hasLostIPv6,
        min(party.network.hopMTU, party.network.access.mtu) >= DirectTheory.leastMTU
      else { return false }
    }
    return DirectTheory.isPossible(options.datagrams)
  }

  /// Who can reach the other and had the time for it must have done so.
  func checkDirect() {
    let pair = [Self.acceptor, Self.claimant].map { parties[$0] }
    guard isDirectPossible, pair.allSatisfy({ !$0.isDead && $0.finishedAt != nil }) else { return }
    let established = pair.compactMap(\.network.establishedAt)
    guard established.count == 2, let since = established.max() else { return }
    let network = options.datagrams
    let troubles =
      options.loss + options.double + options.delay + options.reorder + options.corrupt + options.replay
      + network.loss + network.double + network.reorder + network.corrupt + network.replay + network.reflect
      + network.redirect + network.forge
    var healed = max(
      since, lastFaultAt, .zero + max(options.claimantStart, options.rivalStart) + network.stunDelay)
    if troubles > 0 { healed = max(healed, .zero + options.faultsEnd) }
    let ends = pair.compactMap(\.finishedAt).min() ?? now
    guard ends - healed >= patienceForDirect(since: since, healed: healed, isTroubled: troubles > 0) else {
      return
    }
    for party in pair where !party.network.isDirect && (party.network.lastDirectAt ?? .zero) < healed {
      violate(
        "\(party.name) was never direct in the \((ends - healed).inSeconds) s after all was well,"
          + " although it is possible")
    }
  }

  /// How long after the last trouble the sessions may take: three seconds and some round trips; what failed before rests
  /// for as long again as it took to fail (PRB-6).
  private func patienceForDirect(since: Instant, healed: Instant, isTroubled: Bool) -> Interval {
    let network = options.datagrams
    let roundTrip =
      (options.claimantLatency + options.acceptorLatency + network.claimant.delay + network.acceptor.delay)
      * 2
    var patience = Interval.seconds(3) + roundTrip * 10
    if isTroubled || !options.faults.isEmpty {
      patience = patience + .seconds(15) + (healed - since) * 3 / 2
    }
    // Nobody tells that a NAT started again: the session sees it when it asks STUN the next time.
    if options.faults.contains(where: { [.claimantRebinds, .acceptorRebinds].contains($0.kind) }) {
      patience = patience + .seconds(30)
    }
    return patience
  }

  /// Something happens to the datagram network.
  func strikeDatagrams(_ kind: FaultKind) {
    let claimant = parties[Self.claimant]
    let acceptor = parties[Self.acceptor]
    switch kind {
    case .cutDirect: (directWay.isCutToClaimant, directWay.isCutToAcceptor) = (true, true)
    case .cutToClaimant: directWay.isCutToClaimant = true
    case .cutToAcceptor: directWay.isCutToAcceptor = true
    case .cutIPv4: directWay.isIPv4Cut = true
    case .cutIPv6: directWay.isIPv6Cut = true
    case .healDirect: directWay.heal()
    case .detour: directWay.isDetour = true
    case .detourIPv4: directWay.isIPv4Detour = true
    case .detourEnds: (directWay.isDetour, directWay.isIPv4Detour) = (false, false)
    case .claimantLosesIPv6: loseIPv6(claimant)
    case .acceptorLosesIPv6: loseIPv6(acceptor)
    case .claimantMoves: move(claimant)
    case .acceptorMoves: move(acceptor)
    case .claimantRebinds: restartNATs(of: claimant)
    case .acceptorRebinds: restartNATs(of: acceptor)
    case .shrinkMTU:
      for party in parties {
        party.network.hopMTU = min(party.network.hopMTU, options.datagrams.shrunkMTU)
      }
    case .growMTU: for party in parties { party.network.hopMTU = party.network.access.hopMTU }
    case .blockClaimant: claimant.network.isBlocked = true
    case .unblockClaimant: claimant.network.isBlocked = claimant.network.access.isBlocked
    case .refuseClaimant: claimant.network.isRefused = true
    case .permitClaimant: claimant.network.isRefused = false
    default: break
    }
  }
}
