import Basics

/// What the host does with the datagrams of a session that was configured with `carriesDatagrams`, beside its streams.
/// As with those, a turn of the host's loop follows.
extension Session {
  /// The largest datagram that would be accepted now, in bytes: it changes with the path that packets take (DGR-2). Nil
  /// while the session carries none.
  public var largestDatagram: Int? {
    outcome == nil && pendingFailure == nil ? quic?.largestDatagram(packetSize: streamPacketSize) : nil
  }

  /// Sends a datagram, which the peer gets whole, or not at all.
  public func sendDatagram(_ bytes: UnsafeRawBufferPointer, at now: Instant) -> DatagramSending {
    guard outcome == nil, pendingFailure == nil, let quic else { return .unavailable }
    latest = now
    return quic.sendDatagram(bytes, packetSize: streamPacketSize)
  }

  /// Lends the host the datagram that arrived first of those that it has not taken; false when there is none.
  public func readDatagram(at now: Instant, _ take: (UnsafeRawBufferPointer) -> Void) -> Bool {
    latest = now
    return quic?.readDatagram(take) ?? false
  }

  /// Counters of datagrams up to now.
  public var datagramCounts: DatagramCounts { quic?.datagramCounts ?? DatagramCounts() }
}
