import Basics

/// Payload of a `notePreferred` frame.
public struct NotePreferredFrame: Hashable, Sendable {
  /// Whether this relay is the client's home.
  public var isPreferred: Bool

  public init(isPreferred: Bool) { self.isPreferred = isPreferred }

  /// Reads a payload of exactly one byte.
  public static func parse(_ payload: UnsafeRawBufferPointer) throws(DERPFrameError) -> NotePreferredFrame {
    let type = DERPFrameType.notePreferred.rawValue
    guard let first = payload.first else { throw .tooShort(type: type) }
    guard payload.count == 1 else { throw .tooLong(type: type) }
    return NotePreferredFrame(isPreferred: first != 0)
  }

  /// The payload's one byte.
  public func serialized() -> [UInt8] { [isPreferred ? 1 : 0] }
}

/// Payload of a `ping` frame and of the `pong` that answers it.
public struct PingFrame: Hashable, Sendable {
  /// The eight bytes that travel there and back, as a big-endian number.
  public var token: UInt64

  public init(token: UInt64) { self.token = token }

  /// Reads a payload of 8 to 1,000 bytes; what follows the first eight is ignored.
  public static func parse(_ payload: UnsafeRawBufferPointer) throws(DERPFrameError) -> PingFrame {
    let type = DERPFrameType.ping.rawValue
    guard payload.count <= DERP.maximumPingLength else { throw .tooLong(type: type) }
    var reader = ByteReader(payload)
    guard let token = reader.integer(UInt64.self) else { throw .tooShort(type: type) }
    return PingFrame(token: token)
  }

  /// The payload's eight bytes.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: token)
    return bytes
  }
}

/// Payload of a `health` frame.
public struct HealthFrame: Hashable, Sendable {
  /// The server's words, at most 4,096 bytes of UTF-8; empty when healthy again. It may hold control
  /// characters: whoever prints it has to make it harmless.
  public let problem: String

  /// Keeps as many characters of `problem` as fit the limit.
  public init(problem: String) {
    var kept = problem.unicodeScalars
    var length = problem.utf8.count
    while length > DERP.maximumHealthLength, let last = kept.popLast() {
      length -= UTF8.width(last)
    }
    self.problem = String(kept)
  }

  /// Reads a payload. Nothing is refused: text over the limit is cut, invalid UTF-8 replaced.
  public static func parse(_ payload: UnsafeRawBufferPointer) -> HealthFrame {
    HealthFrame(problem: String(decoding: payload.prefix(DERP.maximumHealthLength), as: UTF8.self))
  }

  /// The payload: the text in UTF-8.
  public func serialized() -> [UInt8] { Array(problem.utf8) }
}

/// Payload of a `restarting` frame.
public struct RestartingFrame: Hashable, Sendable {
  /// How long to wait before the first attempt to reconnect, in milliseconds.
  public var reconnectInMilliseconds: UInt32
  /// How long to keep trying, in milliseconds.
  public var tryForMilliseconds: UInt32

  public init(reconnectInMilliseconds: UInt32, tryForMilliseconds: UInt32) {
    self.reconnectInMilliseconds = reconnectInMilliseconds
    self.tryForMilliseconds = tryForMilliseconds
  }

  /// Reads a payload of at least eight bytes; the rest is ignored.
  public static func parse(_ payload: UnsafeRawBufferPointer) throws(DERPFrameError) -> RestartingFrame {
    var reader = ByteReader(payload)
    guard let reconnect = reader.integer(UInt32.self), let tryFor = reader.integer(UInt32.self) else {
      throw .tooShort(type: DERPFrameType.restarting.rawValue)
    }
    return RestartingFrame(reconnectInMilliseconds: reconnect, tryForMilliseconds: tryFor)
  }

  /// The payload's eight bytes.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: reconnectInMilliseconds)
    bytes.append(bigEndian: tryForMilliseconds)
    return bytes
  }
}
