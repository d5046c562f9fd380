import Basics
import Wire

/// What the NAT or firewall before us lets in (RFC 4787, section 5).
public enum FilteringBehaviour: String, Hashable, Sendable {
  /// No server does what the test needs.
  case unknown
  /// Everything that is sent to our public address: an answer came from an address to which nothing was sent.
  case endpointIndependent = "endpoint-independent"
  /// Only what comes from an address to which something was sent, from any port: such an answer came, one from
  /// another address did not.
  case addressDependent = "address-dependent"
  /// One of the two above: an answer from another port came, and no server has another address.
  case addressDependentAtMost = "address-dependent-at-most"
  /// Only what comes from an address and port to which something was sent: answers came, but none from another
  /// port.
  case addressAndPortDependent = "address-and-port-dependent"
}

/// Asks servers for answers from elsewhere (RFC 5780, section 4.4), over a socket that sends nothing else.
struct FilteringTest: Sendable {
  /// The most servers that are asked.
  static let maximumServerCount = 3
  /// How long after the last try an answer is waited for.
  static let patience = Interval.milliseconds(500)

  private enum Outcome { case waiting, silent, unsupported, changed }

  private struct Question {
    var exchange: STUNExchange
    var outcome = Outcome.waiting
    var givesUpAt: Instant
  }

  /// Two questions to each server: for another port, and for another address and port.
  private var questions: [Question] = []

  /// The servers that are asked.
  var servers: [IPEndpoint] { questions.map(\.exchange.server) }

  /// Asks a server that has answered without conditions; one that has not says nothing by its silence.
  mutating func add(_ server: IPEndpoint, at now: Instant) {
    guard questions.count < 2 * Self.maximumServerCount, !servers.contains(server) else { return }
    let givesUpAt = STUNExchange.waits.reduce(now + Self.patience) { $0 + $1 }
    for change in [STUNChange.port, [.port, .address]] {
      questions.append(
        Question(exchange: STUNExchange(server: server, change: change, at: now), givesUpAt: givesUpAt))
    }
  }

  /// Whether every question has its outcome.
  var isFinished: Bool { questions.allSatisfy { $0.outcome != .waiting } }

  var nextDeadline: Instant? {
    questions.lazy.filter { $0.outcome == .waiting }
      .map { min($0.exchange.nextTry ?? $0.givesUpAt, $0.givesUpAt) }.min()
  }

  mutating func poll(
    at now: Instant, random: inout some RandomNumberGenerator
  ) -> (request: [UInt8], server: IPEndpoint)? {
    for index in questions.indices where questions[index].outcome == .waiting {
      if questions[index].givesUpAt <= now {
        questions[index].outcome = .silent
      } else if let due = questions[index].exchange.nextTry, due <= now {
        let request = questions[index].exchange.makeRequest(at: now, random: &random)
        return (request, questions[index].exchange.server)
      }
    }
    return nil
  }

  /// Takes what arrives on the test's socket. The identifier shows that it comes from the server, whatever its
  /// source says.
  mutating func handle(_ datagram: UnsafeRawBufferPointer, from remote: IPEndpoint, at now: Instant) {
    let refused = STUNMessage.parseRefusal(datagram)
    guard let id = refused ?? (try? STUNMessage.parseResponse(datagram).id) else { return }
    for index in questions.indices where questions[index].outcome == .waiting {
      guard questions[index].exchange.take(id, nil, at: now) else { continue }
      let isChanged = refused == nil && meets(remote, questions[index].exchange)
      questions[index].outcome = isChanged ? .changed : .unsupported
      return
    }
  }

  /// Whether an answer comes from where nothing was sent.
  private func meets(_ remote: IPEndpoint, _ exchange: STUNExchange) -> Bool {
    guard exchange.change.contains(.address) else {
      return remote.address == exchange.server.address && !servers.contains(remote)
    }
    return !servers.contains { $0.address == remote.address }
  }

  var result: FilteringBehaviour {
    var best = FilteringBehaviour.unknown
    for index in stride(from: 0, to: questions.count, by: 2) {
      let (port, address) = (questions[index].outcome, questions[index + 1].outcome)
      if address == .changed { return .endpointIndependent }
      switch port {
      case .changed where address == .silent: best = .addressDependent
      case .changed where best != .addressDependent: best = .addressDependentAtMost
      case .silent where best == .unknown: best = .addressAndPortDependent
      default: break
      }
    }
    return best
  }
}
