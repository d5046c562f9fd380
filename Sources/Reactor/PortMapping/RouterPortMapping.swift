import Wire

/// A session's port mapping through the router of this host: makes a `PortMapper` once the port is known.
public final class RouterPortMapping: PortMappingService {
  private let loop: EventLoop
  private let report: (PortMappingReport) -> Void
  private var mapper: PortMapper?

  /// - Parameter report: is told, for people, what the router answers.
  public init(_ loop: EventLoop, report: @escaping (PortMappingReport) -> Void) {
    self.loop = loop
    self.report = report
  }

  public func start(localPort: UInt16, changed: @escaping (IPEndpoint?) -> Void) {
    guard mapper == nil else { return }
    let mapper = PortMapper(
      loop, internalPort: localPort, report: report, changed: { endpoint, _ in changed(endpoint) })
    self.mapper = mapper
    mapper.start()
  }

  public func networkChanged() { mapper?.networkChanged() }

  public func stop(completion: @escaping () -> Void) {
    guard let mapper else { return completion() }
    self.mapper = nil
    mapper.stop(completion)
  }
}
