import Basics
import Crypto
import Wire

/// The next frame to send, and when something is due.
extension NativePlane {
  // MARK: Sending

  /// Whether the answer to the peer's last word is still to be sent.
  var owesAnswer: Bool { closedDue }

  /// Seals the next frame that is due into `buffer` and returns its length; 0 when none is.
  ///
  /// - Parameter buffer: room for one frame of the largest size.
  func poll(into buffer: UnsafeMutableRawBufferPointer, at now: Instant) throws(CryptoError) -> Int {
    guard pathUpAt != nil else { return 0 }
    if let token = pongDue {
      pongDue = nil
      return try sealControl(.pong, Self.bytes(of: token), into: buffer)
    }
    if closedDue {
      closedDue = false
      return try sealControl(.closed, [], into: buffer)
    }
    if pingDue, now >= nextPing {
      pingToken &+= 1
      pingSentAt = now
      lastPingAt = now
      if !isSearching, !isProving { pingDue = false }
      return try sealControl(.ping, Self.bytes(of: pingToken), into: buffer)
    }
    if let due = endingDueAt, due <= now { return try sealEnding(into: buffer, at: now) }
    guard case .open = ending, !isSearching else { return 0 }
    if let receiver, let acknowledgement = receiver.acknowledgement(at: now) {
      return try sealControl(.acknowledgement, acknowledgement.serialized(), into: buffer)
    }
    guard let sender, let plan = sender.plan() else { return 0 }
    let length = try dataSealer.seal(
      plan.kind, packetNumber: sender.nextPacketNumber, offset: plan.offset,
      payload: sender.payload(of: plan),
      into: buffer)
    sender.didSend(plan, at: now)
    framesSent += 1
    return length
  }

  func sealEnding(
    into buffer: UnsafeMutableRawBufferPointer, at now: Instant
  ) throws(CryptoError) -> Int {
    endingDueAt = now + Self.endingInterval
    switch ending {
    case .open: return 0
    case .completing:
      let completion = Completion(bytesReceived: receiver?.delivered ?? 0)
      return try sealControl(.complete, completion.serialized(), into: buffer)
    case .aborting(let abandonment, _):
      return try sealControl(.abort, abandonment.serialized(), into: buffer)
    }
  }

  func sealControl(
    _ kind: SessionFrameKind, _ body: [UInt8], into buffer: UnsafeMutableRawBufferPointer
  ) throws(CryptoError) -> Int {
    // The body is put where its ciphertext goes and sealed in place.
    let plaintext = UnsafeMutableRawBufferPointer(
      rebasing: buffer[SessionFrameHeader.length..<SessionFrameHeader.length + body.count])
    plaintext.copyBytes(from: body)
    let length = try controlSealer.seal(
      kind, packetNumber: nextControlNumber, offset: 0, payload: UnsafeRawBufferPointer(plaintext),
      into: buffer)
    nextControlNumber += 1
    framesSent += 1
    return length
  }

  private static func bytes(of token: UInt64) -> [UInt8] {
    withUnsafeBytes(of: token) { Array($0) }
  }

  // MARK: Time

  var nextPing: Instant {
    guard let lastPingAt else { return .zero }
    return isSearching || isProving ? lastPingAt + Self.searchInterval : lastPingAt
  }

  var silentSince: Instant { max(lastHeard, pathUpAt ?? lastHeard) }

  /// When `handleTimeout` or `poll` has something to do. What only `poll` does and was due by `polled` needs no
  /// timer: the host polls until nothing comes, or again once it can send.
  func deadline(polled: Instant) -> Instant? {
    guard pathUpAt != nil else { return endingLimit }
    var next = silenceLimit ?? Instant(nanoseconds: .max)
    if let endingLimit { next = min(next, endingLimit) }
    if !pingDue { next = min(next, quietLimit) }
    var frames = [pingDue ? nextPing : nil, endingDueAt]
    if case .open = ending, !isSearching {
      if let due = sender?.deadline { next = min(next, due) }
      frames.append(receiver?.deadline)
    }
    for case let due? in frames where due > polled { next = min(next, due) }
    return next
  }

  /// When the peer counts as dead. Once we completed there is nothing more to fear from that.
  var silenceLimit: Instant? { isCompleting || reportedSilence ? nil : silentSince + Self.deadAfter }

  var quietLimit: Instant { max(silentSince, lastPingAt ?? silentSince) + Self.pingAfter }

  var endingLimit: Instant? {
    guard endingDueAt != nil else { return nil }
    switch ending {
    case .open: return nil
    case .completing(let since): return pathUpAt == nil ? nil : since + Self.completionLinger
    case .aborting(_, let since): return since + Self.abortLinger
    }
  }

  func handleTimeout(at now: Instant) {
    if let limit = endingLimit, limit <= now {
      handleClosed()
      return
    }
    guard pathUpAt != nil else { return }
    if let limit = silenceLimit, limit <= now {
      reportedSilence = true
      events.append(.peerSilent)
      return
    }
    if quietLimit <= now { pingDue = true }
    if case .open = ending, !isSearching { sender?.handleTimeout(at: now) }
  }
}
