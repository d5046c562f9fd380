import Basics
import Wire

/// Small datagrams in and out: STUN and probes. Sealed frames are the plane's.
extension DirectPaths {
  /// A datagram that is not sealed by the plane.
  struct SmallDatagram {
    var bytes: [UInt8]
    var path: DirectPath
  }

  /// Takes a datagram that is no session frame.
  func receive(
    _ datagram: UnsafeRawBufferPointer, over path: DirectPath, at now: Instant,
    random: inout some RandomNumberGenerator
  ) {
    if STUNMessage.isSTUN(datagram) {
      if gatherer.handle(datagram, socket: path.socket, from: path.remote, at: now) {
        offerCandidates(at: now)
        update(at: now, random: &random)
      }
      return
    }
    guard isOpen else { return }
    switch prober?.receive(datagram, over: path, at: now, random: &random) {
    case .probe(isNew: true): learn(path, at: now, random: &random)
    case .probe(isNew: false), .answer: break
    case .notDisco, .refused, nil: strangers += 1
    }
    update(at: now, random: &random)
  }

  /// The peer challenges a path: it gets its echo, as large, over the same path (PRM-3).
  func challenged(
    _ token: UInt64, length: Int, over path: DirectPath, at now: Instant,
    random: inout some RandomNumberGenerator
  ) {
    guard isOpen, proofs.count < Self.maximumProofs else { return }
    proofs.append(Proof(kind: .echo, token: token, size: length, path: path))
    // A peer whose NAT has changed its address goes on from another one (PRB-13).
    learn(path, at: now, random: &random)
    prober?.tellAll(.peerAsked, at: now, random: &random) { $0.path == path }
    forwardNotices(at: now, random: &random)
  }

  /// An authentic echo came over the path.
  func echoed(
    _ token: UInt64, over path: DirectPath, at now: Instant, random: inout some RandomNumberGenerator
  ) {
    apply(promoter.echo(token, over: path, at: now, random: &random), at: now, random: &random)
    update(at: now, random: &random)
  }

  /// The peer acknowledged frames that went over the direct path.
  func directAcknowledged(at now: Instant, random: inout some RandomNumberGenerator) {
    apply(promoter.pathHeard(at: now, random: &random), at: now, random: &random)
  }

  /// Payload moved over the direct path, one way or the other.
  func noteTraffic(at now: Instant, random: inout some RandomNumberGenerator) {
    lastPayloadAt = now
    apply(promoter.traffic(at: now, random: &random), at: now, random: &random)
  }

  /// The next small datagram to send; nil when there is none now.
  func pollSmall(at now: Instant, random: inout some RandomNumberGenerator) -> SmallDatagram? {
    if isOpen, let datagram = prober?.poll(at: now, random: &random) {
      return SmallDatagram(bytes: datagram.bytes, path: datagram.path)
    }
    if let (request, path) = gatherer.poll(at: now, random: &random) {
      return SmallDatagram(bytes: request, path: path)
    }
    return isOpen ? pollSearch(at: now, random: &random) : nil
  }

  private func pollSearch(at now: Instant, random: inout some RandomNumberGenerator) -> SmallDatagram? {
    guard let path = search.next(at: now), let prober else { return nil }
    guard prober.budget.guessesLeft(to: path.remote.address) > 0 else {
      search.exhausted()
      return nil
    }
    guard let datagram = self.prober?.guess(path, at: now, random: &random) else {
      search.giveBack(path, at: now)
      return nil
    }
    return SmallDatagram(bytes: datagram.bytes, path: datagram.path)
  }
}
