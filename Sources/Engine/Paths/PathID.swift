import Wire

/// A UDP socket of a session. The engine names it, the host opens it.
public struct SocketID: Hashable, Comparable, Sendable, CustomStringConvertible {
  /// Below `SocketID.limit`.
  public let number: UInt16

  public init(number: UInt16) { self.number = number }

  /// The socket that everything over IPv4 starts with.
  public static let ipv4 = SocketID(number: 0)
  /// The socket that everything over IPv6 starts with.
  public static let ipv6 = SocketID(number: 1)
  /// The first of the additional IPv4 sockets that a session opens behind a hard NAT.
  public static let firstExtra: UInt16 = 2
  /// No socket has this number or a higher one.
  public static let limit: UInt16 = 258

  public static func < (left: SocketID, right: SocketID) -> Bool { left.number < right.number }

  public var description: String { "socket \(number)" }

  /// Whether the socket is an IPv6 socket; all others are IPv4 sockets.
  public var isIPv6: Bool { self == .ipv6 }
}

/// A way to the peer without a relay: one of our sockets and an address of the peer.
public struct DirectPath: Hashable, Sendable, CustomStringConvertible {
  public var socket: SocketID
  /// Never an IPv4-mapped address.
  public var remote: IPEndpoint

  public init(socket: SocketID, remote: IPEndpoint) {
    self.socket = socket
    self.remote = remote
  }

  public var description: String { "\(remote) (\(socket))" }
}

/// A way to the peer.
public enum PathID: Hashable, Sendable {
  /// Through the relay's connection, as a byte stream.
  case relay
  /// As UDP datagrams.
  case direct(DirectPath)
}

/// Why a datagram could not be sent.
public enum DatagramFailure: Hashable, Sendable {
  /// It is larger than what the interface carries.
  case tooLarge
  /// No route, forbidden, or the socket is gone.
  case unreachable(reason: String)
}

/// Where a session's payload goes and why, for people and for `--json`.
public struct PathReport: Hashable, Sendable {
  /// The path that new payload takes.
  public var path: PathID
  /// The smoothed round trip of the path, if measured.
  public var roundTripMicroseconds: Int64?
  /// The size of the largest datagrams that the path is known to carry, in bytes of UDP payload; nil on the relay.
  public var datagramSize: Int?
  /// One line: why the session is there and not elsewhere.
  public var reason: String

  public init(path: PathID, roundTripMicroseconds: Int64?, datagramSize: Int?, reason: String) {
    self.path = path
    self.roundTripMicroseconds = roundTripMicroseconds
    self.datagramSize = datagramSize
    self.reason = reason
  }
}
