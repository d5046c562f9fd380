/// A bidirectional stream of a session: QUIC's stream ID (RFC 9000, section 2.1), or the number of a flow through a tunnel of
/// upstream's.
public struct StreamID: Hashable, Sendable, CustomStringConvertible {
  public let number: Int64
  public init(number: Int64) { self.number = number }

  public var description: String { "stream \(number)" }
}

/// Why a stream ended before its end: the application error code of RESET_STREAM and STOP_SENDING.
public struct StreamErrorCode: Hashable, Sendable {
  public let number: UInt64
  public init(number: UInt64) { self.number = number }

  /// No reason: whoever read or wrote has gone.
  public static let gone = StreamErrorCode(number: 0)
  /// The local connection was reset.
  public static let reset = StreamErrorCode(number: 1)
  /// The service refused the connection or cannot be reached.
  public static let refused = StreamErrorCode(number: 2)
  /// There are more streams than the service's side allows.
  public static let limited = StreamErrorCode(number: 3)
}

/// What happened to the streams of a session. Levels, not edges: the host asks the session for the rest.
public enum StreamEvent: Hashable, Sendable {
  /// The handshake is complete and the peer has the pinned identity: streams can be opened.
  case ready
  /// The peer opened a stream.
  case opened(StreamID)
  /// `readStream` has bytes or the end.
  case readable(StreamID)
  /// `wantedByStream` may have become more than 0.
  case writable(StreamID)
  /// The peer will send nothing more on the stream, and bytes that were not read yet are gone.
  case reset(StreamID, StreamErrorCode)
  /// The peer reads nothing more of the stream: noticed when something is to be sent, as on a socket.
  case stopped(StreamID)
  /// Both directions are over and everything that was sent is acknowledged; the ID means nothing any more.
  case closed(StreamID)
  /// The peer allows more streams than before.
  case mayOpen
  /// `readDatagram` has datagrams.
  case datagrams
}

/// What `readStream` leaves behind.
public enum StreamReadState: Hashable, Sendable {
  /// More is there that was not taken.
  case more
  /// Everything that has arrived was taken.
  case empty
  /// Everything was taken, and nothing follows.
  case ended
}
