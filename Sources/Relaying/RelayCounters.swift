/// What a relay did since it started.
public struct RelayCounters: Hashable, Sendable {
  /// Connections taken in.
  public var connections: UInt64 = 0
  /// Connections refused right away.
  public var refusals: UInt64 = 0
  /// Clients that proved a key.
  public var joins: UInt64 = 0
  /// Packets written to or queued for their destination.
  public var packetsRelayed: UInt64 = 0
  /// The bytes of those packets, frame headers and keys included.
  public var bytesRelayed: UInt64 = 0
  /// Packets for keys that are not connected.
  public var droppedUnknown: UInt64 = 0
  /// Packets dropped because a queue was full.
  public var droppedFull: UInt64 = 0
  /// Control frames not sent because a client did not take what came before.
  public var droppedControl: UInt64 = 0
  /// How often a client was not read from for a while because its rate was used up.
  public var pauses: UInt64 = 0

  public init() {}
}
