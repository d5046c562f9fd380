import Basics
import Wire

/// Bytes of QUIC packets by the way they took, both directions.
struct StreamByteCounts {
  var direct: UInt64 = 0
  var relay: UInt64 = 0
}

/// Which way the peer's QUIC packets come, seen since the direct path carries ours (STR-11).
struct PeerLane {
  private var hasComeDirectly = false
  /// Whether the peer has gone back to the relay: it has seen what we have not.
  private(set) var hasLeftDirectPath = false

  /// Our packets take another path.
  mutating func pathChanged() { self = PeerLane() }

  mutating func arrived(on lane: Lane) {
    if lane == .direct { hasComeDirectly = true }
    hasLeftDirectPath = hasComeDirectly && lane == .relay
  }
}

/// What the host does with the streams of a session that was configured with `streams`. All calls are followed by a
/// turn of the host's loop: events, datagrams and relay bytes are polled.
extension Session {
  /// What carries the streams.
  var packetStreams: (any PacketStreams)? {
    if let tunnel { return tunnel }
    return quic
  }

  /// The same, told the time.
  private func packetStreams(at now: Instant) -> (any PacketStreams)? {
    latest = now
    let streams = packetStreams
    streams?.now = now
    return streams
  }

  /// Opens a stream and announces it to the peer before its first byte; nil while the peer allows no more
  /// (`StreamEvent.mayOpen` follows) or before `StreamEvent.ready`.
  public func openStream(at now: Instant) -> StreamID? {
    guard outcome == nil else { return nil }
    return packetStreams(at: now)?.openStream().map { StreamID(number: $0) }
  }

  /// How many bytes the stream would take now; 0 when it has enough to send (`StreamEvent.writable` follows) or is
  /// finished.
  public func wantedByStream(_ id: StreamID) -> Int {
    outcome == nil ? packetStreams?.wanted(by: id.number) ?? 0 : 0
  }

  /// Lets `read` put bytes into the stream's send buffer; it returns how many, as does this.
  public func fillStream(_ id: StreamID, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    outcome == nil ? packetStreams?.fill(id.number, read) ?? 0 : 0
  }

  /// Nothing more will be filled in: the end is sent after what is there.
  public func finishStream(_ id: StreamID, at now: Instant) {
    packetStreams(at: now)?.finish(id.number)
  }

  /// Offers the bytes that have arrived, in order, in as many pieces as they lie in; `write` returns how many it took
  /// and is not called again when it did not take all. What was taken makes room for the peer.
  public func readStream(
    _ id: StreamID, at now: Instant, _ write: (UnsafeRawBufferPointer) -> Int
  ) -> StreamReadState {
    packetStreams(at: now)?.read(id.number, write) ?? .empty
  }

  /// Gives up sending (RESET_STREAM): what was not acknowledged yet is dropped.
  public func resetStream(_ id: StreamID, _ code: StreamErrorCode, at now: Instant) {
    packetStreams(at: now)?.reset(id.number, code)
  }

  /// Gives up reading (STOP_SENDING): what arrives is dropped.
  public func stopReadingStream(_ id: StreamID, _ code: StreamErrorCode, at now: Instant) {
    packetStreams(at: now)?.stopReading(id.number, code)
  }

  /// Ends a session of streams in good order (STR-9): the peer is told, then the session finishes with success.
  public func closeStreams(at now: Instant) {
    latest = now
    guard outcome == nil, pendingFailure == nil, configuration.streams != nil else { return }
    if upstream != nil, isEstablished { return finish(.success(bytes: statistics.payloadBytes), at: now) }
    guard let plane, isEstablished, !plane.isCompleting else {
      if plane?.isCompleting != true { handle(.interrupted, at: now) }
      return
    }
    plane.complete(at: now)
  }

  /// How long a local connection may still answer when the peer's end of a stream has come; nil when each direction ends
  /// by itself. Upstream's end means both directions, and it waits for ours (UPS-10); only the client of a tunnel may mean
  /// one (UPS-15).
  public var streamLinger: Interval? {
    upstream == nil || tunnel?.isServer == true ? nil : .seconds(2)
  }

  /// The next thing that happened to the streams.
  public func pollStreamEvent() -> StreamEvent? { packetStreams?.pollEvent() }
}
