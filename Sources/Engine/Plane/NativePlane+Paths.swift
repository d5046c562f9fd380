import Basics
import Wire

/// Paths that come and go. The relay's lane has one path at a time, and so has the direct one; payload takes the
/// direct lane while it is usable.
extension NativePlane {
  /// Whether frames can be sent on the lane.
  func isUsable(_ lane: Lane) -> Bool { lane == .relay ? isRelayUp : currentLane == .direct }

  /// Whether the peer has to be found again on the relay.
  var isSearching: Bool { searchPingAt != nil }

  /// Whether payload and acknowledgements can be sent on the lane.
  func isOpen(_ lane: Lane) -> Bool { isUsable(lane) && !(lane == .relay && isSearching) }

  /// The way that something meant for `lane` takes: that lane if it can, else the other; nil when neither can.
  func route(_ lane: Lane) -> Lane? {
    if isOpen(lane) { return lane }
    return isOpen(lane.other) ? lane.other : nil
  }

  /// The same for what may even be sent to a peer that may not be back on the relay.
  func answerRoute(_ lane: Lane) -> Lane? {
    if let route = route(lane) { return route }
    return isRelayUp ? .relay : nil
  }

  // MARK: Direct

  /// A direct path was confirmed both ways: payload takes it from now on. What the relay still carries is
  /// acknowledged there, or repaired here.
  ///
  /// - Parameters:
  ///   - datagramSize: the size of the datagrams that it carries, in bytes; at least `minimumFrameRoom`.
  ///   - roundTrip: what the challenge saw, if anything.
  func pathPromoted(datagramSize: Int, roundTrip: Interval? = nil, at now: Instant) {
    guard currentLane == .relay else {
      return pathReplaced(datagramSize: datagramSize, roundTrip: roundTrip, at: now)
    }
    setDatagramSize(datagramSize)
    currentLane = .direct
    if pathUpSince == nil { pathUpSince = now }
    sender?.promote(framePayload: directPayload, roundTrip: roundTrip, at: now)
    if !isOpen(.relay) { sender?.abandon(.relay) }
    pathChanged(at: now)
  }

  /// The direct path is not to be trusted any more: what is in flight there travels again over the relay.
  func pathDemoted(at now: Instant) {
    guard currentLane == .direct else { return }
    currentLane = .relay
    if !isRelayUp { ownPathLost() }
    sender?.demote()
    pathChanged(at: now)
  }

  /// Another direct path takes the place of the present one. What is in flight is awaited for a moment.
  func pathReplaced(datagramSize: Int, roundTrip: Interval? = nil, at now: Instant) {
    guard currentLane == .direct else { return }
    setDatagramSize(datagramSize)
    sender?.renewDirect(framePayload: directPayload, roundTrip: roundTrip, at: now)
    pathChanged(at: now)
  }

  /// The direct path carries datagrams of another size.
  func datagramSizeChanged(_ size: Int) {
    setDatagramSize(size)
    sender?.resizeDirectFrames(directPayload)
  }

  private func setDatagramSize(_ size: Int) {
    precondition(size >= Self.minimumFrameRoom && size <= SessionFrameHeader.maximumFrameLength)
    datagramSize = size
  }

  private var directPayload: Int { datagramSize - SessionFrameHeader.overhead }

  private func pathChanged(at now: Instant) {
    roundTrip = RoundTripEstimator()
    openPing = nil
    // What got no answer on the old path may get one on this.
    awaitedSince = nil
    // The last acknowledgements may have been lost with the path.
    receiver?.repeatAcknowledgement(on: .direct, at: now)
  }

  // MARK: Relay

  /// The relay connection was lost.
  func relayLost(at now: Instant) {
    isRelayUp = false
    openPing = nil
    guard currentLane == .direct else {
      ownPathLost()
      return
    }
    sender?.abandon(.relay)
    receiver?.repeatAcknowledgement(on: .relay, at: now)
  }

  /// No way leads to the peer.
  private func ownPathLost() {
    pathUpSince = nil
    guard flow == nil, patience.countsOwnOutage, !reportedMissing else { return }
    reportedMissing = true
    events.append(.peerMissing)
  }

  /// The relay connection stands again.
  func relayRestored(at now: Instant) {
    isRelayUp = true
    searchPingAt = now
    guard pathUpSince == nil else { return }
    pathUpSince = now
    // What was lost meanwhile comes when the peer has answered, and no sooner.
    if flow == nil, patience.countsOwnOutage { awaitPeer(at: now) }
    if case .completing = ending { ending = .completing(since: now) }
  }
}
