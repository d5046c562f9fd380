import Basics
import Wire

/// Sends between two of our sockets by way of their public addresses (RFC 4787, section 6). Both send, so that a NAT
/// that filters lets the second round in.
struct HairpinTest: Sendable {
  private static let rounds = [Interval.zero, .milliseconds(100), .milliseconds(300)]
  private static let patience = Interval.milliseconds(700)

  private let paths: [DirectPath]
  private let startedAt: Instant
  private var sent: [(id: STUNTransactionID, from: SocketID)] = []
  /// Whether a datagram came through; nil until one has or none is waited for any longer.
  private(set) var result: Bool?

  /// - Parameter sockets: two sockets with the addresses that a server saw.
  init(_ first: (SocketID, IPEndpoint), _ second: (SocketID, IPEndpoint), at now: Instant) {
    paths = [
      DirectPath(socket: second.0, remote: first.1), DirectPath(socket: first.0, remote: second.1),
    ]
    startedAt = now
  }

  var nextDeadline: Instant? { result == nil ? startedAt + nextDelay : nil }

  private var nextDelay: Interval {
    let round = sent.count / paths.count
    return round < Self.rounds.count ? Self.rounds[round] : Self.patience
  }

  mutating func poll(
    at now: Instant, random: inout some RandomNumberGenerator
  ) -> (request: [UInt8], path: DirectPath)? {
    guard let due = nextDeadline, due <= now else { return nil }
    guard sent.count < paths.count * Self.rounds.count else {
      result = false
      return nil
    }
    let path = paths[sent.count % paths.count]
    let id = STUNTransactionID(random: &random)
    sent.append((id, path.socket))
    return (STUNMessage.request(id), path)
  }

  /// Takes what arrives on one of the sockets: a request that the other one sent.
  mutating func handle(_ datagram: UnsafeRawBufferPointer, socket: SocketID) {
    guard result == nil, let id = try? STUNMessage.parseRequest(datagram) else { return }
    if sent.contains(where: { $0.id == id && $0.from != socket }) { result = true }
  }
}
