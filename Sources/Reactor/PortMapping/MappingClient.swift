import Basics
import Wire

/// Whom to ask, and for what.
struct MappingTarget: Hashable, Sendable {
  var gateway: IPAddress
  var local: IPAddress
  /// Where PCP is served; libnatpmp knows only its number.
  var port = PCP.serverPort
  /// Our port.
  var internalPort: UInt16
  /// The external port to ask for; the router may give another.
  var wantedPort: UInt16
  /// How long the mapping shall live.
  var lifetime: Interval

  /// The lifetime in seconds, as all three protocols count.
  var lifetimeSeconds: UInt32 { UInt32(clamping: lifetime.nanoseconds / 1_000_000_000) }
}

/// A router's answer to the question whether it is there.
struct MappingPresence: Hashable, Sendable {
  var external: IPAddress?
  /// The router's clock in seconds; UPnP has none.
  var epoch: UInt32?
}

/// A router's promise.
struct MappingGrant: Hashable, Sendable {
  var external: IPEndpoint
  var lifetime: Interval
  var epoch: UInt32?

  /// Whether anybody can use the endpoint.
  var isUsable: Bool {
    external.address.isIPv4 && !external.address.isBroadcast && Candidate(external) != nil
  }
}

/// One protocol towards one router. One operation at a time: a new one, or `close()`, takes the place of the
/// one under way, whose closure is then never called. Closures are called from the loop, never from within
/// the call that took them.
protocol MappingClient: AnyObject {
  var kind: PortMappingProtocol { get }
  /// Asks whether the router speaks the protocol; changes nothing there.
  func probe(_ done: @escaping (Result<MappingPresence, PortMappingFailure>) -> Void)
  /// Makes the mapping, or prolongs it.
  func map(_ done: @escaping (Result<MappingGrant, PortMappingFailure>) -> Void)
  /// Removes the mapping, also one that is being asked for; tells whether the router confirmed it.
  func release(_ done: @escaping (Bool) -> Void)
  /// Gives up at once, without telling the router.
  func close()
}
