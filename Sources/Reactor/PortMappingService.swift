import Wire

/// Makes a router map a port of its own to ours. Belongs to the loop's thread and never blocks it.
public protocol PortMappingService: AnyObject {
  /// Asks for a mapping to a local UDP port and keeps it alive. `changed` is called on the loop with the address
  /// that the port has outside, and with nil when it has none any more.
  func start(localPort: UInt16, changed: @escaping (IPEndpoint?) -> Void)
  /// Addresses or routes have changed: there may be another router.
  func networkChanged()
  /// Gives the mapping back. `completion` is called once, on the loop, when that is done or cannot be; `changed`
  /// is not called any more.
  func stop(completion: @escaping () -> Void)
}
