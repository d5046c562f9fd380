import Basics
import Crypto
import Wire

/// What `NativePlane.pollBatch` put into its buffer.
struct DatagramBatch {
  /// Bytes of all datagrams.
  private(set) var length = 0
  /// How many datagrams those are.
  private(set) var count = 0
  /// The length of each but the last.
  private(set) var segment = 0
  /// Whether payload is among them.
  var hasPayload = false

  mutating func append(_ datagramLength: Int) {
    if count == 0 { segment = datagramLength }
    length += datagramLength
    count += 1
  }
}

/// The next frame to send, and when something is due.
extension NativePlane {
  // MARK: Sending

  /// Whether the answer to the peer's last word is still to be sent.
  var owesAnswer: Bool { closedDue != nil }

  /// Seals the next frame that is due on the lane into `buffer` and returns its length; 0 when none is.
  ///
  /// - Parameters:
  ///   - buffer: room for one frame of `limit` bytes.
  ///   - limit: the length of the longest frame that may be sent, in bytes; at least `minimumFrameRoom`.
  func poll(
    _ lane: Lane, into buffer: UnsafeMutableRawBufferPointer, limit: Int, at now: Instant
  ) throws(CryptoError) -> Int {
    let length = try pollControl(lane, into: buffer, at: now)
    guard length == 0, let sender, mayCarryPayload(lane) else { return length }
    return try pollPayload(of: sender, state(lane), into: buffer, limit: limit, at: now)
  }

  /// Seals datagrams for the direct path one behind the other into `buffer`, as many equally long ones as one system
  /// call takes; the last may be shorter.
  ///
  /// - Parameters:
  ///   - buffer: room for `count` datagrams.
  ///   - size: the length of a full datagram, in bytes; at least `minimumFrameRoom`.
  func pollBatch(
    into buffer: UnsafeMutableRawBufferPointer, size: Int, count: Int, at now: Instant
  ) throws(CryptoError) -> DatagramBatch {
    var batch = DatagramBatch()
    while batch.count < count {
      let length = try pollControl(
        .direct, into: UnsafeMutableRawBufferPointer(rebasing: buffer[batch.length...]), at: now)
      guard length > 0 else { break }
      batch.append(length)
      // Only the last may be shorter, and none longer: after a short one a new batch begins.
      if length < size { return batch }
    }
    guard let sender, mayCarryPayload(.direct) else { return batch }
    let lane = state(.direct)
    while batch.count < count {
      let room = UnsafeMutableRawBufferPointer(rebasing: buffer[batch.length...])
      let length = try pollPayload(of: sender, lane, into: room, limit: size, at: now)
      guard length > 0 else { break }
      batch.append(length)
      batch.hasPayload = true
      if length < size { break }
    }
    return batch
  }

  private func mayCarryPayload(_ lane: Lane) -> Bool {
    guard case .open = ending else { return false }
    return isOpen(lane)
  }

  /// Seals the next control frame that is due on the lane; 0 when none is.
  private func pollControl(
    _ lane: Lane, into buffer: UnsafeMutableRawBufferPointer, at now: Instant
  ) throws(CryptoError) -> Int {
    guard isUsable(lane) else { return 0 }
    for asked in Lane.allCases {
      guard let token = state(asked).pongDue, answerRoute(asked) == lane else { continue }
      state(asked).pongDue = nil
      return try sealControl(.pong, Self.bytes(of: token), lane, into: buffer)
    }
    if let asked = closedDue, answerRoute(asked) == lane {
      closedDue = nil
      return try sealControl(.closed, [], lane, into: buffer)
    }
    if lane == .relay, let due = searchPingAt, due <= now {
      searchPingAt = now + Self.searchInterval
      return try sealPing(lane, into: buffer, at: now)
    }
    if pingDue, now >= nextPing, lane == pingLane {
      lastPingAt = now
      if !isProving { pingDue = false }
      return try sealPing(lane, into: buffer, at: now)
    }
    if let due = endingDueAt, due <= now, mayCarryEnding(lane, at: now) {
      return try sealEnding(lane, into: buffer, at: now)
    }
    if let receiver, mayCarryPayload(lane) {
      for acknowledged in Lane.allCases where route(acknowledged) == lane {
        guard receiver.takeAcknowledgement(on: acknowledged, at: now) else { continue }
        framesSent += 1
        return try state(lane).sealControl(.acknowledgement, into: buffer) {
          receiver.acknowledgement.serialize(into: $0)
        }
      }
    }
    return 0
  }

  private func pollPayload(
    of sender: PayloadSender, _ state: PlaneLane, into buffer: UnsafeMutableRawBufferPointer, limit: Int,
    at now: Instant
  ) throws(CryptoError) -> Int {
    let lane = state.lane
    let largest = limit - SessionFrameHeader.overhead
    let bound = lane == .relay ? largestRelayPayload : datagramSize - SessionFrameHeader.overhead
    guard let plan = sender.plan(on: lane, largestPayload: min(largest, bound), at: now) else { return 0 }
    let length = try state.seal(
      plan, packetNumber: sender.nextPacketNumber(on: lane), payload: sender.payload(of: plan), into: buffer)
    sender.didSend(plan, on: lane, at: now)
    framesSent += 1
    return length
  }

  private func sealPing(
    _ lane: Lane, into buffer: UnsafeMutableRawBufferPointer, at now: Instant
  ) throws(CryptoError) -> Int {
    pingToken &+= 1
    openPing = (now, lane)
    return try sealControl(.ping, Self.bytes(of: pingToken), lane, into: buffer)
  }

  private func sealEnding(
    _ lane: Lane, into buffer: UnsafeMutableRawBufferPointer, at now: Instant
  ) throws(CryptoError) -> Int {
    endingDueAt = now + Self.endingInterval
    endingLane = lane.other
    switch ending {
    case .open: return 0
    case .completing:
      let completion = Completion(bytesReceived: receiver?.delivered ?? 0)
      return try sealControl(.complete, completion.serialized(), lane, into: buffer)
    case .aborting(let abandonment, _):
      return try sealControl(.abort, abandonment.serialized(), lane, into: buffer)
    }
  }

  /// Seals a control frame on the lane and returns its length. The session may do so at any time, whatever lane is
  /// usable for payload; what it gets has to be sent in the order of sealing.
  ///
  /// - Parameter buffer: at least `minimumFrameRoom` bytes.
  func sealControl(
    _ kind: SessionFrameKind, _ body: [UInt8], _ lane: Lane, into buffer: UnsafeMutableRawBufferPointer
  ) throws(CryptoError) -> Int {
    framesSent += 1
    return try state(lane).sealControl(kind, body, into: buffer)
  }

  /// Seals a `challenge` or an `echo` that is exactly `length` bytes long as a frame, and returns that.
  ///
  /// - Parameters:
  ///   - length: at least the overhead of a frame and eight bytes, at most the size of `buffer`.
  func sealPathProof(
    _ kind: SessionFrameKind, token: UInt64, length: Int, _ lane: Lane,
    into buffer: UnsafeMutableRawBufferPointer
  ) throws(CryptoError) -> Int {
    framesSent += 1
    return try state(lane).sealControl(
      kind, Self.bytes(of: token), paddedTo: length - SessionFrameHeader.overhead, into: buffer)
  }

  private static func bytes(of token: UInt64) -> [UInt8] {
    withUnsafeBytes(of: token) { Array($0) }
  }

  // MARK: Lanes

  /// Pings take the current lane; one that follows an unanswered one takes the other.
  private var pingLane: Lane {
    if let openPing, isUsable(openPing.lane.other) { return openPing.lane.other }
    return currentLane
  }

  /// The ending takes the lanes in turn. One that cannot send now must not hold it up.
  private func mayCarryEnding(_ lane: Lane, at now: Instant) -> Bool {
    guard lane != endingLane, isUsable(endingLane), let endingDueAt else { return true }
    return endingDueAt + Self.endingInterval <= now
  }

  // MARK: Time

  var nextPing: Instant {
    guard let lastPingAt else { return .zero }
    return isProving ? lastPingAt + Self.searchInterval : lastPingAt
  }

  /// What was sent to the peer stays without an answer: asks it for a sign of life now, and again and again until it
  /// gives one.
  func awaitPeer(at now: Instant) {
    guard !isPeerAwaited else { return }
    awaitedSince = now
    pingDue = true
  }

  var silentSince: Instant { max(lastHeard, pathUpSince ?? lastHeard) }

  /// When `handleTimeout` or `poll` has something to do. What only `poll` does and was due by `polled` needs no
  /// timer: the host polls until nothing comes, or again once it can send.
  func deadline(polled: Instant) -> Instant? {
    guard pathUpSince != nil else { return endingLimit }
    var next = silenceLimit ?? Instant(nanoseconds: .max)
    if let endingLimit { next = min(next, endingLimit) }
    if !pingDue { next = min(next, quietLimit) }
    func considerFrame(_ due: Instant?) {
      if let due, due > polled { next = min(next, due) }
    }
    if pingDue { considerFrame(nextPing) }
    if isRelayUp { considerFrame(searchPingAt) }
    considerFrame(endingDueAt)
    if currentLane == .direct { considerFrame(endingDueAt.map { $0 + Self.endingInterval }) }
    guard case .open = ending else { return next }
    for lane in Lane.allCases {
      if hasClock(lane), let due = sender?.deadline(on: lane) { next = min(next, due) }
      if isOpen(lane) { considerFrame(sender?.nextSendAt(on: lane)) }
      if route(lane) != nil { considerFrame(receiver?.deadline(on: lane)) }
    }
    return next
  }

  /// Whether what is in flight on the lane is awaited: not while it cannot arrive, nor its acknowledgement return.
  private func hasClock(_ lane: Lane) -> Bool { isOpen(lane) || route(lane) != nil && lane != currentLane }

  /// When the peer counts as dead. Once we completed there is nothing more to fear from that.
  var silenceLimit: Instant? {
    guard !isCompleting, !reportedSilence else { return nil }
    guard flow == nil else { return silentSince + Self.deadAfter }
    guard !reportedMissing else { return silentSince + patience.gone }
    let limit = silentSince + patience.missing
    return awaitedSince.map { min(limit, max($0, silentSince) + patience.missingWhenAsked) } ?? limit
  }

  var quietLimit: Instant {
    if isPeerAwaited, let lastPingAt { return lastPingAt + Self.awaitedPingInterval }
    guard openPing != nil, let lastPingAt, lastPingAt >= silentSince else { return silentSince + quietFor }
    return lastPingAt + Self.pingInterval
  }

  var endingLimit: Instant? {
    guard endingDueAt != nil else { return nil }
    switch ending {
    case .open: return nil
    case .completing(let since): return pathUpSince == nil ? nil : since + Self.completionLinger
    case .aborting(_, let since): return since + Self.abortLinger
    }
  }

  func handleTimeout(at now: Instant) {
    if let limit = endingLimit, limit <= now {
      handleClosed()
      return
    }
    guard pathUpSince != nil else { return }
    if flow == nil, !reportedMissing, let limit = silenceLimit, limit <= now {
      reportedMissing = true
      events.append(.peerMissing)
    }
    if let limit = silenceLimit, limit <= now {
      reportedSilence = true
      events.append(.peerSilent)
      return
    }
    if quietLimit <= now { pingDue = true }
    guard case .open = ending, let sender else { return }
    for lane in Lane.allCases where hasClock(lane) { sender.handleTimeout(on: lane, at: now) }
  }
}
