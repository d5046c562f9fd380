import Reactor

/// The simplest hole punching there is, with two plain sockets: each learns its public endpoint from a third party,
/// both send to each other's, and each answers to where the other's datagrams really come from.
///
/// A pair that theory calls direct must be passed by this alone; if not, the routers are not what they should be.
struct PunchCheck {
  private static let rounds = 4

  private let topology: Topology

  /// Nil for pairs without two sites with IPv4.
  init?(_ cell: Cell) throws {
    guard let receiver = cell.receiver, cell.sender.hasIPv4, receiver.hasIPv4 else { return nil }
    // The delay line stands between the sites as in a session, so that both send before either receives.
    topology = try Topology(cell.sender, receiver, LinkOptions(roundTrip: .milliseconds(20)))
  }

  /// Whether datagrams arrive both ways.
  func passes() throws -> Bool {
    let server = try PlainSocket(topology.relay, Topology.relayIPv4[0], 3_478)
    let ends = try topology.hosts.map { try PlainSocket($0, "0.0.0.0", 41_641) }
    var endpoints: [SocketAddress] = []
    for end in ends {
      end.send(to: server.address)
      guard let visible = server.receive() else { return false }
      endpoints.append(visible)
    }
    var isHeard = [false, false]
    for _ in 0..<Self.rounds where isHeard != [true, true] {
      for index in 0..<2 { ends[index].send(to: endpoints[1 - index]) }
      for index in 0..<2 {
        guard let source = ends[index].receive() else { continue }
        isHeard[index] = true
        endpoints[1 - index] = source
      }
    }
    return isHeard == [true, true]
  }
}
