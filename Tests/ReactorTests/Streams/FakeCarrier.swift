import Basics
import Engine
import Reactor

/// Streams without a session: what the peer does is written by the test, what the peer gets is read by it.
final class FakeCarrier: StreamCarrier {
  /// How much a stream hands out at once, as a session does that keeps its bytes in blocks.
  static let pieceSize = 32 << 10

  final class Stream {
    /// What the local side sent and the peer did not take yet.
    var outgoing: [UInt8] = []
    /// As much may wait in `outgoing`.
    var limit = 256 << 10
    var isFinished = false
    var resetCode: StreamErrorCode?
    var stopCode: StreamErrorCode?
    fileprivate var incoming: [UInt8] = []
    fileprivate var taken = 0
    fileprivate var hasIncomingEnd = false

    /// How much of what the peer sent was not taken yet.
    var unread: Int { incoming.count - taken }
  }

  private(set) var streams: [StreamID: Stream] = [:]
  private var events: [StreamEvent] = []
  /// How many streams this side may open.
  var allowance = Int.max
  private var opened: Int64 = 0
  /// How often anything was read from or written to a stream.
  private(set) var calls = 0

  var streamLinger: Interval?

  // MARK: The peer

  func happen(_ event: StreamEvent) { events.append(event) }

  /// The peer opens a stream.
  func peerOpens(_ number: Int64) -> (StreamID, Stream) {
    let id = StreamID(number: number)
    let stream = Stream()
    streams[id] = stream
    events.append(.opened(id))
    return (id, stream)
  }

  /// The peer sends bytes, and the end when that is all.
  func peerSends(_ bytes: [UInt8], isEnd: Bool = false, on id: StreamID) {
    guard let stream = streams[id] else { return }
    stream.incoming += bytes
    stream.hasIncomingEnd = isEnd
    events.append(.readable(id))
  }

  /// The peer takes what was sent.
  func peerTakes(from id: StreamID) -> [UInt8] {
    guard let stream = streams[id] else { return [] }
    let bytes = stream.outgoing
    stream.outgoing = []
    events.append(.writable(id))
    return bytes
  }

  // MARK: The local side

  func openStream(at now: Instant) -> StreamID? {
    guard allowance > 0 else { return nil }
    allowance -= 1
    let id = StreamID(number: opened * 4)
    opened += 1
    streams[id] = Stream()
    return id
  }

  func wantedByStream(_ id: StreamID) -> Int {
    guard let stream = streams[id], !stream.isFinished, stream.resetCode == nil else { return 0 }
    return stream.limit - stream.outgoing.count
  }

  func fillStream(_ id: StreamID, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    calls += 1
    let room = min(wantedByStream(id), Self.pieceSize)
    guard room > 0, let stream = streams[id] else { return 0 }
    return withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { buffer in
      let count = read(buffer)
      stream.outgoing += buffer[..<count]
      return count
    }
  }

  func finishStream(_ id: StreamID, at now: Instant) { streams[id]?.isFinished = true }

  func readStream(
    _ id: StreamID, at now: Instant, _ write: (UnsafeRawBufferPointer) -> Int
  ) -> StreamReadState {
    calls += 1
    guard let stream = streams[id], stream.stopCode == nil else { return .empty }
    while stream.unread > 0 {
      let piece = stream.taken..<min(stream.taken + Self.pieceSize, stream.incoming.count)
      let count = stream.incoming[piece].withUnsafeBytes(write)
      stream.taken += count
      guard count == piece.count else { return .more }
    }
    return stream.hasIncomingEnd ? .ended : .empty
  }

  func resetStream(_ id: StreamID, _ code: StreamErrorCode, at now: Instant) {
    guard let stream = streams[id], stream.resetCode == nil else { return }
    stream.resetCode = code
  }

  func stopReadingStream(_ id: StreamID, _ code: StreamErrorCode, at now: Instant) {
    guard let stream = streams[id], stream.stopCode == nil else { return }
    stream.stopCode = code
    stream.taken = stream.incoming.count
  }

  func pollStreamEvent() -> StreamEvent? { events.isEmpty ? nil : events.removeFirst() }
}
