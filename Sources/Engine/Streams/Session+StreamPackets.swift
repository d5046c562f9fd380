import Basics
import CNgtcp2
import Wire

/// How the packets of a session's QUIC connection travel: bare over the relay or the direct path, like any payload.
/// The connection never learns which.
extension Session {
  /// The longest QUIC packet over the relay, in bytes (STR-5): fewer and larger ones cost less, and the relay carries them all.
  static let relayPacketLimit = 8_192
  /// How many direct paths count as the peer's own at a time (STR-6).
  private static let maximumTrustedPaths = 4
  /// STR-7: after so many probes without an answer QUIC's timers rest until the peer gives a sign of life: they would back
  /// off to many seconds, while the session asks several times a second.
  private static let patientProbes = 3

  /// What a packet of the relay is as an envelope, authentic or not; nil for a packet of a connection. A protected packet
  /// may begin with the same byte as an envelope, which is JSON and ends as it begins (STR-8, UPS-3).
  static func envelope(in packet: UnsafeRawBufferPointer) -> SealedEnvelope? {
    guard packet.first == UInt8(ascii: "{"), packet.last == UInt8(ascii: "}"),
      packet.count <= Envelope.maximumLength
    else { return nil }
    return try? SealedEnvelope.parse(packet)
  }

  /// Takes what may be a packet of the QUIC connection; false when it is not for it.
  func takeStreamPacket(_ packet: UnsafeRawBufferPointer, on lane: Lane, at now: Instant) -> Bool {
    guard let quic, isEstablished || isClaimant, let first = packet.first, first & 0x40 != 0 else {
      return false
    }
    if lane == .relay, Self.envelope(in: packet) != nil { return false }
    if lane == .relay {
      streamBytes.relay += UInt64(packet.count)
    } else {
      streamBytes.direct += UInt64(packet.count)
    }
    peerLane.arrived(on: lane)
    // A path that only acknowledgements take counts as idle, and is rarely checked; now it is worth a look.
    if peerLane.hasLeftDirectPath { paths.noteTraffic(at: now, random: &random) }
    quic.receive(packet, at: now)
    // The pinned identity has answered: as good as a frame of the plane (CLM-7).
    if !isEstablished, quic.isReady { prove(at: now) }
    return true
  }

  /// A sealed frame of the peer arrived over the path.
  func trust(_ path: DirectPath) {
    guard trustedPaths.first != path else { return }
    trustedPaths.removeAll { $0 == path }
    trustedPaths.insert(path, at: 0)
    if trustedPaths.count > Self.maximumTrustedPaths { trustedPaths.removeLast() }
  }

  /// Whether the peer can be where packets of the connection go. Behind a door it has yet to join the relay: what it does
  /// not get is only repeated after a second (RFC 9002, section 6.2.2).
  private var isPeerReachable: Bool {
    isEstablished || isClaimant && peer == configuration.token.derpPublic
  }

  /// Whether packets of the connection may leave on the lane now.
  private func mayCarryStreams(_ lane: Lane) -> Bool {
    guard outcome == nil, pendingFailure == nil, let plane, !plane.isCompleting, isPeerReachable
    else {
      return false
    }
    return lane == streamLane(plane) && plane.isOpen(lane)
  }

  /// Which way packets of the connection leave.
  private func streamLane(_ plane: NativePlane) -> Lane {
    // Whoever only acknowledges notices last that a path is dead: it follows the peer (STR-11).
    let isFollowing = plane.currentLane == .direct && peerLane.hasLeftDirectPath && plane.isOpen(.relay)
    return isFollowing ? .relay : plane.currentLane
  }

  /// The longest packet that the way carries on which they leave now (STR-5), in bytes.
  var streamPacketSize: Int {
    guard let plane, streamLane(plane) == .direct, let path = paths.promoter.path else {
      return Self.relayPacketLimit
    }
    return path.mtu.size
  }

  /// Puts the next packet for the lane into `buffer`; 0 when there is none.
  func pollStreams(_ lane: Lane, into buffer: UnsafeMutableRawBufferPointer, limit: Int, at now: Instant)
    -> Int
  {
    guard let quic, mayCarryStreams(lane) else { return 0 }
    let length = quic.poll(into: buffer, limit: limit, at: now)
    if length > 0 {
      streamBytes.relay += UInt64(length)
      quic.burstEnded(at: now)
    }
    return length
  }

  /// Puts packets for the direct path one behind the other into `buffer`, equally long ones but for the last; nil when
  /// there are none.
  func pollStreams(
    over path: DirectPath, into buffer: UnsafeMutableRawBufferPointer, size: Int, count: Int, at now: Instant
  ) -> Transmission? {
    guard let quic, mayCarryStreams(.direct) else { return nil }
    let batch = quic.pollBatch(into: buffer, limit: size, count: count, at: now)
    guard batch.length > 0 else { return nil }
    streamBytes.direct += UInt64(batch.length)
    paths.noteTraffic(at: now, random: &random)
    return Transmission(path: .direct(path), length: batch.length, segmentLength: batch.segment)
  }

  // MARK: Time

  /// Whether QUIC's timers count. Without a way to the peer, or without any sign of it, they would only back off.
  private func areStreamsTimed(_ plane: NativePlane) -> Bool {
    isPeerReachable && plane.isOpen(plane.currentLane) && !plane.isPeerAwaited && !plane.isCompleting
  }

  var streamsDeadline: Instant? {
    guard let quic, let plane, pendingFailure == nil, areStreamsTimed(plane) else { return nil }
    return quic.deadline
  }

  func handleStreamsTimeout(at now: Instant) {
    guard let quic, let plane, pendingFailure == nil, areStreamsTimed(plane) else { return }
    quic.handleTimeout(at: now)
    plane.doubtsLargePackets = quic.unansweredProbes > 0
    if quic.isReady, quic.unansweredProbes >= Self.patientProbes { plane.awaitPeer(at: now) }
  }

  /// A connection that cannot go on ends the session.
  func settleStreams(at now: Instant) {
    if upstream != nil { return settleUpstream(at: now) }
    guard let failure = quic?.failure, outcome == nil, pendingFailure == nil else { return }
    giveUp(.protocolViolation(failure.description), .protocolViolation, failure.description, at: now)
  }
}
