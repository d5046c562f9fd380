import Basics
import Engine
import Glibc

/// What carries the datagrams of flows between their two ends: a session. `Session` says what each call means.
public protocol DatagramCarrier: AnyObject {
  func sendDatagram(_ bytes: UnsafeRawBufferPointer, at now: Instant) -> DatagramSending
  func readDatagram(at now: Instant, _ take: (UnsafeRawBufferPointer) -> Void) -> Bool
}

extension Session: DatagramCarrier {}

/// Counters of one end of forwarded datagrams, always kept. Every datagram that came in from either side is in one of
/// them but `open` and `total`.
public struct DatagramForwarding: Hashable, Sendable {
  /// Flows that there are now.
  public var open = 0
  /// Flows that there have been.
  public var total: UInt64 = 0
  /// Datagrams from local sockets that the session took.
  public var sent: UInt64 = 0
  /// Datagrams of the peer that a local socket took.
  public var received: UInt64 = 0
  /// Datagrams that were larger than what the path, or the local interface, carries.
  public var tooLarge: UInt64 = 0
  /// Datagrams for which there was no room, no flow or no way.
  public var dropped: UInt64 = 0
  /// Datagrams of the peer that have no number of a flow.
  public var malformed: UInt64 = 0
  /// Reports of the network (ICMP) that earlier datagrams did not reach the local side; those count as received, too.
  public var refused: UInt64 = 0

  public init() {}

  /// Counts a datagram that was given to the session.
  mutating func count(_ result: DatagramSending) {
    switch result {
    case .accepted: sent += 1
    case .tooLarge: tooLarge += 1
    case .queueFull, .unavailable: dropped += 1
    }
  }

  /// Counts a datagram that was given to a local socket, by the error number that it gave.
  mutating func count(_ code: Int32) {
    switch code {
    case 0: received += 1
    case EMSGSIZE: tooLarge += 1
    default: dropped += 1
    }
  }
}
