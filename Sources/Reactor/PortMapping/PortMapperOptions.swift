import Basics
import Wire

extension PortMapper {
  /// How a mapper behaves; the defaults are for everybody but tests.
  public struct Options: Sendable {
    /// The protocols that are tried.
    public var protocols = PortMappingProtocol.allCases
    /// How long a mapping shall live without renewal.
    public var lifetime = Interval.seconds(7_200)
    /// The external port that is wished for; nil: the internal one's number.
    public var wantedPort: UInt16?
    /// How often the router is asked whether it restarted, which loses mappings. UPnP has no such question.
    public var checkInterval = Interval.seconds(300)
    /// The pause after the first failed attempt; doubled after each further one.
    public var firstRetry = Interval.seconds(30)
    /// The longest such pause.
    public var longestRetry = Interval.seconds(600)
    /// How long `stop` waits for the router.
    public var releaseLimit = Interval.milliseconds(500)
    /// The way out instead of what the system says; for tests.
    var route: @Sendable () -> DefaultRoute? = { DefaultRoute.current() }
    /// PCP's port on the router; for tests.
    var serverPort = PCP.serverPort

    public init() {}

    /// The clients of the protocols that are wanted.
    func clients(_ loop: EventLoop, _ route: DefaultRoute, internalPort: UInt16) -> [any MappingClient] {
      let target = MappingTarget(
        gateway: route.gateway, local: route.local, port: serverPort, internalPort: internalPort,
        wantedPort: wantedPort ?? internalPort, lifetime: lifetime)
      return PortMappingProtocol.allCases.filter(protocols.contains).map { kind in
        switch kind {
        case .pcp:
          var random = SecureRandom()
          return PCPClient(loop, target, random: &random)
        case .natPMP: return NATPMPClient(loop, target)
        case .upnp: return UPnPClient(loop, target)
        }
      }
    }
  }
}
