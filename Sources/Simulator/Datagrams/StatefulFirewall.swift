import Basics
import Wire

/// A firewall without translation, as routers put it in front of IPv6 (RFC 6092): what leaves opens the way back.
struct StatefulFirewall {
  private struct Flow: Hashable {
    var inside: IPEndpoint
    var remote: IPEndpoint
  }

  /// How long a flow stays open without an outbound packet (RFC 6092, REC-14: two minutes at least).
  let flowTimer: Interval
  private var opened: [Flow: Instant] = [:]

  init(flowTimer: Interval = .seconds(120)) { self.flowTimer = flowTimer }

  /// A packet leaves.
  mutating func noteOutbound(from inside: IPEndpoint, to remote: IPEndpoint, at now: Instant) {
    opened[Flow(inside: inside, remote: remote)] = now
  }

  /// Whether a packet may come in.
  func lets(inside: IPEndpoint, from remote: IPEndpoint, at now: Instant) -> Bool {
    opened[Flow(inside: inside, remote: remote)].map { now - $0 < flowTimer } ?? false
  }

  /// Starts again, without any flow.
  mutating func restart() { opened = [:] }
}
