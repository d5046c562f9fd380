import Basics
import Wire

/// What a check of the network has found.
public struct NetworkReport: Sendable {
  /// What an address family can do.
  public struct Family: Hashable, Sendable {
    /// Whether a server answered.
    public var isReachable = false
    /// Where the datagrams of our socket come from, as servers saw it; more than one when that depends on the
    /// server.
    public var addresses: [IPEndpoint] = []
  }

  /// How a relay's round trip was measured.
  public enum Method: String, Sendable {
    case stun
    /// The time of a TCP connection.
    case tcp
  }

  /// How far away a relay is.
  public struct RelayDistance: Hashable, Sendable {
    /// Its place in the list that the check was given.
    public var relay: Int
    /// The shortest round trip; nil when it did not answer.
    public var latency: Interval?
    /// How that was measured.
    public var method: Method?

    public init(relay: Int, latency: Interval? = nil, method: Method? = nil) {
      self.relay = relay
      self.latency = latency
      self.method = method
    }
  }

  public var ipv4 = Family()
  public var ipv6 = Family()
  /// Of IPv4, or of IPv6 when IPv4 reaches nothing.
  public var mapping = MappingBehaviour.unknown
  /// Of IPv4.
  public var filtering = FilteringBehaviour.unknown
  /// Whether two sockets behind the NAT reach each other by their public addresses; nil when there is no NAT or it
  /// was not seen.
  public var hairpins: Bool?
  /// Whether the NAT keeps the port of a socket; nil when nothing is known.
  public var preservesPort: Bool?
  /// In the order of the list that the check was given.
  public var relays: [RelayDistance] = []

  /// A report without findings.
  public init() {}

  /// Whether a server answered by UDP.
  public var hasUDP: Bool { ipv4.isReachable || ipv6.isReachable }

  /// The place in the list of the relay with the shortest round trip. STUN and TCP take one round trip each, so
  /// both compare.
  public var nearest: Int? {
    relays.filter { $0.latency != nil }.min { ($0.latency!, $0.relay) < ($1.latency!, $1.relay) }?.relay
  }
}

/// What to expect of direct connections.
public struct DirectOutlook: Hashable, Sendable {
  /// With whom direct connections can be had.
  public enum Expectation: String, Sendable {
    case likely
    case onlyWithEasyPeers = "only-with-easy-peers"
    case unlikely
    /// Too little was seen.
    case unclear
  }

  public var expectation: Expectation
  /// The reason in a few words, such as `no server answered by UDP`.
  public var reason: String

  /// - Parameter hasPortMapping: whether a router opens ports of the public network on request.
  public init(_ report: NetworkReport, hasPortMapping: Bool) {
    (expectation, reason) = Self.judge(report, hasPortMapping)
  }

  private static func judge(
    _ report: NetworkReport, _ hasPortMapping: Bool
  ) -> (expectation: Expectation, reason: String) {
    guard report.hasUDP else {
      return (.unlikely, "no STUN server answered by UDP: it seems to be blocked")
    }
    switch report.mapping {
    case .none: return (.likely, "no NAT changes our address")
    case .endpointIndependent:
      return (.likely, "the NAT gives one public address, whoever we send to")
    case .dependent where hasPortMapping:
      return (.likely, "the router maps a port on request")
    case .dependent where report.preservesPort == true:
      return (.likely, "the NAT changes our address by destination, but tries to keep the port")
    case .dependent:
      return (.onlyWithEasyPeers, "the NAT gives another public address for each destination")
    case .unknown where hasPortMapping: return (.likely, "the router maps a port on request")
    case .unknown where report.preservesPort == true:
      return (.likely, "the NAT keeps our port, though one server cannot show whether always")
    case .unknown:
      return (.unclear, "it takes two STUN servers to see what the NAT does, and only one answered")
    }
  }
}
