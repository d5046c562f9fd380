import Engine
import Wire

/// What a host is told, and what it says about itself.
extension SessionHost {
  /// Where the session meets its peer.
  public struct Relay {
    /// `http(s)://host[:port]/derp`.
    public var url: String
    /// Addresses that replace looking the host up.
    public var addresses: [SocketAddress]
    /// The UDP port at which the relay answers STUN; nil when it does not.
    public var stunPort: UInt16?

    public init(
      url: String, addresses: [SocketAddress] = [], stunPort: UInt16? = DERPRoute.defaultSTUNPort
    ) {
      self.url = url
      self.addresses = addresses
      self.stunPort = stunPort
    }
  }

  /// What a session that may leave the relay needs.
  public struct DirectPaths {
    /// Who tells where our datagrams come from, the best first; at most six addresses are used, the relay's own
    /// before them.
    public var stunServers: [STUNServerName]
    /// Makes a router map a port; nil when none is to be asked.
    public var portMapping: (any PortMappingService)?
    /// Whether loopback addresses count; only tests and demonstrations on one machine want that.
    public var includesLoopback: Bool

    public init(
      stunServers: [STUNServerName] = [], portMapping: (any PortMappingService)? = nil,
      includesLoopback: Bool = false
    ) {
      self.stunServers = stunServers
      self.portMapping = portMapping
      self.includesLoopback = includesLoopback
    }
  }

  /// Something about the host's sockets that `--verbose` shows.
  public enum Note: CustomStringConvertible {
    /// One of the two main sockets is open.
    case socketOpened(SocketID, DatagramSocket)
    /// The kernel refused the faster way.
    case sendMethodChanged(SocketID, DatagramSocket.SendMethod)

    public var description: String {
      switch self {
      case .socketOpened(let id, let socket):
        "\(id.isIPv6 ? "IPv6" : "IPv4") UDP port \(socket.address.port): buffers of "
          + "\(socket.receiveBufferSize) bytes to receive, \(socket.sendBufferSize) to send; "
          + "GSO \(socket.sendMethod == .segmentation ? "yes" : "no"), GRO \(socket.joinsDatagrams ? "yes" : "no")"
      case .sendMethodChanged(let id, let method):
        "\(id.isIPv6 ? "IPv6" : "IPv4") UDP: the system refuses larger steps, going on with "
          + (method == .batch ? "sendmmsg" : "sendto")
      }
    }
  }
}
