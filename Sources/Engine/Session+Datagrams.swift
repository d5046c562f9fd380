import Basics
import Crypto
import Wire

/// The sockets' side of a session: datagrams in and out.
extension Session {
  /// `pollDatagrams` needs room for one batch of datagrams.
  public static let minimumDatagramBuffer = 65_536
  /// The most datagrams of one batch (the kernel's UDP_MAX_SEGMENTS).
  public static let maximumBatch = 64
  /// The most bytes of one batch: what an IPv4 packet can say about its length, less headers.
  static let maximumBatchLength = 65_000

  /// Takes a batch of datagrams that came from one address over one socket: equally long but for the last, which
  /// may be shorter. They are opened where they lie; payload goes straight to `sink`.
  ///
  /// - Parameters:
  ///   - datagrams: one datagram or several, back to back.
  ///   - segmentLength: the length of each but the last, in bytes.
  public func handle(
    datagrams: UnsafeMutableRawBufferPointer, segmentLength: Int, socket: SocketID, from remote: IPEndpoint,
    at now: Instant, sink: any PayloadSink
  ) {
    latest = now
    guard outcome == nil, segmentLength > 0, !configuration.isRelayOnly else { return }
    let source = IPEndpoint(address: remote.address.unmapped, port: remote.port)
    let path = DirectPath(socket: socket, remote: source)
    var start = 0
    var isMoving = false
    while start < datagrams.count, outcome == nil {
      let end = min(start + segmentLength, datagrams.count)
      let datagram = UnsafeMutableRawBufferPointer(rebasing: datagrams[start..<end])
      if take(datagram, over: path, at: now, sink: sink) { isMoving = true }
      start = end
    }
    if isMoving { paths.noteTraffic(at: now, random: &random) }
    drainPaths(at: now)
    settlePlane(at: now)
    flushOutbox()
  }

  /// Takes one datagram; whether it shows that payload moves.
  private func take(
    _ datagram: UnsafeMutableRawBufferPointer, over path: DirectPath, at now: Instant, sink: any PayloadSink
  ) -> Bool {
    if upstream != nil { return takeUpstream(UnsafeRawBufferPointer(datagram), over: path, at: now) }
    guard datagram.first == SessionFrameHeader.magic else {
      if trustedPaths.contains(path), takeStreamPacket(UnsafeRawBufferPointer(datagram), on: .direct, at: now)
      {
        return true
      }
      paths.receive(UnsafeRawBufferPointer(datagram), over: path, at: now, random: &random)
      return false
    }
    guard let plane else {
      statisticsOfPast.framesRefused += 1
      return false
    }
    let reception = plane.handle(datagram, on: .direct, at: now, sink: sink)
    guard reception != .refused else { return false }
    if !isEstablished { prove(at: now) }
    if quic != nil { trust(path) }
    if plane.hasEvents { settlePlane(at: now, arrivedOver: path) }
    // A repeated frame is no sign that payload moves.
    return reception == .fresh && SessionFrameKind(rawValue: datagram[1])?.isPayload == true
  }

  /// Fills `buffer` with datagrams for one path, as many equally long ones as one system call takes (the last may
  /// be shorter); nil when there is nothing to send now. The host sends what it got before it polls again.
  ///
  /// - Parameter buffer: at least `minimumDatagramBuffer` bytes.
  public func pollDatagrams(into buffer: UnsafeMutableRawBufferPointer, at now: Instant) -> Transmission? {
    guard !configuration.isRelayOnly else { return nil }
    if upstream != nil, let transmission = pollUpstreamDatagrams(into: buffer, at: now) {
      return transmission
    }
    do {
      let transmission = try pollProof(into: buffer) ?? pollBatch(into: buffer, at: now)
      lastDatagramLength = transmission?.segmentLength ?? lastDatagramLength
      if let transmission { return transmission }
    } catch {
      finish(.failure(.cryptography("\(error)")), at: now)
      return nil
    }
    // PRB-3: what is ready of the payload has left.
    guard outcome == nil, let small = paths.pollSmall(at: now, random: &random) else { return nil }
    drainPaths(at: now)
    buffer.copyBytes(from: small.bytes)
    lastDatagramLength = small.bytes.count
    return Transmission(
      path: .direct(small.path), length: small.bytes.count, segmentLength: small.bytes.count)
  }

  /// Seals the next challenge or echo (PRM-3). Its size is what it proves.
  private func pollProof(into buffer: UnsafeMutableRawBufferPointer) throws(CryptoError) -> Transmission? {
    guard outcome == nil, let plane, let proof = paths.proofs.popFirst() else { return nil }
    let length = max(SessionFrameHeader.overhead + MemoryLayout<UInt64>.size, proof.size)
    let sealed = try plane.sealPathProof(
      proof.kind, token: proof.token, length: length, .direct, into: buffer)
    return Transmission(path: .direct(proof.path), length: sealed, segmentLength: sealed)
  }

  /// Frames of the plane for the direct path: equally long ones, and a shorter one at the end.
  private func pollBatch(
    into buffer: UnsafeMutableRawBufferPointer, at now: Instant
  ) throws(CryptoError) -> Transmission? {
    guard let plane, let path = paths.promoter.path, isEstablished || isClaimant,
      outcome == nil || plane.owesAnswer
    else { return nil }
    let size = path.mtu.size
    let count = min(Self.maximumBatch, min(Self.maximumBatchLength, buffer.count) / size)
    let batch = try plane.pollBatch(into: buffer, size: size, count: count, at: now)
    guard batch.count > 0 else {
      return pollStreams(over: path.path, into: buffer, size: size, count: count, at: now)
    }
    if batch.hasPayload { paths.noteTraffic(at: now, random: &random) }
    return Transmission(path: .direct(path.path), length: batch.length, segmentLength: batch.segment)
  }

  /// Does what the paths want of the session.
  func drainPaths(at now: Instant) {
    for command in paths.takeCommands() {
      switch command {
      case .event(let event): events.append(event)
      case .promote(let size, let roundTrip):
        // A path that takes the place of another one is no news to who waits for "direct".
        if plane?.currentLane != .direct { events.append(.state(.connectedDirect)) }
        plane?.pathPromoted(datagramSize: size, roundTrip: roundTrip, at: now)
        peerLane.pathChanged()
      case .demote:
        plane?.pathDemoted(at: now)
        peerLane.pathChanged()
        events.append(.state(.connectedRelay))
      case .resize(let size): plane?.datagramSizeChanged(size)
      }
    }
  }
}
