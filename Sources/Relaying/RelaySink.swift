import Basics

/// Names one connection of a relay. Never used again after the connection is gone.
public struct ConnectionID: Hashable, Sendable, CustomStringConvertible {
  /// The slot; small numbers that are used again.
  public let slot: Int
  /// Tells the users of one slot apart.
  public let generation: UInt32

  public var description: String { "\(slot).\(generation)" }
}

/// Why a connection ended or was not taken.
public enum CloseReason: Hashable, Sendable, CustomStringConvertible {
  /// The client closed it, or the network did.
  case disconnected
  /// An HTTP request was answered; nothing more was to be said.
  case answered
  /// Request or client information did not come in time.
  case handshakeTimeout
  /// The request was no HTTP, or longer than the limit.
  case malformedRequest
  /// The client information could not be opened, or was of the wrong length or type.
  case malformedClientInfo
  /// The client's key is not among the allowed ones.
  case keyNotAllowed
  /// A frame broke its limits, or needs rights that clients do not have; the number is the frame's type.
  case malformedFrame(UInt8)
  /// The client took nothing for too long although bytes were waiting for it.
  case writeTimeout
  /// Too many connections, of all clients or of this address.
  case tooManyConnections
  /// Too many new connections of this address within short time.
  case connectionRate
  /// The relay stops.
  case stopping

  public var description: String {
    switch self {
    case .disconnected: "disconnected"
    case .answered: "answered"
    case .handshakeTimeout: "handshake timed out"
    case .malformedRequest: "malformed request"
    case .malformedClientInfo: "malformed client information"
    case .keyNotAllowed: "key not allowed"
    case .malformedFrame(let type): "malformed frame of type \(type)"
    case .writeTimeout: "write timed out"
    case .tooManyConnections: "too many connections"
    case .connectionRate: "too many new connections"
    case .stopping: "relay stops"
    }
  }
}

/// What a relay tells about itself, for logs. None of it needs to be acted upon.
public enum RelayEvent: Hashable, Sendable {
  /// A connection was refused right away.
  case refused(address: Bytes16, reason: CloseReason)
  /// An HTTP request other than an upgrade was answered.
  case answered(ConnectionID, status: Int)
  /// A client proved its key.
  case joined(ConnectionID, key: Bytes32, address: Bytes16)
  /// A connection ended; the key is nil when it never proved one.
  case left(ConnectionID, key: Bytes32?, reason: CloseReason, traffic: ConnectionTraffic)
}

/// How much one connection sent and got.
public struct ConnectionTraffic: Hashable, Sendable {
  /// Packets that the client sent, delivered or not.
  public var packetsReceived: UInt64 = 0
  /// Bytes that the client sent, of whatever kind.
  public var bytesReceived: UInt64 = 0
  /// Packets for the client that were written or queued.
  public var packetsSent: UInt64 = 0
  /// Packets for the client that were dropped because its queue was full.
  public var packetsDropped: UInt64 = 0

  public init() {}
}

/// The world as a relay sees it: where its bytes and wishes go.
///
/// Called from within the relay's own methods; must not call back into the relay.
public protocol RelaySink: AnyObject {
  /// Takes as many of the bytes as go now and says how many. When that is not all, `writable` must be called
  /// once more go. Nil when the connection is broken.
  func write(_ bytes: UnsafeRawBufferPointer, to connection: ConnectionID) -> Int?
  /// Nothing more will be written: the peer shall see the end, while reading goes on.
  func finishOutput(_ connection: ConnectionID)
  /// The connection is gone and shall be closed at once. Its name is not used any more.
  func close(_ connection: ConnectionID, reason: CloseReason)
  /// Stop reading from the connection (its rate is used up), or begin again.
  func setReading(_ connection: ConnectionID, _ isReading: Bool)
  /// Something worth a line in a log.
  func note(_ event: RelayEvent)
}
