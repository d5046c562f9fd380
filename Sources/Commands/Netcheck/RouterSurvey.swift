import Basics
import Reactor

/// Asks the router of the default route by all three protocols.
final class RouterSurvey: PortMappingSurvey {
  /// Routers are near; a UPnP search alone takes more than a second.
  private static let limit = Interval.milliseconds(2_500)

  private var probe: PortMappingProbe?

  func start(_ loop: EventLoop, completion: @escaping (PortMappingFindings) -> Void) {
    probe = PortMappingProbe(loop, limit: Self.limit) { completion(PortMappingFindings($0)) }
  }
}

extension PortMappingFindings {
  /// Without a router nothing answers, and nothing maps ports.
  init(_ outcome: PortMappingProbe.Outcome) {
    pcp = Self.speaks(.pcp, outcome)
    natPMP = Self.speaks(.natPMP, outcome)
    upnp = Self.speaks(.upnp, outcome)
    external = outcome.external
  }

  private static func speaks(_ kind: PortMappingProtocol, _ outcome: PortMappingProbe.Outcome) -> Bool {
    outcome.answers.contains { answer in
      guard answer.kind == kind, case .success = answer.outcome else { return false }
      return true
    }
  }
}
