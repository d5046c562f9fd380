import Basics
import Wire

extension DERPServer {
  /// Sends control frames or HTTP text: at once, or when the client takes bytes again.
  func send(_ bytes: [UInt8], to connection: Connection, at now: Instant, _ sink: any RelaySink) {
    guard connection.isOpen else { return }
    let wasEmpty = connection.output.isEmpty
    guard connection.output.append(control: bytes) else {
      counters.droppedControl += 1
      return
    }
    if wasEmpty { flush(connection, at: now, sink) }
  }

  /// Writes what waits.
  func flush(_ connection: Connection, at now: Instant, _ sink: any RelaySink) {
    let hadDeadline = connection.writeDeadline != nil
    switch connection.output.flush({ sink.write($0, to: connection.id) }) {
    case .drained:
      connection.writeDeadline = nil
      if connection.phase == .closing { sink.finishOutput(connection.id) }
    case .blocked(let moved):
      if moved || !hadDeadline { armWriteDeadline(connection, at: now) }
    case .broken:
      doom(connection, .disconnected)
    }
  }

  /// Delivers a run of packet frames, already rewritten for the receiver: straight to its socket when nothing
  /// waits for it.
  func deliver(
    _ run: UnsafeRawBufferPointer, packets: Int, to target: Connection, at now: Instant, _ sink: any RelaySink
  ) {
    guard target.isOpen else { return }
    var dropped = 0
    if target.output.isEmpty {
      guard let taken = sink.write(run, to: target.id) else { return doom(target, .disconnected) }
      if taken < run.count {
        dropped = target.output.keepRest(of: run, taken: taken)
        armWriteDeadline(target, at: now)
      }
    } else {
      dropped = target.output.append(packets: run)
    }
    target.traffic.packetsSent += UInt64(packets)
    target.traffic.packetsDropped += UInt64(dropped)
    counters.packetsRelayed += UInt64(packets)
    counters.bytesRelayed += UInt64(run.count)
    counters.droppedFull += UInt64(dropped)
  }

  /// Reads nothing more from the client; writes what waits, shows the end, and removes it when it has seen that
  /// or `closeTimeout` has passed. A connection closed at once would be reset, and the client might lose the
  /// last words.
  func beginClosing(_ connection: Connection, _ reason: CloseReason, at now: Instant, _ sink: any RelaySink) {
    guard connection.isOpen, connection.phase != .closing else { return }
    connection.phase = .closing
    connection.closeReason = reason
    connection.handshakeDeadline = nil
    connection.keepAlive = nil
    connection.closeDeadline = now + configuration.closeTimeout
    arm(connection.closeDeadline)
    if connection.output.isEmpty { sink.finishOutput(connection.id) }
  }

  private func armWriteDeadline(_ connection: Connection, at now: Instant) {
    connection.writeDeadline = now + configuration.writeTimeout
    arm(connection.writeDeadline)
  }

  /// Does what is due for one connection.
  func handleTimeout(_ connection: Connection, at now: Instant, _ sink: any RelaySink) {
    if let due = connection.closeDeadline, due <= now { return doom(connection, connection.closeReason) }
    if let due = connection.handshakeDeadline, due <= now { return doom(connection, .handshakeTimeout) }
    if let due = connection.writeDeadline, due <= now { return doom(connection, .writeTimeout) }
    if let due = connection.pausedUntil, due <= now {
      connection.pausedUntil = nil
      sink.setReading(connection.id, true)
    }
    if let due = connection.keepAlive, due <= now {
      connection.keepAlive = now + connection.keepAlivePeriod
      // A client that has bytes waiting needs no other sign of life.
      if connection.output.isEmpty {
        connection.output.trim()
        send(DERPControlFrame.keepAlive.serialized(), to: connection, at: now, sink)
      }
      if connection.input.isEmpty { connection.input.release() }
    }
  }
}
