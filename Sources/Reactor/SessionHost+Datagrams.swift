import Engine

/// The sockets' side of a host.
extension SessionHost {
  /// Connects what sockets and surroundings report with the session.
  func connect(_ direct: DirectPaths) {
    surroundings = SessionSurroundings(loop, direct) { [weak self] event in
      guard let self, outcome == nil else { return }
      session.handle(event, at: loop.now)
      turn()
    }
    sockets?.received = { [unowned self] bytes, segmentLength, socket, source in
      session.handle(
        datagrams: bytes, segmentLength: segmentLength, socket: socket, from: source, at: loop.now, sink: self
      )
    }
    sockets?.ready = { [unowned self] in
      outputBatchEnded()
      turn()
    }
    sockets?.failed = { [unowned self] path, failure in
      session.handle(.datagramFailed(path, failure), at: loop.now)
    }
    sockets?.noted = { [unowned self] in noted($0) }
    hasLeftSurroundings = false
  }

  /// Opens a socket that the session asked for.
  func openSocket(_ id: SocketID) {
    guard let sockets else {
      return session.handle(.socketFailed(id, reason: "the session stays on the relay"), at: loop.now)
    }
    do {
      let port = try sockets.open(id)
      session.handle(.socketOpened(id, port: port), at: loop.now)
      surroundings?.socketOpened(id, port: port)
    } catch {
      session.handle(.socketFailed(id, reason: "\(error)"), at: loop.now)
    }
  }

  /// Sends what the session has for its sockets, at most `batches`, which is counted down; whether anything moved.
  func pumpDatagrams(_ batches: inout Int) -> Bool {
    guard let sockets else { return false }
    let count = sockets.pump(limit: batches) { session.pollDatagrams(into: $0, at: loop.now) }
    batches -= count
    hasMoreDatagrams = batches == 0
    return count > 0
  }
}
