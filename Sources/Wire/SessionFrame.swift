import Basics

/// What a session frame of the native plane carries.
public enum SessionFrameKind: UInt8, CaseIterable, Sendable {
  /// Payload bytes at the header's offset.
  case data = 1
  /// The end of the payload: the header's offset is the final length, the sealed part is empty.
  case end = 2
  /// An `Acknowledgement`.
  case acknowledgement = 3
  /// A request for a `pong`; eight bytes that the pong repeats. The claimant's first is its proof of the keys.
  case ping = 4
  /// The answer to a `ping`.
  case pong = 5
  /// The receiver of the payload has written everything: a `Completion`.
  case complete = 6
  /// The sender of this frame gave up: an `Abandonment`.
  case abort = 7
  /// The answer to `complete` and `abort`: nothing more will come. Empty.
  case closed = 8
  /// Asks for an `echo` of the same length: eight bytes that the echo repeats, then zero bytes up to the size of
  /// datagram that the path is to prove.
  case challenge = 9
  /// The answer to a `challenge`: its token, padded to the same length.
  case echo = 10
  /// A `CandidateUpdate`.
  case candidates = 11
  /// The answer to `candidates`: its sequence number (4, big-endian).
  case candidatesReceived = 12

  /// Whether frames of this kind are sealed with the data keys and counted in the data packet numbers; the
  /// others use the control keys and numbers.
  @inlinable
  public var isPayload: Bool { self == .data || self == .end }
}

/// The visible header of a session frame; it is the associated data of the sealed part that follows.
///
/// Layout, big-endian: magic 0xB1 (1), kind (1), lane (1), low byte of the key epoch (1), packet number (8),
/// offset (8). The sealed part is the ciphertext and a 16-byte tag.
public struct SessionFrameHeader: Hashable, Sendable {
  /// The first byte of every session frame: neither `{` (an envelope), nor a QUIC packet (bit 0x40 is clear),
  /// nor STUN (the top bits are not zero).
  public static let magic: UInt8 = 0xB1
  /// The header's length in bytes.
  public static let length = 20
  /// The length of the authentication tag behind the ciphertext.
  public static let tagLength = 16
  /// Bytes that a frame adds to its payload.
  public static let overhead = length + tagLength
  /// The longest frame: one DERP packet.
  public static let maximumFrameLength = 65_536
  /// The most payload bytes of one frame.
  public static let maximumPayloadLength = maximumFrameLength - overhead

  public var kind: SessionFrameKind
  /// The raw value of the `Lane` that the packet number belongs to.
  public var lane: UInt8
  /// The low eight bits of the key epoch, which follows from the packet number.
  public var epochLowByte: UInt8
  /// Counts frames within lane, direction and purpose; never repeats.
  public var packetNumber: UInt64
  /// Where the payload belongs in the stream, in bytes; 0 for control frames.
  public var offset: UInt64

  @inlinable
  public init(kind: SessionFrameKind, lane: UInt8, epochLowByte: UInt8, packetNumber: UInt64, offset: UInt64)
  {
    self.kind = kind
    self.lane = lane
    self.epochLowByte = epochLowByte
    self.packetNumber = packetNumber
    self.offset = offset
  }

  /// Reads the header of `frame`, a whole session frame.
  ///
  /// - Throws: `SessionFrameError` for a frame of the wrong size, magic or kind, for an unknown lane, for an
  ///   offset beyond 2^62 and for a control frame with an offset.
  @inlinable
  public static func parse(_ frame: UnsafeRawBufferPointer) throws(SessionFrameError) -> SessionFrameHeader {
    guard frame.count >= overhead else { throw .truncated }
    guard frame.count <= maximumFrameLength else { throw .tooLong }
    guard frame[0] == magic else { throw .unknownMagic }
    guard let kind = SessionFrameKind(rawValue: frame[1]) else { throw .unknownKind }
    guard Lane(rawValue: frame[2]) != nil else { throw .outOfRange }
    let header = SessionFrameHeader(
      kind: kind, lane: frame[2], epochLowByte: frame[3],
      packetNumber: UInt64(bigEndian: frame.loadUnaligned(fromByteOffset: 4, as: UInt64.self)),
      offset: UInt64(bigEndian: frame.loadUnaligned(fromByteOffset: 12, as: UInt64.self)))
    // Offsets and packet numbers stay below 2^62 so that sums of them cannot overflow.
    guard header.offset <= maximumOffset, header.packetNumber <= maximumOffset else { throw .outOfRange }
    guard kind.isPayload || header.offset == 0 else { throw .outOfRange }
    return header
  }

  /// The largest offset or packet number: 2^62 - 1.
  public static let maximumOffset: UInt64 = (1 << 62) - 1

  /// Writes the header into the first `length` bytes of `buffer`.
  @inlinable
  public func store(into buffer: UnsafeMutableRawBufferPointer) {
    precondition(buffer.count >= Self.length)
    buffer[0] = Self.magic
    buffer[1] = kind.rawValue
    buffer[2] = lane
    buffer[3] = epochLowByte
    buffer.storeBytes(of: packetNumber.bigEndian, toByteOffset: 4, as: UInt64.self)
    buffer.storeBytes(of: offset.bigEndian, toByteOffset: 12, as: UInt64.self)
  }
}

/// Why bytes are not a session frame, or the opened part of one is malformed.
public enum SessionFrameError: Error, Hashable, Sendable, CustomStringConvertible {
  case truncated
  case tooLong
  case unknownMagic
  case unknownKind
  case outOfRange
  case malformedBody

  public var description: String {
    switch self {
    case .truncated: "session frame is truncated"
    case .tooLong: "session frame is too long"
    case .unknownMagic: "not a session frame"
    case .unknownKind: "session frame of an unknown kind"
    case .outOfRange: "session frame with a number out of range"
    case .malformedBody: "session frame with a malformed body"
    }
  }
}
