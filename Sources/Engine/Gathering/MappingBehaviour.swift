import Basics
import Wire

/// What the NAT before us does with a socket's address when the socket sends to several destinations (RFC 4787,
/// section 4.1).
public enum MappingBehaviour: String, Hashable, Sendable {
  /// Fewer than two servers at different addresses have answered.
  case unknown
  /// Nothing translates: servers see the address that the socket has.
  case none
  /// One public address whatever the destination, so what a server saw is good for a peer too.
  case endpointIndependent = "endpoint-independent"
  /// A new public address or port for another destination: what a server saw tells a peer little.
  case dependent
}

/// What the answers mean.
extension STUNGatherer {
  /// The public addresses of all sockets: in the order of the sockets and then of the servers, each once.
  public var mapped: [IPEndpoint] {
    askings.reduce(into: []) { all, asking in
      for endpoint in asking.mapped where !all.contains(endpoint) { all.append(endpoint) }
    }
  }

  /// The public addresses of one socket, in the order of the servers that saw them, each once.
  public func mapped(of socket: SocketID) -> [IPEndpoint] { asking(socket)?.mapped ?? [] }

  /// What the answers so far show.
  ///
  /// - Parameter localAddresses: those of this machine's interfaces.
  public func mappingBehaviour(of socket: SocketID, localAddresses: [IPAddress]) -> MappingBehaviour {
    guard let asking = asking(socket) else { return .unknown }
    let mapped = asking.mapped
    guard let first = mapped.first else { return .unknown }
    if mapped.count > 1 { return .dependent }
    if first.port == asking.localPort, localAddresses.contains(where: { $0.unmapped == first.address }) {
      return .none
    }
    // Two ports of one address do not tell: the mapping may still depend on the address.
    let witnesses = asking.exchanges.lazy.filter { $0.mapped != nil }.map { $0.server.address }
    return witnesses.contains { $0 != witnesses.first } ? .endpointIndependent : .unknown
  }

  /// Whether a server saw the port that the socket has; nil when none has answered.
  public func preservesPort(of socket: SocketID) -> Bool? {
    guard let asking = asking(socket), !asking.mapped.isEmpty else { return nil }
    return asking.mapped.contains { $0.port == asking.localPort }
  }

  /// The ports that the NAT is likely to give the socket towards the next destination, the likeliest first, at most
  /// 16: the local port when it was seen to be kept, the following ones when the ports seen lie close together.
  /// Empty when there is nothing to go by. Never below 1024.
  public func predictedPorts(of socket: SocketID) -> [UInt16] {
    guard let asking = asking(socket) else { return [] }
    if preservesPort(of: socket) == true { return [asking.localPort].filter { $0 >= Self.lowestGuess } }
    let seen = asking.mapped.map { Int($0.port) }
    let sorted = Array(Set(seen)).sorted()
    let gaps = zip(sorted.dropFirst(), sorted).map { $0 - $1 }
    guard let step = gaps.min(), gaps.allSatisfy({ $0 <= Self.largestGap }) else { return [] }
    // Requests to the servers left in their order; some were repeated, so only the ends of the list are compared.
    let isDescending = seen[seen.count - 1] < seen[0]
    let start = isDescending ? sorted[0] : sorted[sorted.count - 1]
    return (1...Self.maximumPredictionCount).compactMap { count in
      UInt16(exactly: start + (isDescending ? -step : step) * count).flatMap {
        $0 >= Self.lowestGuess ? $0 : nil
      }
    }
  }

  /// The servers with the round trip of their latest answer, over any socket the shortest; nil without answer.
  public var latencies: [(server: IPEndpoint, latency: Interval?)] {
    var list: [(server: IPEndpoint, latency: Interval?)] = []
    for exchange in askings.flatMap(\.exchanges) {
      guard let place = list.firstIndex(where: { $0.server == exchange.server }) else {
        list.append((exchange.server, exchange.latency))
        continue
      }
      guard let latency = exchange.latency else { continue }
      list[place].latency = min(list[place].latency ?? latency, latency)
    }
    return list
  }

  /// The round trip of a server's latest answer, over any socket the shortest; nil without answer.
  public func latency(of server: IPEndpoint) -> Interval? {
    askings.lazy.flatMap(\.exchanges).filter { $0.server == server }.compactMap(\.latency).min()
  }

  /// Whether every server that is asked has answered over every socket.
  public var isComplete: Bool { askings.allSatisfy { $0.exchanges.allSatisfy(\.isAnswered) } }

  /// The most ports that are predicted.
  public static let maximumPredictionCount = 16
  private static let lowestGuess: UInt16 = 1_024
  /// Others behind the same NAT take ports too, so neighbours are not always next to each other.
  private static let largestGap = 16

  private func asking(_ socket: SocketID) -> Asking? { askings.first { $0.socket == socket } }
}

extension STUNGatherer.Asking {
  /// What the servers saw, in their order, each once.
  fileprivate var mapped: [IPEndpoint] {
    exchanges.reduce(into: []) { all, exchange in
      if let endpoint = exchange.mapped, !all.contains(endpoint) { all.append(endpoint) }
    }
  }
}
