/// What became of a datagram that was to be sent.
public enum DatagramSending: Hashable, Sendable {
  /// It leaves when its turn comes. Nothing more is known of it: it may be lost like any datagram.
  case accepted
  /// It is larger than what the path carries now.
  case tooLarge
  /// Too many wait already: to be treated like a lost one.
  case queueFull
  /// The session carries no datagrams: it is not ready yet, or over, or one of its sides does not want any.
  case unavailable
}

/// Counters of a session's datagrams, always kept. Each datagram that was to be sent is sent, too large, refused or still
/// waits.
public struct DatagramCounts: Hashable, Sendable {
  /// Datagrams that left in a packet.
  public var sent: UInt64 = 0
  /// Datagrams that arrived and that the host has been, or will be, given.
  public var received: UInt64 = 0
  /// Datagrams that the path does not carry, or no longer did when their turn came.
  public var tooLarge: UInt64 = 0
  /// Datagrams that were refused because too many waited to be sent.
  public var refused: UInt64 = 0
  /// Datagrams that arrived while too many waited for the host.
  public var dropped: UInt64 = 0

  public init() {}
}
