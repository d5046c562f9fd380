import Reactor
import Wire

/// Which port mapping protocols the router speaks; nil where nobody asked.
struct PortMappingFindings: Hashable {
  var pcp: Bool?
  var natPMP: Bool?
  var upnp: Bool?
  /// The router's external address, where a protocol tells it.
  var external: IPAddress?

  /// Whether the router maps a port by any of them, and that port is in the public network. A router that is itself
  /// behind a NAT, such as a provider's (RFC 6598), opens nothing to the world.
  var isUseful: Bool {
    guard pcp == true || natPMP == true || upnp == true else { return false }
    guard let external else { return true }
    // Tailscale's IPv4 range is that of RFC 6598.
    return !external.isPrivate && !external.isTailscale && !external.isLinkLocal
  }
}

/// Asks the router which protocols it speaks, and makes no mapping. Dropping the survey ends it.
protocol PortMappingSurvey: AnyObject {
  /// Begins. `completion` is called once, from the loop, and not later than the check's own limit.
  func start(_ loop: EventLoop, completion: @escaping (PortMappingFindings) -> Void)
}
