import Engine
import Wire

/// What a host finds out for its session about the network around it: addresses, STUN servers, a router's port.
final class SessionSurroundings {
  private let loop: EventLoop
  private let options: SessionHost.DirectPaths
  private let servers: STUNServerList
  private let tell: (HostEvent) -> Void
  private var monitor: NetworkMonitor?
  private var isMapping = false

  /// `tell` is called now and then, always on the loop.
  init(_ loop: EventLoop, _ options: SessionHost.DirectPaths, tell: @escaping (HostEvent) -> Void) {
    self.loop = loop
    self.options = options
    self.tell = tell
    servers = STUNServerList(options.stunServers)
  }

  /// Tells what is known at once, and begins to look for the rest.
  func start() {
    let monitor = NetworkMonitor(loop, includingLoopback: options.includesLoopback) {
      [weak self] addresses in
      guard let self else { return }
      tell(.networkChanged(addresses: addresses))
      if isMapping { options.portMapping?.networkChanged() }
    }
    self.monitor = monitor
    tell(.networkChanged(addresses: monitor.addresses))
    if !servers.servers.isEmpty { tellServers() }
    servers.resolve(loop) { [weak self] in self?.tellServers() }
  }

  /// The relay is connected; `peer` is its own address, if that is known.
  func relayConnected(at peer: SocketAddress?, stunPort: UInt16?) {
    guard let peer, let stunPort, stunPort != 0 else { return }
    if servers.relayConnected(at: peer.endpoint.address, port: stunPort) { tellServers() }
  }

  /// A socket is bound: the first IPv4 socket's port is what a router shall map.
  func socketOpened(_ id: SocketID, port: UInt16) {
    guard id == .ipv4, !isMapping, let service = options.portMapping else { return }
    isMapping = true
    service.start(localPort: port) { [weak self] endpoint in self?.tell(.portMapped(endpoint)) }
  }

  /// Tells nothing more, and gives back what the router gave; `completion` is called once, perhaps at once.
  func stop(completion: @escaping () -> Void) {
    monitor?.close()
    servers.cancel()
    guard isMapping, let service = options.portMapping else { return completion() }
    isMapping = false
    service.stop(completion: completion)
  }

  private func tellServers() { tell(.stunServers(servers.servers)) }
}
