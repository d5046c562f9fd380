import Basics
import Wire

/// Asks STUN servers where the datagrams of our sockets come from (RFC 8489), and keeps asking one of them as long
/// as somebody needs to know.
///
/// Nothing waits for it: whoever gathers takes what is known and is told when more is. It owns no socket: `poll`
/// yields the requests, `handle` takes what arrives.
public struct STUNGatherer: Sendable {
  /// The most servers of a session; further ones are ignored.
  public static let maximumServerCount = 6
  /// The most sockets that are asked for; further ones are ignored.
  public static let maximumSocketCount = 16
  /// How often one server is asked again. Less than the 30 s after which common NATs forget a UDP binding.
  public static let refreshInterval = Interval.seconds(25)

  struct Asking: Sendable {
    let socket: SocketID
    let localPort: UInt16
    /// One for each server of the socket's family, in the order of the servers.
    var exchanges: [STUNExchange]
    var refreshAt: Instant
    /// The server that was last asked again.
    var refreshed: IPEndpoint?
  }

  /// One for each socket, in the order of their numbers.
  private(set) var askings: [Asking] = []
  private var servers: [IPEndpoint]
  private let allowsLoopback: Bool
  private let serverLimit: Int

  /// When `poll` next has a request; nil while there is nothing to ask.
  public private(set) var nextDeadline: Instant?

  /// Whether the answers are of use, so that a server is asked again now and then. That holds the NAT's binding and
  /// notices when it changes. The first round is asked in any case.
  public var isNeeded = true {
    didSet { schedule() }
  }

  /// Takes the first servers that can be asked.
  ///
  /// - Parameters:
  ///   - servers: the nearest first; duplicates and what is no unicast address with a port are left out.
  ///   - allowsLoopback: whether an answer may name a loopback address.
  ///   - serverLimit: the most servers that are asked.
  public init(
    servers: [IPEndpoint], allowsLoopback: Bool = false, serverLimit: Int = maximumServerCount
  ) {
    self.servers = Self.usable(servers, limit: serverLimit)
    self.allowsLoopback = allowsLoopback
    self.serverLimit = serverLimit
  }

  /// Replaces the servers. Answers of those that stay remain, new ones are asked at once.
  public mutating func setServers(_ servers: [IPEndpoint], at now: Instant) {
    self.servers = Self.usable(servers, limit: serverLimit)
    for index in askings.indices {
      let old = askings[index].exchanges
      askings[index].exchanges = self.servers(for: askings[index].socket).map { server in
        old.first { $0.server == server } ?? STUNExchange(server: server, at: now)
      }
    }
    schedule()
  }

  /// Asks for a socket that is bound to `localPort`.
  public mutating func addSocket(_ socket: SocketID, localPort: UInt16, at now: Instant) {
    askings.removeAll { $0.socket == socket }
    guard askings.count < Self.maximumSocketCount else { return }
    let place = askings.firstIndex { $0.socket > socket } ?? askings.endIndex
    let exchanges = servers(for: socket).map { STUNExchange(server: $0, at: now) }
    askings.insert(
      Asking(
        socket: socket, localPort: localPort, exchanges: exchanges, refreshAt: now + Self.refreshInterval),
      at: place)
    schedule()
  }

  /// Forgets a socket and its answers.
  public mutating func removeSocket(_ socket: SocketID) {
    askings.removeAll { $0.socket == socket }
    schedule()
  }

  /// Forgets all answers and asks anew: the network has changed.
  public mutating func restart(at now: Instant) {
    for index in askings.indices {
      askings[index].refreshAt = now + Self.refreshInterval
      for exchange in askings[index].exchanges.indices {
        askings[index].exchanges[exchange].restart(at: now)
      }
    }
    schedule()
  }

  /// The next request that is due, and where it goes; nil when there is none. A request that cannot be sent counts
  /// as a lost one.
  public mutating func poll(
    at now: Instant, random: inout some RandomNumberGenerator
  ) -> (request: [UInt8], path: DirectPath)? {
    guard let nextDeadline, nextDeadline <= now else { return nil }
    defer { schedule() }
    if isNeeded {
      for index in askings.indices where askings[index].refreshAt <= now { askings[index].refresh(at: now) }
    }
    for index in askings.indices {
      for place in askings[index].exchanges.indices {
        guard let due = askings[index].exchanges[place].nextTry, due <= now else { continue }
        let request = askings[index].exchanges[place].makeRequest(at: now, random: &random)
        let path = DirectPath(
          socket: askings[index].socket, remote: askings[index].exchanges[place].server)
        return (request, path)
      }
    }
    return nil
  }

  /// Takes a datagram if it answers a request of ours: from the very server that was asked, over the same socket,
  /// with an outstanding transaction identifier.
  ///
  /// - Returns: whether something that a caller can ask for, other than a latency, has changed.
  @discardableResult
  public mutating func handle(
    _ datagram: UnsafeRawBufferPointer, socket: SocketID, from remote: IPEndpoint, at now: Instant
  ) -> Bool {
    let remote = IPEndpoint(address: remote.address.unmapped, port: remote.port)
    guard let index = askings.firstIndex(where: { $0.socket == socket }),
      let place = askings[index].exchanges.firstIndex(where: { $0.server == remote }),
      let answer = try? STUNMessage.parseResponse(datagram)
    else { return false }
    let before = askings[index].exchanges[place]
    let mapped = believable(answer.endpoint, socket)
    guard askings[index].exchanges[place].take(answer.id, mapped, at: now) else { return false }
    let isChange = !before.isAnswered || before.mapped != mapped
    // Another address than before: the other servers' answers are out of date too.
    if before.isAnswered, isChange {
      for other in askings[index].exchanges.indices where other != place {
        askings[index].exchanges[other].restart(at: now)
      }
    }
    schedule()
    return isChange
  }

  /// An address that a peer may be told, or nil: servers can say what they like.
  private func believable(_ endpoint: IPEndpoint, _ socket: SocketID) -> IPEndpoint? {
    guard let candidate = Candidate(endpoint, allowingLoopback: allowsLoopback)?.endpoint,
      candidate.address.isIPv4 != socket.isIPv6
    else { return nil }
    return candidate
  }

  private static func usable(_ servers: [IPEndpoint], limit: Int) -> [IPEndpoint] {
    var usable: [IPEndpoint] = []
    for server in servers where usable.count < limit {
      guard let endpoint = Candidate(server, allowingLoopback: true)?.endpoint, !usable.contains(endpoint)
      else { continue }
      usable.append(endpoint)
    }
    return usable
  }

  private func servers(for socket: SocketID) -> [IPEndpoint] {
    servers.filter { $0.address.isIPv4 != socket.isIPv6 }
  }

  private mutating func schedule() {
    var next: Instant?
    for asking in askings where !asking.exchanges.isEmpty {
      for exchange in asking.exchanges {
        if let due = exchange.nextTry { next = min(next ?? due, due) }
      }
      if isNeeded { next = min(next ?? asking.refreshAt, asking.refreshAt) }
    }
    nextDeadline = next
  }
}

extension STUNGatherer.Asking {
  /// Asks one server again: the same as last time unless it has fallen silent, for the NAT's binding towards it is
  /// the one that can be seen to change.
  mutating func refresh(at now: Instant) {
    refreshAt = now + STUNGatherer.refreshInterval
    guard !exchanges.isEmpty else { return }
    var place = exchanges.firstIndex { $0.server == refreshed }
    if let last = place, exchanges[last].isUnanswered { place = (last + 1) % exchanges.count }
    let chosen = place ?? exchanges.firstIndex { $0.isAnswered } ?? 0
    refreshed = exchanges[chosen].server
    exchanges[chosen].refresh(at: now)
  }
}
