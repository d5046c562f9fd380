import Reactor

/// Which port mapping protocols the router speaks; nil where nobody asked.
struct PortMappingFindings: Hashable {
  var pcp: Bool?
  var natPMP: Bool?
  var upnp: Bool?

  /// Whether the router maps ports by any of them.
  var isAvailable: Bool { pcp == true || natPMP == true || upnp == true }
}

/// Asks the router which protocols it speaks, and makes no mapping. Dropping the survey ends it.
protocol PortMappingSurvey: AnyObject {
  /// Begins. `completion` is called once, from the loop, and not later than the check's own limit.
  func start(_ loop: EventLoop, completion: @escaping (PortMappingFindings) -> Void)
}
