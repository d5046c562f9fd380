import Basics

/// Whether two parties can reach each other directly with certainty, by what RFC 4787 says about their NATs. Pairs that
/// need luck (birthday attacks, guessed ports) are not among them.
enum DirectTheory {
  /// The smallest MTU that a session may count on.
  static let leastMTU = 1_280
  /// The shortest mapping timer that outlives the time between two packets of a session that keeps its mappings.
  static let leastMappingTimer = Interval.seconds(30)

  /// What a row of NATs amounts to: the strictest of each.
  struct Chain {
    var mapping = NATDependence.endpointIndependent
    var filtering = NATDependence.endpointIndependent
    var isPublic: Bool

    init(_ nats: [NATBehaviour]) {
      isPublic = nats.isEmpty
      for nat in nats {
        mapping = DirectTheory.stricter(mapping, nat.mapping)
        filtering = DirectTheory.stricter(filtering, nat.filtering)
      }
    }
  }

  static func stricter(_ left: NATDependence, _ right: NATDependence) -> NATDependence {
    let order = NATDependence.allCases
    return (order.firstIndex(of: left) ?? 0) < (order.firstIndex(of: right) ?? 0) ? right : left
  }

  /// Whether the claimant and the acceptor of these options can.
  static func isPossible(_ options: DatagramOptions) -> Bool {
    let (left, right) = (options.claimant, options.acceptor)
    guard options.isAvailable else { return false }
    for side in [left, right] {
      guard !side.isRelayOnly, !side.isBlocked, min(side.mtu, side.hopMTU) >= leastMTU else { return false }
      guard side.nats.allSatisfy({ $0.mappingTimer >= leastMappingTimer }) else { return false }
    }
    if left.ipv6 != .none, right.ipv6 != .none, left.refusal != .ipv6, right.refusal != .ipv6 { return true }
    guard left.hasIPv4, right.hasIPv4, left.refusal != .ipv4, right.refusal != .ipv4 else { return false }
    switch options.shared {
    case .home where !right.nats.isEmpty: return true
    case .carrier where !right.nats.isEmpty:
      // Through the shared NAT and back; or not through it at all when the acceptor is its direct neighbour.
      guard let carrier = right.nats.last, carrier.isHairpinning, options.stunServers > 0 else {
        return false
      }
      let nats = Array(left.nats.prefix(1)) + [carrier]
      return isPossible(Chain(nats), Chain(right.nats), hasSTUN: true)
    default:
      return isPossible(Chain(left.nats), Chain(right.nats), hasSTUN: options.stunServers > 0)
    }
  }

  static func isPossible(_ left: Chain, _ right: Chain, hasSTUN: Bool) -> Bool {
    if left.isPublic || right.isPublic { return true }
    guard hasSTUN else { return false }
    return isReachable(left, by: right) || isReachable(right, by: left)
  }

  /// Whether `easy` can be found where STUN shows it, and lets the other in wherever that comes from: a filter for
  /// addresses is opened by a packet to any port of the other.
  private static func isReachable(_ easy: Chain, by other: Chain) -> Bool {
    guard easy.mapping == .endpointIndependent else { return false }
    return other.mapping == .endpointIndependent || easy.filtering != .addressAndPortDependent
  }
}
