import Basics
import CNgtcp2

/// The datagrams of a connection (RFC 9221): never sent again, never cut, and in packets of their own or beside streams.
extension QUICConnection {
  /// Bytes of a packet that are not a datagram's: the first byte, the peer's ID, the packet number and the tag of the seal
  /// (RFC 9000, section 17.3.1; RFC 9001, section 5.3), and of the frame its type and length.
  static let datagramOverhead = 1 + QUICParameters.idLength + 4 + 16 + datagramFrameOverhead
  /// The type and the length of a DATAGRAM frame, which has a length of two bytes at most (RFC 9221, section 4).
  static let datagramFrameOverhead = 3

  /// The largest DATAGRAM frame that the peer takes, in bytes; 0 when it takes none (RFC 9221, section 3). Known when the
  /// handshake is complete.
  func readPeerFrameLimit() -> Int {
    guard let raw, let params = ngtcp2_conn_get_remote_transport_params(raw) else { return 0 }
    return Int(clamping: params.pointee.max_datagram_frame_size)
  }

  /// The largest datagram that a packet of `packetSize` bytes carries to the peer (DGR-2); nil when the connection
  /// carries none.
  func largestDatagram(packetSize: Int) -> Int? {
    guard parameters.carriesDatagrams, isReady, failure == nil, !isClosedByPeer,
      peerFrameLimit > Self.datagramFrameOverhead
    else { return nil }
    return min(
      min(packetSize, parameters.largestPacket) - Self.datagramOverhead,
      peerFrameLimit - Self.datagramFrameOverhead)
  }

  // MARK: The host's side

  /// Queues a datagram for packets of at most `packetSize` bytes.
  func sendDatagram(_ bytes: UnsafeRawBufferPointer, packetSize: Int) -> DatagramSending {
    guard let largest = largestDatagram(packetSize: packetSize) else { return .unavailable }
    guard bytes.count <= largest else {
      datagramCounts.tooLarge += 1
      return .tooLarge
    }
    guard outgoingDatagrams.append(bytes) else {
      datagramCounts.refused += 1
      return .queueFull
    }
    return .accepted
  }

  /// Gives the host the datagram that has waited longest; false when there is none.
  func readDatagram(_ take: (UnsafeRawBufferPointer) -> Void) -> Bool {
    guard let datagram = incomingDatagrams.first else { return false }
    take(datagram)
    incomingDatagrams.removeFirst()
    return true
  }

  // MARK: ngtcp2's side

  /// DGR-4: who reads too slowly loses what comes last; nothing holds the peer back (RFC 9221, section 5.3).
  func datagramArrived(_ bytes: UnsafeRawBufferPointer) {
    guard incomingDatagrams.append(bytes) else {
      datagramCounts.dropped += 1
      return
    }
    datagramCounts.received += 1
    guard !hasDatagramEvent else { return }
    hasDatagramEvent = true
    events.append(.datagrams)
  }

  // MARK: Writing

  /// What a part of a packet came to.
  enum PacketStep {
    /// Something else may follow in the same packet.
    case open
    /// The packet is complete, or nothing may leave now: its length.
    case closed(Int)
  }

  /// Drops what the path carries no longer: it has become smaller since they were queued (DGR-2).
  func dropLargeDatagrams(packetSize: Int) {
    guard !outgoingDatagrams.isEmpty else { return }
    let largest = largestDatagram(packetSize: packetSize) ?? 0
    while let datagram = outgoingDatagrams.first, datagram.count > largest {
      outgoingDatagrams.removeFirst()
      datagramCounts.tooLarge += 1
    }
  }

  /// Puts datagrams into the packet, as many as fit.
  func writeDatagrams(
    _ raw: OpaquePointer, into bytes: UnsafeMutablePointer<UInt8>, limit: Int, packetSize: Int
  ) -> PacketStep {
    var room = limit - Self.datagramOverhead + Self.datagramFrameOverhead
    while true {
      dropLargeDatagrams(packetSize: packetSize)
      guard let datagram = outgoingDatagrams.first else { return .open }
      // One that surely does not fit beside the others would end the packet, where a stream may still use the room. The
      // first is always offered: only ngtcp2 knows how short its packet number is.
      guard !hasDatagramInPacket || datagram.count + Self.datagramFrameOverhead <= room else { return .open }
      var accepted: Int32 = 0
      var vector = Self.vector(datagram)
      let length = derphole_quic_write_datagram(
        raw, bytes, limit, &accepted, NGTCP2_WRITE_DATAGRAM_FLAG_MORE, &vector, UInt64(now.nanoseconds))
      if accepted != 0 {
        room -= datagram.count + Self.datagramFrameOverhead
        outgoingDatagrams.removeFirst()
        datagramCounts.sent += 1
        hasDatagramInPacket = true
      }
      switch length {
      case ngtcp2_ssize(NGTCP2_ERR_WRITE_MORE): continue
      case ..<0:
        fail(Int32(length), "QUIC")
        return .closed(0)
      // Congestion control or pacing, or a packet that is to be shorter than the datagram: streams find out which.
      case 0: return .open
      default: return .closed(Int(length))
      }
    }
  }
}
