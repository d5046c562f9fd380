import Basics
import Engine
import Wire

/// The parties' side of the world: what a reactor does for its session.
extension World {
  /// How long last words may take to leave.
  private static let leaveLimit = Interval.seconds(2)
  /// How often a timer may strike at one instant.
  private static let strikesPerInstant = 100

  func start(_ party: Party) {
    guard party.phase == .notStarted else { return }
    party.phase = .running
    note(.start, UInt64(party.index), text: "\(party.name): starts")
    let seed = options.seed ^ 0x7365_7373_696F_6E &+ UInt64(party.index)
    let session = Session(party.configuration, random: SeededGenerator(seed: seed), at: now)
    party.session = session
    session.handle(.networkChanged(addresses: addresses(of: party)), at: now)
    if options.datagrams.isAvailable {
      queue.add(.stunKnown(party: party.index), at: now + options.datagrams.stunDelay)
    }
    pump(party)
  }

  /// Tells a session what happened at its host.
  func tell(_ party: Party, _ event: HostEvent) {
    guard let session = party.session, party.phase == .running else { return }
    session.handle(event, at: now)
    pump(party)
  }

  /// Bytes of the relay have arrived.
  func readAtParty(_ connection: VirtualConnection) {
    let party = parties[connection.party]
    guard !party.isFrozen else { return }
    let (bytes, isEnd) = connection.down.read(at: now)
    makeRelayWrite(connection)
    guard connection.isOpenAtParty, let session = party.session else { return }
    if !bytes.isEmpty {
      note(
        .arrival, UInt64(party.index), 0, UInt64(bytes.count),
        text: "\(party.name): \(bytes.count) bytes of the relay")
      party.inbound += bytes
      offerInbound(party, session)
      if party.inbound.count >= Session.minimumReceiveBuffer {
        violate("\(party.name) leaves \(party.inbound.count) bytes unread")
      }
    }
    guard connection.isOpenAtParty else { return }
    if isEnd {
      hangUp(party)
      tell(party, .relayClosed(reason: "connection closed by the relay"))
    }
    if party.phase == .leaving { leaveIfDone(party) }
  }

  private func offerInbound(_ party: Party, _ session: Session) {
    var used = 0
    while used < party.inbound.count {
      let step = party.inbound.withUnsafeMutableBytes { bytes in
        let rest = UnsafeMutableRawBufferPointer(rebasing: bytes[used...])
        if let output = party.output { return session.handle(relayBytes: rest, at: now, sink: output) }
        return session.handle(relayBytes: rest, at: now, sink: NoOutput.shared)
      }
      guard step > 0 else { break }
      used += step
    }
    // A session that hung up has forgotten the rest.
    if party.connection == nil { party.inbound = [] } else { party.inbound.removeFirst(used) }
    pump(party)
  }

  /// Does everything that the session wants, until it wants nothing.
  func pump(_ party: Party) {
    guard let session = party.session, !party.isFrozen, party.phase == .running || party.phase == .leaving
    else {
      return
    }
    var isBusy = true
    while isBusy, violation == nil {
      isBusy = false
      while let event = session.pollEvent() {
        isBusy = true
        obey(event, party, session)
      }
      if feed(party, session) { isBusy = true }
      if let streams = party.streams, party.phase == .running, streams.pump(session, at: now) {
        isBusy = true
      }
      if transmit(party, session) { isBusy = true }
      if transmitDatagrams(party, session) { isBusy = true }
    }
    checkBounds(party, session)
    if party.phase == .leaving { leaveIfDone(party) } else { rearm(party, session) }
    awaitOutput(party, session)
  }

  private func obey(_ event: SessionEvent, _ party: Party, _ session: Session) {
    switch event {
    case .dialRelay:
      party.attempt += 1
      note(.dial, UInt64(party.index), UInt64(party.attempt), text: "\(party.name): dials the relay")
      let latency = party.index == Self.acceptor ? options.acceptorLatency : options.claimantLatency
      queue.add(.dialled(party: party.index, attempt: party.attempt), at: now + latency * 2)
    case .closeRelay:
      hangUp(party)
    case .relayLost(let reason):
      note(.relayLost, UInt64(party.index), text: "\(party.name): lost the relay: \(reason)")
    case .relayNotice, .peerMissing, .peerRestarted, .knock, .envelope: break
    case .openSocket(let socket): openSocket(socket, party, session)
    case .closeSocket(let socket): closeSocket(socket, party)
    case .path(let report): noteReport(report, of: party)
    case .state(let state):
      noteState(state, of: party)
      if state == .claimed { party.wasEstablished = true }
      checkClaimants()
    case .transition(let record):
      taken(record, by: party)
    case .payloadEnded(let length):
      note(.delivered, UInt64(party.index), length, text: "\(party.name): has all \(length) bytes")
      if party.output?.delivered != length { violate("\(party.name) was told a wrong length") }
      queue.add(.outputClosed(party: party.index), at: now + options.closeDelay)
    case .finished(let outcome):
      finish(party, outcome)
    }
  }

  /// Reads the source as far as the session wants; true when the session got something.
  private func feed(_ party: Party, _ session: Session) -> Bool {
    guard party.source != nil, party.phase == .running else { return false }
    var isFed = false
    while session.wantedFromSource > 0, party.source?.isExhausted == false, party.source?.isDry == false {
      let count = session.fillFromSource { party.source?.read(into: $0) ?? 0 }
      guard count > 0 else { break }
      isFed = true
    }
    if party.source?.isExhausted == true, party.source?.hasEnded == false {
      party.source?.end()
      session.handle(.sourceEnded, at: now)
      return true
    }
    if party.source?.isDry == true, !party.isSourceWaiting {
      party.isSourceWaiting = true
      queue.add(.source(party: party.index), at: now + options.sourcePause)
    }
    return isFed
  }

  func refillSource(_ party: Party) {
    party.isSourceWaiting = false
    party.source?.refill()
    pump(party)
  }

  private func awaitOutput(_ party: Party, _ session: Session) {
    guard let output = party.output, output.isFull, !party.isOutputWaiting, party.phase == .running else {
      return
    }
    party.isOutputWaiting = true
    queue.add(.output(party: party.index), at: now + options.outputPause)
  }

  func refillOutput(_ party: Party) {
    party.isOutputWaiting = false
    guard let output = party.output, let session = party.session, party.phase == .running, !party.isFrozen
    else {
      return
    }
    output.refill()
    if session.isOutputBlocked { session.drainPayload(into: output, at: now) }
    pump(party)
  }

  func closeOutput(_ party: Party) {
    guard party.phase == .running, !party.isFrozen else { return }
    party.output?.isClosed = true
    tell(party, .outputClosed)
  }

  /// Moves bytes of the session to the connection; true when any went.
  private func transmit(_ party: Party, _ session: Session) -> Bool {
    var moved = false
    while true {
      if party.outbound.isEmpty {
        guard let transmission = session.poll(into: buffer, at: now) else { return moved }
        party.outbound = ArraySlice(buffer.prefix(transmission.length))
        guard party.connection != nil else {
          violate("\(party.name) sends without a connection")
          return false
        }
      }
      guard let index = party.connection else { return moved }
      let piece = party.outbound.prefix(connections[index].up.room)
      guard !piece.isEmpty else { return moved }
      moved = true
      for arrival in connections[index].up.write(piece, at: now, random: &random) {
        queue.add(.arrival(connection: index, atRelay: true), at: arrival)
      }
      party.outbound = party.outbound.dropFirst(piece.count)
    }
  }

  /// Closes the party's connection.
  func hangUp(_ party: Party) {
    party.outbound = []
    party.inbound = []
    guard let index = party.connection else { return }
    party.connection = nil
    connections[index].isOpenAtParty = false
    queue.add(.arrival(connection: index, atRelay: true), at: connections[index].up.finish(at: now))
  }

  // MARK: Time

  private func rearm(_ party: Party, _ session: Session) {
    guard let due = session.nextDeadline else {
      party.timerAt = nil
      return
    }
    let at = max(due, now)
    guard party.timerAt != at else { return }
    party.timerAt = at
    queue.add(.timer(party: party.index), at: at)
  }

  func timerStruck(_ party: Party) {
    if party.phase == .leaving { return leaveIfDone(party) }
    guard party.phase == .running, !party.isFrozen, let session = party.session, party.timerAt == now else {
      return
    }
    party.strikes = party.lastStrikeAt == now ? party.strikes + 1 : 0
    party.lastStrikeAt = now
    if party.strikes > Self.strikesPerInstant {
      return violate("\(party.name)'s deadline stays due although it was served")
    }
    party.timerAt = nil
    session.handleTimeout(at: now)
    pump(party)
  }

  // MARK: The end

  private func finish(_ party: Party, _ outcome: SessionOutcome) {
    note(.finished, UInt64(party.index), text: "\(party.name): \(outcome)")
    digest.add("\(outcome)")
    party.phase = .leaving
    party.outcome = outcome
    party.finishedAt = now
    party.timerAt = now + Self.leaveLimit
    queue.add(.timer(party: party.index), at: now + Self.leaveLimit)
    checkOutcome(party, outcome)
  }

  /// Ends the program once its last words are out, or have had time enough.
  private func leaveIfDone(_ party: Party) {
    let isLate = party.finishedAt.map { now - $0 >= Self.leaveLimit } ?? true
    guard party.outbound.isEmpty || party.connection == nil || isLate else { return }
    note(.left, UInt64(party.index), text: "\(party.name): is gone")
    hangUp(party)
    party.phase = .gone
  }
}

/// The output of a side that receives no payload.
final class NoOutput: PayloadSink {
  static var shared: NoOutput { NoOutput() }

  func accept(_ bytes: UnsafeRawBufferPointer) -> Int { 0 }
}
