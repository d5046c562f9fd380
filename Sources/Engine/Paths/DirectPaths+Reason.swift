import Basics
import Wire

/// Why the session is where it is, in a line for people.
extension DirectPaths {
  /// Tells the host where payload goes.
  func report(at now: Instant) {
    isAnnounced = true
    let reason = self.reason
    lastReason = reason
    commands.append(.event(.path(pathReport(reason))))
  }

  /// Tells the host when the reason has become another although the path is the same.
  func reportChange(at now: Instant) {
    guard isAnnounced, !promoter.isDirect, reason != lastReason else { return }
    report(at: now)
  }

  private func pathReport(_ reason: String) -> PathReport {
    guard promoter.isDirect, let path = promoter.path else {
      return PathReport(path: .relay, roundTripMicroseconds: nil, datagramSize: nil, reason: reason)
    }
    return PathReport(
      path: .direct(path.path), roundTripMicroseconds: path.roundTrip.inMicroseconds,
      datagramSize: path.mtu.size, reason: reason)
  }

  var reason: String {
    if promoter.isDirect, let path = promoter.path {
      return "direct to \(path.path.remote): it answered in both directions"
    }
    if isRelayOnly { return "relayed: only the relay is wanted here" }
    if isPeerRelayOnly { return "relayed: the peer wants the relay only" }
    if promoter.machine.state == .degraded { return "relayed: the direct path fell silent" }
    if localPorts.isEmpty { return "relayed: no UDP socket is open" }
    if !hasPeerUpdate { return "relayed: the peer has not told its addresses yet" }
    let pairs = prober?.pairs ?? []
    if pairs.isEmpty { return "relayed: the peer told no address that can be tried" }
    if promoter.machine.state == .confirming || pairs.contains(where: { $0.machine.state == .proven }) {
      return "relayed: a direct path answers and is being confirmed"
    }
    if search.isRunning { return "relayed: searching for a port behind a hard NAT" }
    if pairs.contains(where: { $0.machine.state == .sounding }) {
      return "relayed: trying \(pairs.count) \(pairs.count == 1 ? "candidate" : "candidates")"
    }
    return "relayed: no answer from \(pairs.count) \(pairs.count == 1 ? "candidate" : "candidates")"
      + explanation
  }

  private var explanation: String {
    switch (ownMapping, peerMapping) {
    case (.dependent, .dependent): "; both sides map per destination"
    case (.dependent, _): "; our NAT maps per destination"
    case (_, .dependent): "; the peer's NAT maps per destination"
    default: gatherer.mapped.isEmpty ? "; no STUN server answered: UDP may be blocked" : ""
    }
  }
}
