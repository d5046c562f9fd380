import Basics
import Engine
import Relaying
import Wire

/// The relay's side of the world.
extension World: RelaySink {
  /// Starts the relay, or starts it again with the same key.
  func startRelay() {
    guard relay == nil else { return }
    var configuration = RelayConfiguration.loopback
    if options.relayRate > 0 {
      let rate = Int64(options.relayRate)
      configuration.clientRate = RateLimit(perSecond: rate, burst: max(rate / 2, 70_000))
    }
    if options.isClaimantBarred { configuration.allowedKeys = [token.derpPublic] }
    connectionOfSlot = []
    relay = DERPServer(
      key: relayKey, configuration: configuration, generator: SeededGenerator(seed: random.next()))
  }

  /// The relay's process dies.
  func killRelay() {
    relay = nil
    relayTimerAt = nil
    isRelayFrozen = false
    for index in connections.indices where connections[index].isOpenAtRelay { endDownstream(index) }
  }

  private func endDownstream(_ index: Int) {
    let connection = connections[index]
    connection.isOpenAtRelay = false
    queue.add(.arrival(connection: index, atRelay: false), at: connection.down.finish(at: now))
  }

  /// A party's connection attempt arrives.
  func finishDial(_ party: Party, _ attempt: Int) {
    guard party.phase == .running, !party.isFrozen, party.attempt == attempt, party.connection == nil else {
      return
    }
    guard relay != nil else {
      note(.refused, UInt64(party.index), text: "\(party.name): connection refused")
      return tell(party, .relayClosed(reason: "connection refused"))
    }
    let index = connections.count
    connections.append(VirtualConnection(party: party.index, options: options))
    party.connection = index
    if !isRelayFrozen { accept(index) }
    note(.connected, UInt64(party.index), text: "\(party.name): connected to the relay")
    tell(party, .relayConnected(fastStartKey: options.isFastStart ? relayKey.publicKey : nil))
  }

  /// The relay takes a connection that the system has made.
  private func accept(_ index: Int) {
    let address = Bytes16(high: 0, low: 0xFFFF_0A00_0000 + UInt64(connections[index].party))
    guard let id = relay?.connect(from: address, at: now, sink: self) else { return endDownstream(index) }
    connections[index].id = id
    while connectionOfSlot.count <= id.slot { connectionOfSlot.append(nil) }
    connectionOfSlot[id.slot] = index
    rearmRelay()
  }

  /// The relay's process hangs, or goes on.
  func freezeRelay(_ isFrozen: Bool) {
    isRelayFrozen = isFrozen
    guard !isFrozen, relay != nil else { return }
    for index in connections.indices where connections[index].isOpenAtRelay {
      if connections[index].id == nil { accept(index) }
      readAtRelay(index)
      makeRelayWrite(connections[index])
    }
    relayTimerAt = nil
    rearmRelay()
  }

  /// Bytes of a party have arrived.
  func readAtRelay(_ index: Int) {
    let connection = connections[index]
    guard !connection.isOpenAtRelay || connection.isRead && !isRelayFrozen else { return }
    var (bytes, isEnd) = connection.up.read(at: now)
    if let relay, let id = connection.id, connection.isOpenAtRelay {
      if !bytes.isEmpty {
        note(
          .arrival, UInt64(connection.party), 1, UInt64(bytes.count),
          text: "relay: \(bytes.count) bytes of the \(parties[connection.party].name)")
        bytes.withUnsafeMutableBytes { relay.receive($0, from: id, at: now, sink: self) }
      }
      if isEnd { relay.disconnect(id, at: now, sink: self) }
      rearmRelay()
    }
    if connection.isOpenAtParty { pump(parties[connection.party]) }
  }

  /// There is room again on the way to a party.
  func makeRelayWrite(_ connection: VirtualConnection) {
    guard let relay, !isRelayFrozen, let id = connection.id, connection.isRelayBlocked,
      connection.isOpenAtRelay, connection.down.room > 0
    else { return }
    connection.isRelayBlocked = relay.writable(id, at: now, sink: self)
    rearmRelay()
  }

  func rearmRelay() {
    guard let due = relay?.nextDeadline, due != relayTimerAt else { return }
    relayTimerAt = due
    queue.add(.relayTimer, at: max(due, now))
  }

  func relayTimerStruck() {
    guard let relay, !isRelayFrozen, let due = relayTimerAt, due <= now else { return }
    relayTimerAt = nil
    relay.handleTimeout(at: now, sink: self)
    rearmRelay()
  }

  private func connection(_ id: ConnectionID) -> Int? {
    guard connectionOfSlot.indices.contains(id.slot), let index = connectionOfSlot[id.slot],
      connections[index].id == id
    else { return nil }
    return index
  }

  // MARK: What the relay wants

  func write(_ bytes: UnsafeRawBufferPointer, to id: ConnectionID) -> Int? {
    guard let index = connection(id), connections[index].isOpenAtRelay else { return nil }
    let connection = connections[index]
    let taken = UnsafeRawBufferPointer(rebasing: bytes.prefix(connection.down.room))
    if taken.count < bytes.count {
      connection.isRelayBlocked = true
      // The connection may be empty although it took a part of a large frame.
      queue.add(.arrival(connection: index, atRelay: false), at: now + .microseconds(100))
    }
    for frame in connection.frames.take(taken) {
      guard frame.first == DERPFrameType.receivePacket.rawValue else {
        put(frame, on: index)
        continue
      }
      let passages = packetFaults.treat(frame, for: connection.party, at: now)
      note(
        .packet, UInt64(connection.party), UInt64(frame.count), UInt64(passages.count),
        text: "relay: packet of \(frame.count) bytes for the \(parties[connection.party].name)"
          + (passages.count == 1 ? "" : ", \(passages.count) times"))
      for passage in passages {
        if passage.delay == .zero {
          put(passage.frame, on: index)
        } else {
          queue.add(.late(connection: index, frame: passage.frame), at: now + passage.delay)
        }
      }
    }
    return taken.count
  }

  /// Puts a whole frame on its way to a party.
  func put(_ frame: [UInt8], on index: Int) {
    guard connections[index].isOpenAtRelay else { return }
    for arrival in connections[index].down.write(frame, at: now, random: &random) {
      queue.add(.arrival(connection: index, atRelay: false), at: arrival)
    }
  }

  func finishOutput(_ id: ConnectionID) {
    guard let index = connection(id), connections[index].isOpenAtRelay else { return }
    queue.add(.arrival(connection: index, atRelay: false), at: connections[index].down.finish(at: now))
  }

  func close(_ id: ConnectionID, reason: CloseReason) {
    guard let index = connection(id), connections[index].isOpenAtRelay else { return }
    note(
      .closed, UInt64(connections[index].party),
      text: "relay: the \(parties[connections[index].party].name)'s connection ends: \(reason)")
    endDownstream(index)
  }

  func setReading(_ id: ConnectionID, _ isReading: Bool) {
    guard let index = connection(id) else { return }
    connections[index].isRead = isReading
    if isReading { queue.add(.arrival(connection: index, atRelay: true), at: now) }
  }

  func note(_ event: RelayEvent) {
    if case .joined(let id, _, _) = event, let index = connection(id) { connections[index].isJoined = true }
  }
}
