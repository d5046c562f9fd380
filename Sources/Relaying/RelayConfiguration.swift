import Basics

/// How many bytes (or events) a second, and how many at once after a silence.
public struct RateLimit: Hashable, Sendable {
  /// The lasting rate a second, at least 1.
  public var perSecond: Int64
  /// How much may come at once, at least 1.
  public var burst: Int64

  /// Values outside 1 … 2^40 are brought to the nearest one.
  public init(perSecond: Int64, burst: Int64) {
    self.perSecond = min(max(perSecond, 1), 1 << 40)
    self.burst = min(max(burst, 1), 1 << 40)
  }
}

/// Limits and times of a relay.
public struct RelayConfiguration: Sendable {
  /// The most connections at a time, of all kinds.
  public var maximumConnections = 4_096
  /// The most connections at a time of one address (of one /64 of IPv6); nil for no limit.
  public var maximumConnectionsPerAddress: Int?
  /// How fast one address may open connections; nil for no limit.
  public var connectionRate: RateLimit?
  /// Bytes a client may send; nil for no limit. The client is told, and what it sends too fast is read late.
  public var clientRate: RateLimit?
  /// Bytes that all clients of one address may send together; nil for no limit.
  public var addressRate: RateLimit?
  /// The only keys that may join; nil for every key.
  public var allowedKeys: Set<Bytes32>?
  /// How long a client may take for its request, and again for its client information.
  public var handshakeTimeout = Interval.seconds(10)
  /// A keep-alive frame is sent this often; a fixed random part below `keepAliveJitter` is added per connection.
  public var keepAliveInterval = Interval.seconds(60)
  /// See `keepAliveInterval`.
  public var keepAliveJitter = Interval.seconds(5)
  /// A client that has bytes waiting and takes none of them for so long is closed.
  public var writeTimeout = Interval.seconds(10)
  /// How long a connection that was told to end may linger.
  public var closeTimeout = Interval.seconds(1)
  /// The most memory that the queues of all clients together may take, in bytes.
  public var queueMemory = 256 << 20

  /// No caps: for a relay that only this machine reaches.
  public static let loopback = RelayConfiguration()

  /// With caps: for a relay that strangers reach. 20 MB/s a client, 40 MB/s and 64 connections an address,
  /// 5 new connections a second.
  public static let exposed: RelayConfiguration = {
    var configuration = RelayConfiguration()
    configuration.maximumConnectionsPerAddress = 64
    configuration.connectionRate = RateLimit(perSecond: 5, burst: 64)
    configuration.clientRate = RateLimit(perSecond: 20_000_000, burst: 20_000_000)
    configuration.addressRate = RateLimit(perSecond: 40_000_000, burst: 40_000_000)
    return configuration
  }()

  public init() {}
}
