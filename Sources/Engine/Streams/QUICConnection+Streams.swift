import Basics
import CNgtcp2

/// The streams of a connection.
extension QUICConnection {
  // MARK: The host's side

  /// Opens a stream; nil while the peer allows no more.
  func openStream() -> Int64? {
    guard isReady, failure == nil, !isClosedByPeer, let raw else { return nil }
    var id: Int64 = -1
    guard ngtcp2_conn_open_bidi_stream(raw, &id, nil) == 0 else { return nil }
    let stream = QUICStream(id: id, isAnnounced: false, pool: pool)
    streams[id] = stream
    // STR-2: an empty frame announces it: a service that speaks first must not wait for the client's first byte.
    enqueue(stream)
    return id
  }

  /// How many bytes the stream would take now.
  func wanted(by id: Int64) -> Int {
    guard failure == nil, let stream = streams[id], !stream.isFinished, !stream.isSendingOver else {
      return 0
    }
    let limit = totalUnsent < Self.totalUnsentLimit ? QUICStream.unsentLimit : Self.leastUnsent
    let wanted = max(0, limit - stream.unsent)
    // Steps of some size: a reader that is woken for each acknowledged packet reads a few bytes at a time.
    guard wanted >= min(Self.leastUnsent, limit / 2) else {
      stream.isHostWaiting = true
      return 0
    }
    return wanted
  }

  func fill(_ id: Int64, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    let limit = wanted(by: id)
    guard limit > 0, let stream = streams[id] else { return 0 }
    let count = stream.append(limit: limit, read)
    totalUnsent += count
    if count > 0 { enqueue(stream) }
    return count
  }

  /// Adds a few bytes that belong together, whatever is wanted.
  func append(_ bytes: UnsafeRawBufferPointer, to id: Int64) {
    guard let stream = streams[id], !stream.isFinished, !stream.isSendingOver else { return }
    var rest = bytes
    while !rest.isEmpty {
      let count = stream.append(limit: rest.count) { room in
        let piece = UnsafeRawBufferPointer(rebasing: rest.prefix(room.count))
        room.copyMemory(from: piece)
        return piece.count
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    totalUnsent += bytes.count
    enqueue(stream)
  }

  /// Whether everything that the peer sends on a stream has arrived, its end included.
  func hasWholeInput(_ id: Int64) -> Bool { streams[id]?.hasIncomingEnd ?? true }

  /// Whether everything that is to be sent on a stream has left, its end included.
  func hasSentEnd(_ id: Int64) -> Bool { streams[id]?.isEndSent ?? true }

  func finish(_ id: Int64) {
    guard let stream = streams[id], !stream.isFinished, !stream.isSendingOver else { return }
    stream.isFinished = true
    enqueue(stream)
  }

  func read(_ id: Int64, _ write: (UnsafeRawBufferPointer) -> Int) -> StreamReadState {
    guard let stream = streams[id], !stream.isReadingOver else { return .empty }
    stream.hasReadableEvent = false
    extendWindows(stream, by: stream.take(write))
    if stream.unread > 0 { return .more }
    guard stream.hasIncomingEnd else { return .empty }
    stream.isEndTaken = true
    forgetIfOver(stream)
    return .ended
  }

  func reset(_ id: Int64, _ code: StreamErrorCode) {
    guard let raw, let stream = streams[id], !stream.isSendingOver else { return }
    dropUnsent(of: stream)
    if !stream.isReleased { _ = ngtcp2_conn_shutdown_stream_write(raw, id, code.number) }
  }

  func stopReading(_ id: Int64, _ code: StreamErrorCode) {
    guard let raw, let stream = streams[id], !stream.isReadingOver else { return }
    stream.isReadingOver = true
    extendWindows(stream, by: stream.dropUnread())
    if !stream.isReleased, !stream.hasIncomingEnd {
      _ = ngtcp2_conn_shutdown_stream_read(raw, id, code.number)
    }
    forgetIfOver(stream)
  }

  private func dropUnsent(of stream: QUICStream) {
    totalUnsent -= stream.unsent
    stream.dropUnsent()
  }

  private func extendWindows(_ stream: QUICStream, by count: Int) {
    guard count > 0, let raw else { return }
    if !stream.isReleased { _ = ngtcp2_conn_extend_max_stream_offset(raw, stream.id, UInt64(count)) }
    ngtcp2_conn_extend_max_offset(raw, UInt64(count))
  }

  /// A stream is gone when ngtcp2 has forgotten it and the host has taken everything.
  private func forgetIfOver(_ stream: QUICStream) {
    guard stream.isReleased, stream.isEndTaken || stream.isReadingOver, streams[stream.id] != nil else {
      return
    }
    streams[stream.id] = nil
    events.append(.closed(StreamID(number: stream.id)))
  }

  // MARK: ngtcp2's side

  func peerOpened(_ id: Int64) {
    streams[id] = QUICStream(id: id, isAnnounced: true, pool: pool)
    events.append(.opened(StreamID(number: id)))
  }

  func arrived(on id: Int64, _ bytes: UnsafeRawBufferPointer, isEnd: Bool) {
    streamBytesReceived += UInt64(bytes.count)
    guard let stream = streams[id], !stream.isReadingOver else {
      if let raw, !bytes.isEmpty {
        _ = ngtcp2_conn_extend_max_stream_offset(raw, id, UInt64(bytes.count))
        ngtcp2_conn_extend_max_offset(raw, UInt64(bytes.count))
      }
      return
    }
    stream.arrived(bytes)
    if isEnd { stream.hasIncomingEnd = true }
    if !stream.hasReadableEvent, isEnd || !bytes.isEmpty {
      stream.hasReadableEvent = true
      events.append(.readable(StreamID(number: id)))
    }
  }

  func acknowledged(on id: Int64, upTo offset: UInt64) {
    streams[id]?.acknowledged(upTo: offset)
  }

  func unblocked(_ id: Int64) {
    guard let stream = streams[id] else { return }
    stream.isBlocked = false
    enqueue(stream)
  }

  func peerReset(_ id: Int64, _ code: StreamErrorCode) {
    guard let stream = streams[id], !stream.isReadingOver else { return }
    stream.isReadingOver = true
    extendWindows(stream, by: stream.dropUnread())
    events.append(.reset(StreamID(number: id), code))
  }

  func released(_ id: Int64) {
    guard let stream = streams[id] else { return }
    if !stream.isSendingOver { dropUnsent(of: stream) }
    stream.isReleased = true
    // The slot of a stream that the peer opened is free again.
    if let raw, ngtcp2_conn_is_local_stream(raw, id) == 0 { ngtcp2_conn_extend_max_streams_bidi(raw, 1) }
    if !stream.hasIncomingEnd { stream.isReadingOver = true }
    forgetIfOver(stream)
  }

  // MARK: Writing

  private func enqueue(_ stream: QUICStream) {
    guard !stream.isQueued, !stream.isBlocked, stream.wantsToSend else { return }
    stream.isQueued = true
    sendQueue.append(stream)
  }

  /// Whether anything of a stream could be sent for the first time.
  var hasStreamData: Bool { !sendQueue.isEmpty && !isConnectionBlocked }

  /// Writes one packet: datagrams and frames of as many streams as fit, in turn, and what ngtcp2 adds of its own.
  ///
  /// Who went first last time goes second: where both have more than a packet full, each gets every other one (DGR-5).
  func write(
    _ raw: OpaquePointer, into buffer: UnsafeMutableRawBufferPointer, limit: Int, packetSize: Int
  ) -> Int {
    guard let bytes = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
    hasDatagramInPacket = false
    let length = writeParts(raw, into: bytes, limit: limit, packetSize: packetSize)
    if length > 0 { isStreamsTurn = hasDatagramInPacket }
    return length
  }

  private func writeParts(
    _ raw: OpaquePointer, into bytes: UnsafeMutablePointer<UInt8>, limit: Int, packetSize: Int
  ) -> Int {
    for part in 0..<2 {
      let step =
        (part == 0) == isStreamsTurn
        ? writeStreams(raw, into: bytes, limit: limit)
        : writeDatagrams(raw, into: bytes, limit: limit, packetSize: packetSize)
      if case .closed(let length) = step { return length }
    }
    let length = derphole_quic_write_stream(
      raw, bytes, limit, nil, 0, -1, nil, 0, UInt64(now.nanoseconds))
    if length < 0 { fail(Int32(length), "QUIC") }
    return max(0, Int(length))
  }

  /// Puts frames of streams into the packet, in turn, as many as fit.
  private func writeStreams(
    _ raw: OpaquePointer, into bytes: UnsafeMutablePointer<UInt8>, limit: Int
  ) -> PacketStep {
    let time = UInt64(now.nanoseconds)
    while hasStreamData, let stream = sendQueue.popFirst() {
      stream.isQueued = false
      guard stream.wantsToSend, streams[stream.id] === stream else { continue }
      let pieces = stream.nextPieces(limit: limit)
      let count = pieces.0.count + pieces.1.count
      let isEnd = stream.isFinished && stream.unsent == count
      var taken: ngtcp2_ssize = -1
      let flags = NGTCP2_WRITE_STREAM_FLAG_MORE | (isEnd ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0)
      let length = withUnsafeTemporaryAllocation(of: ngtcp2_vec.self, capacity: 2) { vectors in
        vectors[0] = Self.vector(pieces.0)
        vectors[1] = Self.vector(pieces.1)
        let used = pieces.1.isEmpty ? (pieces.0.isEmpty ? 0 : 1) : 2
        return derphole_quic_write_stream(
          raw, bytes, limit, &taken, flags, stream.id, vectors.baseAddress, used, time)
      }
      if taken >= 0 { sent(stream, Int(taken), isEnd: isEnd && taken == count) }
      switch length {
      case ngtcp2_ssize(NGTCP2_ERR_WRITE_MORE):
        enqueue(stream)
        continue
      case ngtcp2_ssize(NGTCP2_ERR_STREAM_DATA_BLOCKED):
        if ngtcp2_conn_get_max_data_left(raw) == 0 {
          isConnectionBlocked = true
          enqueue(stream)
        } else {
          stream.isBlocked = true
        }
        continue
      case ngtcp2_ssize(NGTCP2_ERR_STREAM_SHUT_WR), ngtcp2_ssize(NGTCP2_ERR_STREAM_NOT_FOUND):
        // The peer's STOP_SENDING; ngtcp2 has answered it by itself (RFC 9000, section 3.5).
        dropUnsent(of: stream)
        events.append(.stopped(StreamID(number: stream.id)))
        continue
      case ..<0:
        fail(Int32(length), "QUIC")
        return .closed(0)
      case 0:
        // Congestion control or pacing: the stream keeps its turn.
        if stream.wantsToSend, !stream.isQueued {
          stream.isQueued = true
          sendQueue.prepend(stream)
        }
        return .closed(0)
      default:
        enqueue(stream)
        return .closed(Int(length))
      }
    }
    return .open
  }

  static func vector(_ bytes: UnsafeRawBufferPointer) -> ngtcp2_vec {
    ngtcp2_vec(
      base: UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)),
      len: bytes.count)
  }

  private func sent(_ stream: QUICStream, _ count: Int, isEnd: Bool) {
    stream.isAnnounced = true
    stream.sent(count)
    totalUnsent -= count
    streamBytesSent += UInt64(count)
    if isEnd { stream.isEndSent = true }
    if stream.isHostWaiting, !stream.isFinished, stream.unsent <= QUICStream.unsentLimit / 2 {
      stream.isHostWaiting = false
      events.append(.writable(StreamID(number: stream.id)))
    }
  }
}
