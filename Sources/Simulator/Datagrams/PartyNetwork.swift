import Basics
import Engine
import Wire

/// A party's interface and sockets.
struct PartyNetwork {
  let access: AccessOptions
  /// From the party to the public network, and back.
  var up: DatagramLink
  var down: DatagramLink
  /// The largest packet that passes the next hop now.
  var hopMTU: Int
  /// No datagram of the party passes.
  var isBlocked: Bool
  /// The system refuses to send.
  var isRefused = false

  private var ports: [SocketID: UInt16] = [:]
  private var owners: [UInt16: SocketID] = [:]
  private var nextPort: UInt16
  /// Whether there has been no room in the socket since it was last told.
  var isWaitingForRoom = false
  /// What the interface has gathered: the socket and the datagram.
  var gathered: [(socket: SocketID, datagram: Datagram)] = []
  var isHandoverDue = false

  /// Pairs over which a session frame came that the other side sealed and nobody damaged.
  var answered: Set<DirectPath> = []
  /// Where the other side may be, by all that anybody ever told or showed this side; other ports are guessed.
  var told: Set<IPEndpoint> = []
  var meter = ProbeMeter()
  /// The mapping that the party was told of.
  var mapped: IPEndpoint?
  /// Whether the session says that it is connected directly, and when it last was.
  var isDirect = false
  var lastDirectAt: Instant?
  var establishedAt: Instant?
  var directDatagrams: UInt64 = 0

  init(_ access: AccessOptions, firstPort: UInt16) {
    self.access = access
    up = DatagramLink(delay: access.delay, bytesPerSecond: access.rate, queueBytes: access.queue)
    down = up
    hopMTU = access.hopMTU
    isBlocked = access.isBlocked
    nextPort = firstPort
  }

  func port(of socket: SocketID) -> UInt16? { ports[socket] }
  func socket(at port: UInt16) -> SocketID? { owners[port] }
  var socketCount: Int { ports.count }

  /// Binds a socket; nil when the system refuses.
  mutating func open(_ socket: SocketID, isAvailable: Bool) -> UInt16? {
    let isRefused =
      switch access.refusal {
      case .none: false
      case .ipv4: !socket.isIPv6
      case .ipv6: socket.isIPv6
      case .extra: socket.number >= SocketID.firstExtra
      }
    guard isAvailable, !isRefused else { return nil }
    let port = nextPort
    nextPort += 1
    ports[socket] = port
    owners[port] = socket
    return port
  }

  mutating func close(_ socket: SocketID) {
    if let port = ports.removeValue(forKey: socket) { owners[port] = nil }
  }
}
