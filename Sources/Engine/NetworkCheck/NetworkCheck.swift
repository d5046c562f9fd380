import Basics
import Wire

/// Finds out what the network lets through: STUN to all relays, answers from elsewhere, datagrams to ourselves, and
/// TCP to relays that do not answer otherwise.
///
/// It owns no socket. The host opens UDP sockets, calls `poll` until it yields nothing, hands in what arrives, and
/// calls again at `nextDeadline`, until `isFinished`.
public struct NetworkCheck: Sendable {
  /// A relay to be measured.
  public struct Relay: Sendable {
    /// Its STUN servers, one for each family; empty when it has none.
    public var stun: [IPEndpoint]

    public init(stun: [IPEndpoint]) { self.stun = stun }
  }

  /// What the host is to do.
  public enum Action: Sendable {
    /// Send a datagram. What cannot be sent counts as lost.
    case send([UInt8], DirectPath)
    /// Connect to a relay (its place in the list) by TCP and report `connected`.
    case connect(relay: Int)
  }

  /// The IPv4 socket that asks for answers from elsewhere.
  public static let filterSocket = SocketID(number: 2)
  /// The IPv4 socket at the other end of the hairpin.
  public static let hairpinSocket = SocketID(number: 3)
  /// The most relays that are measured; further ones are left out.
  public static let maximumRelayCount = 64
  /// The check ends then at the latest.
  public static let limit = Interval.seconds(4)
  /// Who has not answered by STUN after this is tried by TCP.
  static let patience = Interval.milliseconds(1_000)
  /// TCP connections may take this long.
  static let connectLimit = Interval.milliseconds(2_000)
  /// The most servers that the hairpin's other end asks for its address.
  private static let hairpinServerCount = 3

  private enum Connection { case idle, asked(Instant), made(Interval) }

  private let relays: [Relay]
  private let localAddresses: [IPAddress]
  private let startedAt: Instant
  private let canFilter: Bool
  private var gatherer: STUNGatherer
  private var hairpinGatherer: STUNGatherer
  private var filtering = FilteringTest()
  private var hairpin: HairpinTest?
  private var connections: [Connection]
  private var now: Instant

  /// - Parameters:
  ///   - localAddresses: the addresses that our datagrams leave with.
  ///   - ports: the local ports of the sockets that could be opened.
  ///   - allowsLoopback: whether a loopback address may be our public one; for relays on this machine.
  public init(
    relays: [Relay], localAddresses: [IPAddress], ports: [(socket: SocketID, port: UInt16)],
    allowsLoopback: Bool = false, at now: Instant
  ) {
    self.relays = Array(relays.prefix(Self.maximumRelayCount))
    self.localAddresses = localAddresses
    canFilter = ports.contains { $0.socket == Self.filterSocket }
    startedAt = now
    self.now = now
    connections = self.relays.map { _ in .idle }
    gatherer = STUNGatherer(
      servers: self.relays.flatMap(\.stun), allowsLoopback: allowsLoopback, serverLimit: .max)
    hairpinGatherer = STUNGatherer(servers: [], allowsLoopback: allowsLoopback)
    gatherer.isNeeded = false
    hairpinGatherer.isNeeded = false
    for (socket, port) in ports {
      switch socket {
      case .ipv4, .ipv6: gatherer.addSocket(socket, localPort: port, at: now)
      case Self.hairpinSocket: hairpinGatherer.addSocket(socket, localPort: port, at: now)
      default: break
      }
    }
  }

  /// The next thing to do; nil when there is nothing to do before `nextDeadline` or an arrival.
  public mutating func poll(at now: Instant, random: inout some RandomNumberGenerator) -> Action? {
    self.now = now
    if let (request, path) = gatherer.poll(at: now, random: &random) { return .send(request, path) }
    if let (request, path) = hairpinGatherer.poll(at: now, random: &random) { return .send(request, path) }
    if let (request, server) = filtering.poll(at: now, random: &random) {
      return .send(request, DirectPath(socket: Self.filterSocket, remote: server))
    }
    if let (request, path) = hairpin?.poll(at: now, random: &random) { return .send(request, path) }
    guard now >= startedAt + Self.patience else { return nil }
    for index in relays.indices where latency(of: index) == nil {
      guard case .idle = connections[index] else { continue }
      connections[index] = .asked(now)
      return .connect(relay: index)
    }
    return nil
  }

  /// Takes a datagram.
  public mutating func handle(
    _ datagram: UnsafeRawBufferPointer, socket: SocketID, from remote: IPEndpoint, at now: Instant
  ) {
    self.now = now
    let remote = IPEndpoint(address: remote.address.unmapped, port: remote.port)
    switch socket {
    case Self.filterSocket: filtering.handle(datagram, from: remote, at: now)
    case Self.hairpinSocket:
      hairpin?.handle(datagram, socket: socket)
      if hairpinGatherer.handle(datagram, socket: socket, from: remote, at: now) { beginHairpin() }
    default:
      hairpin?.handle(datagram, socket: socket)
      guard gatherer.handle(datagram, socket: socket, from: remote, at: now) else { return }
      guard remote.address.isIPv4 else { return }
      if canFilter { filtering.add(remote, at: now) }
      let servers = gatherer.latencies.filter { $0.latency != nil && $0.server.address.isIPv4 }
      hairpinGatherer.setServers(servers.prefix(Self.hairpinServerCount).map(\.server), at: now)
      beginHairpin()
    }
  }

  /// A relay took our TCP connection.
  public mutating func connected(relay: Int, at now: Instant) {
    self.now = now
    guard connections.indices.contains(relay), case .asked(let since) = connections[relay] else { return }
    connections[relay] = .made(now - since)
  }

  /// When to poll again; nil when finished.
  public var nextDeadline: Instant? {
    if isFinished { return nil }
    var next = startedAt + Self.limit
    let due = [
      gatherer.nextDeadline, hairpinGatherer.nextDeadline, filtering.nextDeadline, hairpin?.nextDeadline,
    ]
    for instant in due { if let instant { next = min(next, instant) } }
    if now < startedAt + Self.patience { next = min(next, startedAt + Self.patience) }
    for connection in connections {
      if case .asked(let since) = connection, since + Self.connectLimit > now {
        next = min(next, since + Self.connectLimit)
      }
    }
    return next
  }

  /// Whether nothing more can be found out, or the time is up.
  public var isFinished: Bool {
    if now >= startedAt + Self.limit { return true }
    // Until then a first answer may still come, and with it more tests.
    guard gatherer.isComplete || now >= startedAt + Self.patience else { return false }
    guard filtering.isFinished, !isHairpinOpen else { return false }
    return relays.indices.allSatisfy { index in
      switch connections[index] {
      case .made: true
      case .asked(let since): latency(of: index) != nil || now >= since + Self.connectLimit
      case .idle: latency(of: index) != nil
      }
    }
  }

  /// What has been found so far.
  public var report: NetworkReport {
    var report = NetworkReport()
    report.ipv4 = family(.ipv4)
    report.ipv6 = family(.ipv6)
    let socket = report.ipv4.isReachable ? SocketID.ipv4 : .ipv6
    report.mapping = mapping(of: socket)
    if socket == .ipv4 { report.filtering = filtering.result }
    report.hairpins = hairpin?.result
    report.preservesPort = gatherer.preservesPort(of: socket)
    report.relays = relays.indices.map { index in
      var distance = NetworkReport.RelayDistance(relay: index)
      if let latency = latency(of: index) {
        (distance.latency, distance.method) = (latency, .stun)
      } else if case .made(let latency) = connections[index] {
        (distance.latency, distance.method) = (latency, .tcp)
      }
      return distance
    }
    return report
  }

  private func mapping(of socket: SocketID) -> MappingBehaviour {
    gatherer.mappingBehaviour(of: socket, localAddresses: localAddresses)
  }

  private func family(_ socket: SocketID) -> NetworkReport.Family {
    let isReachable = gatherer.latencies.contains { server, latency in
      latency != nil && server.address.isIPv4 != socket.isIPv6
    }
    return NetworkReport.Family(isReachable: isReachable, addresses: gatherer.mapped(of: socket))
  }

  private func latency(of relay: Int) -> Interval? {
    relays[relay].stun.compactMap { gatherer.latency(of: $0) }.min()
  }

  /// Whether the hairpin's test goes on or may still begin.
  private var isHairpinOpen: Bool {
    if let hairpin { return hairpin.result == nil }
    return hairpinGatherer.nextDeadline != nil && mapping(of: .ipv4) != .none
  }

  /// Begins when both ends know their public addresses, unless these are their own.
  private mutating func beginHairpin() {
    guard hairpin == nil, mapping(of: .ipv4) != .none, let one = gatherer.mapped(of: .ipv4).first,
      let other = hairpinGatherer.mapped.first
    else { return }
    hairpin = HairpinTest((.ipv4, one), (Self.hairpinSocket, other), at: now)
  }
}
