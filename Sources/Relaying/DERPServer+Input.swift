import Basics
import Wire

extension DERPServer {
  /// Bytes came from a client. All of them are used up; packet frames are rewritten where they lie, so the
  /// buffer's content is lost. Large steps are cheap: frames for one receiver that follow each other leave in
  /// one write.
  public func receive(
    _ bytes: UnsafeMutableRawBufferPointer, from id: ConnectionID, at now: Instant, sink: any RelaySink
  ) {
    guard let connection = connection(id), !bytes.isEmpty else { return }
    connection.traffic.bytesReceived += UInt64(bytes.count)
    obeyRates(connection, count: bytes.count, at: now, sink)
    var rest = bytes
    while !rest.isEmpty, connection.isOpen, connection.phase != .closing {
      if connection.skip > 0 {
        let skipped = min(connection.skip, rest.count)
        connection.skip -= skipped
        rest = rest.dropping(skipped)
      } else if connection.input.isEmpty {
        let used = process(connection, rest, at: now, sink)
        rest = rest.dropping(used)
        if connection.skip == 0 {
          if connection.isOpen, connection.phase != .closing {
            connection.input.append(UnsafeRawBufferPointer(rest))
          }
          break
        }
      } else {
        rest = complete(connection, with: rest, at: now, sink)
      }
    }
    settle(at: now, sink)
  }

  /// Adds to an incomplete request or frame what it lacks, and processes it when it is complete. Returns what
  /// is left, always less than before.
  private func complete(
    _ connection: Connection, with rest: UnsafeMutableRawBufferPointer, at now: Instant, _ sink: any RelaySink
  ) -> UnsafeMutableRawBufferPointer {
    let input = connection.input
    let added = UnsafeMutableRawBufferPointer(
      rebasing: rest[..<min(missing(connection), rest.count)])
    input.append(UnsafeRawBufferPointer(added))
    // A head is looked at again only when a line was completed: bytes that come one by one cost no more.
    let isWorthALook =
      connection.phase != .request || added.contains(0x0A) || input.count >= DERPUpgrade.maximumHeadLength
    if isWorthALook {
      let used = process(connection, input.bytes, at: now, sink)
      if connection.isOpen, connection.phase != .closing { input.removeFirst(used) }
    }
    return rest.dropping(added.count)
  }

  /// How many bytes complete what has begun; at least 1.
  private func missing(_ connection: Connection) -> Int {
    let input = connection.input
    switch connection.phase {
    case .request, .closing: return max(DERPUpgrade.maximumHeadLength - input.count, 1)
    case .clientInfo, .established:
      guard let header = DERPFrameHeader.parse(UnsafeRawBufferPointer(input.bytes)) else {
        return DERP.frameHeaderLength - input.count
      }
      return max(DERP.frameHeaderLength + header.length - input.count, 1)
    }
  }

  /// Uses what is complete in `bytes` and returns how much that was. Everything counts as used once the
  /// connection has ended.
  private func process(
    _ connection: Connection, _ bytes: UnsafeMutableRawBufferPointer, at now: Instant, _ sink: any RelaySink
  ) -> Int {
    var used = 0
    while used < bytes.count {
      let rest = bytes.dropping(used)
      let step: Int
      switch connection.phase {
      case .request: step = processRequest(connection, UnsafeRawBufferPointer(rest), at: now, sink)
      case .clientInfo: step = processClientInfo(connection, UnsafeRawBufferPointer(rest), at: now, sink)
      case .established: step = processFrames(connection, rest, at: now, sink)
      case .closing: return bytes.count
      }
      guard connection.isOpen else { return bytes.count }
      used += step
      if step == 0 || connection.skip > 0 { break }
    }
    return used
  }

  /// Charges the bytes to client and address; when one of them is beyond its rate the client is not read from
  /// until both are level again.
  private func obeyRates(_ connection: Connection, count: Int, at now: Instant, _ sink: any RelaySink) {
    let client = connection.bucket?.draw(count, at: now)
    let address = addresses.draw(count, connection.address, at: now)
    guard let until = [client, address].compactMap({ $0 }).max(), connection.phase != .closing else { return }
    if connection.pausedUntil == nil {
      sink.setReading(connection.id, false)
      counters.pauses += 1
    }
    // At least a few milliseconds, so that a slow client costs few wake-ups.
    connection.pausedUntil = max(until, now + .milliseconds(5))
    arm(connection.pausedUntil)
  }
}

extension UnsafeMutableRawBufferPointer {
  /// The bytes after the first `count`.
  func dropping(_ count: Int) -> UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(rebasing: self[count...])
  }
}
