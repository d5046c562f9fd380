import Basics

/// One bidirectional stream of a QUIC connection: what waits to be sent or acknowledged, and what has arrived.
final class QUICStream {
  /// As much may be buffered to be sent for the first time, in bytes; what is in flight comes on top and is bounded by
  /// congestion control and the peer's windows.
  static let unsentLimit = 256 << 10

  let id: Int64
  private(set) var outgoing: SendBuffer
  private(set) var incoming: SendBuffer
  /// The offset up to which bytes went out at least once.
  private(set) var sentEnd: UInt64 = 0

  /// Whether the stream was announced to the peer: a stream exists there from its first frame on.
  var isAnnounced: Bool
  /// No more is filled in.
  var isFinished = false
  var isEndSent = false
  /// This side gave up sending, or the peer does not want more.
  var isSendingOver = false
  /// The peer's end has arrived.
  var hasIncomingEnd = false
  /// The peer gave up sending, or this side gave up reading.
  var isReadingOver = false
  /// Whether the host has seen the end.
  var isEndTaken = false
  /// ngtcp2 has forgotten the stream.
  var isReleased = false

  /// Whether the stream waits in the connection's queue of those that have something to send.
  var isQueued = false
  /// The peer's window is used up.
  var isBlocked = false
  var hasReadableEvent = false
  /// The host was told 0 and waits for `writable`.
  var isHostWaiting = false

  init(id: Int64, isAnnounced: Bool, pool: BlockPool) {
    self.id = id
    self.isAnnounced = isAnnounced
    outgoing = SendBuffer(capacity: .max / 2, pool: pool)
    incoming = SendBuffer(capacity: .max / 2, pool: pool)
  }

  // MARK: Sending

  var unsent: Int { Int(outgoing.end - sentEnd) }

  /// Whether something could go out if nothing blocked it.
  var wantsToSend: Bool {
    guard !isSendingOver, !isReleased else { return false }
    return !isAnnounced || unsent > 0 || isFinished && !isEndSent
  }

  func append(limit: Int, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    outgoing.append(limit: limit, read)
  }

  /// The bytes to send next, at most `limit` in up to two pieces.
  func nextPieces(limit: Int) -> (UnsafeRawBufferPointer, UnsafeRawBufferPointer) {
    outgoing.bytes(at: sentEnd, length: min(unsent, limit))
  }

  func sent(_ count: Int) { sentEnd += UInt64(count) }

  func acknowledged(upTo offset: UInt64) { outgoing.release(below: min(offset, outgoing.end)) }

  /// Nothing of what waits is needed any more. ngtcp2 may look at what is in flight until it forgets the stream.
  func dropUnsent() { isSendingOver = true }

  // MARK: Receiving

  var unread: Int { Int(incoming.end - incoming.base) }

  func arrived(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    while !rest.isEmpty {
      let count = incoming.append(limit: rest.count) { room in
        let count = min(room.count, rest.count)
        room.copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
        return count
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Offers what has arrived; how many bytes were taken.
  func take(_ write: (UnsafeRawBufferPointer) -> Int) -> Int {
    var total = 0
    while unread > 0 {
      let piece = incoming.bytes(at: incoming.base, length: min(unread, incoming.pieceLimit)).0
      let count = write(piece)
      total += count
      incoming.release(below: incoming.base + UInt64(count))
      guard count == piece.count else { break }
    }
    return total
  }

  /// Drops what has arrived; how many bytes that were.
  func dropUnread() -> Int {
    let count = unread
    incoming.release(below: incoming.end)
    return count
  }
}
