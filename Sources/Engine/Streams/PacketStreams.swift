import Basics

/// What carries the streams of a session in packets: one QUIC connection, or the several of a tunnel of upstream's.
protocol PacketStreams: AnyObject {
  /// The time of the call at hand.
  var now: Instant { get set }
  var parameters: QUICParameters { get }

  // What `Session` says of streams.
  func openStream() -> Int64?
  func wanted(by id: Int64) -> Int
  func fill(_ id: Int64, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int
  func finish(_ id: Int64)
  func read(_ id: Int64, _ write: (UnsafeRawBufferPointer) -> Int) -> StreamReadState
  func reset(_ id: Int64, _ code: StreamErrorCode)
  func stopReading(_ id: Int64, _ code: StreamErrorCode)
  func pollEvent() -> StreamEvent?

  /// Whether the peer has shown that it has the pinned identity.
  var isReady: Bool { get }
  var failure: QUICFailure? { get }
  var isClosedByPeer: Bool { get }
  var isIdle: Bool { get }
  var peerCloseError: UInt64? { get }
  var roundTrip: Interval? { get }
  var streamBytesSent: UInt64 { get }
  var streamBytesReceived: UInt64 { get }

  func receive(_ packet: UnsafeRawBufferPointer, at now: Instant)
  /// Puts the next packet that is due into `buffer`; its length, 0 when none is.
  func nextPacket(into buffer: UnsafeMutableRawBufferPointer, at now: Instant) -> Int
  /// Puts packets one behind the other into `buffer`, at most `count`, equally long ones but for the last.
  func nextPackets(
    into buffer: UnsafeMutableRawBufferPointer, count: Int, at now: Instant
  ) -> (length: Int, segment: Int)
  func burstEnded(at now: Instant)
  /// What tells the peer that everything is over.
  func lastPackets(code: UInt64, at now: Instant) -> [[UInt8]]
  var deadline: Instant? { get }
  func handleTimeout(at now: Instant)
}

extension QUICConnection: PacketStreams {
  func nextPacket(into buffer: UnsafeMutableRawBufferPointer, at now: Instant) -> Int {
    poll(into: buffer, limit: min(buffer.count, parameters.largestPacket), at: now)
  }

  func nextPackets(
    into buffer: UnsafeMutableRawBufferPointer, count: Int, at now: Instant
  ) -> (length: Int, segment: Int) {
    pollBatch(into: buffer, limit: parameters.largestPacket, count: count, at: now)
  }

  func lastPackets(code: UInt64, at now: Instant) -> [[UInt8]] {
    let packet = closingPacket(code: code, at: now)
    return packet.isEmpty ? [] : [packet]
  }
}
