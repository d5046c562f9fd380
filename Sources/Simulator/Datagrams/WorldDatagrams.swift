import Basics
import Engine
import Wire

/// Datagrams on their way.
extension World {
  /// Batches that a session may send at one instant.
  private static let batchesPerInstant = 4_096

  // MARK: Sockets

  func openSocket(_ socket: SocketID, _ party: Party, _ session: Session) {
    if party.network.port(of: socket) != nil || socket.number >= SocketID.limit {
      return violate("\(party.name) opens \(socket) twice or beyond the limit")
    }
    if party.network.access.isRelayOnly { violate("\(party.name) opens \(socket) although it is relay only") }
    let port = party.network.open(socket, isAvailable: options.datagrams.isAvailable)
    note(
      .socket, UInt64(party.index), UInt64(socket.number), UInt64(port ?? 0),
      text: "\(party.name): \(socket) " + (port.map { "is bound to port \($0)" } ?? "cannot be had"))
    guard let port else { return session.handle(.socketFailed(socket, reason: "not permitted"), at: now) }
    noteSocket(party, port: port)
    session.handle(.socketOpened(socket, port: port), at: now)
    if socket == .ipv4, party.network.access.isPortMapped {
      queue.add(.mapping(party: party.index, exists: true), at: now + options.datagrams.stunDelay)
    }
  }

  func closeSocket(_ socket: SocketID, _ party: Party) {
    party.network.close(socket)
    note(.socket, UInt64(party.index), UInt64(socket.number), text: "\(party.name): closes \(socket)")
  }

  // MARK: Sending

  /// Sends what the session has for its sockets; true when there was anything.
  func transmitDatagrams(_ party: Party, _ session: Session) -> Bool {
    guard party.network.socketCount > 0 else { return false }
    var batches = 0
    while violation == nil {
      if party.network.up.backlog(at: now) >= Int64(options.datagrams.socketBuffer) {
        awaitRoom(party)
        return batches > 0
      }
      guard let transmission = session.pollDatagrams(into: buffer, at: now) else { return batches > 0 }
      batches += 1
      if batches > Self.batchesPerInstant { violate("\(party.name) sends datagrams without end") }
      guard case .direct(let path) = transmission.path else {
        violate("\(party.name) sends a batch of datagrams to the relay")
        break
      }
      send(transmission.length, by: transmission.segmentLength, over: path, party, session)
    }
    return false
  }

  private func awaitRoom(_ party: Party) {
    guard !party.network.isWaitingForRoom else { return }
    party.network.isWaitingForRoom = true
    let half = Int64(options.datagrams.socketBuffer / 2)
    queue.add(
      .roomy(party: party.index), at: max(party.network.up.drains(to: half, at: now), now + .microseconds(1)))
  }

  /// Sends the first bytes of the buffer as a system call would.
  func send(
    _ length: Int, by segment: Int, over path: DirectPath, _ party: Party, _ session: Session
  ) {
    guard length > 0, segment > 0, length <= buffer.count,
      (length + segment - 1) / segment <= Session.maximumBatch
    else {
      return violate("\(party.name) sends a batch of \(length) bytes by \(segment)")
    }
    guard let port = party.network.port(of: path.socket) else {
      return violate("\(party.name) sends over \(path.socket), which is not open")
    }
    guard path.remote.address.isIPv4 != path.socket.isIPv6 else {
      return violate("\(party.name) sends over \(path), which is of another family")
    }
    note(
      .datagramSent, UInt64(party.index), UInt64(length), UInt64(segment),
      text: "\(party.name): \(length) bytes by \(segment) over \(path)")
    check(UnsafeRawBufferPointer(rebasing: buffer[..<length]), segment, path, party)
    let host = topology.hosts[party.index]
    guard let address = path.socket.isIPv6 ? host.ipv6 : host.ipv4, !party.network.isRefused else {
      let reason = party.network.isRefused ? "operation not permitted" : "network is unreachable"
      return session.handle(.datagramFailed(path, .unreachable(reason: reason)), at: now)
    }
    guard Datagram.packetLength(min(length, segment), to: path.remote) <= party.network.access.mtu else {
      return session.handle(.datagramFailed(path, .tooLarge), at: now)
    }
    var start = 0
    while start < length {
      let end = min(start + segment, length)
      let datagram = Datagram(
        origin: .party(party.index), source: IPEndpoint(address: address, port: port),
        destination: path.remote, bytes: Array(buffer[start..<end]))
      start = end
      guard let leaves = party.network.up.send(datagram.packetLength, at: now) else {
        lose(datagram, "the queue is full")
        continue
      }
      queue.add(.crossing(datagram, host: party.index), at: leaves)
    }
  }

  /// What must hold of everything that leaves.
  private func check(_ bytes: UnsafeRawBufferPointer, _ segment: Int, _ path: DirectPath, _ party: Party) {
    var start = 0
    while start < bytes.count {
      let end = min(start + segment, bytes.count)
      switch DatagramKind(UnsafeRawBufferPointer(rebasing: bytes[start..<end])) {
      case .probe:
        let isGuess = !party.network.told.contains(path.remote)
        if let complaint = party.network.meter.count(to: path.remote, isGuess: isGuess, at: now) {
          violate("\(party.name) sends \(complaint)")
        }
      case .frame(let lane, let isPayload):
        if lane != 1 { violate("\(party.name) sends a frame of lane \(lane) over a direct path") }
        if isPayload, !party.network.answered.contains(path) {
          violate("\(party.name) sends payload over \(path), which never answered")
        }
        party.network.directDatagrams += 1
      case .probeAnswer, .other: break
      }
      start = end
    }
  }

  private func lose(_ datagram: Datagram, _ reason: @autoclosure () -> String) {
    note(
      .datagramLost, UInt64(datagram.bytes.count), text: "lost to \(datagram.destination): \(reason())")
  }

  // MARK: Crossing

  /// A datagram has left its sender's access: NATs translate it, faults and intruders treat it.
  func cross(_ datagram: Datagram, host: Int?) {
    if let host {
      let network = parties[host].network
      guard !network.isBlocked else { return lose(datagram, "blocked") }
      guard datagram.packetLength <= network.hopMTU else { return lose(datagram, "too large") }
    }
    let carried =
      if let host {
        topology.carry(from: host, datagram.source, to: datagram.destination, at: now)
      } else {
        topology.carryFromOutside(datagram.source, to: datagram.destination, at: now)
      }
    guard let carried else { return lose(datagram, "filtered") }
    let translated = datagram.with(source: carried.source, destination: carried.destination)
    guard let target = carried.host else { return serveStun(translated) }
    guard host != nil, datagram.origin != .stunServer else {
      return land(translated, on: target, after: .zero)
    }
    if let host, isCut(from: host, to: target) || directWay.isCut(to: translated.destination.address) {
      return lose(translated, "black hole")
    }
    for passage in treat(translated, seen: datagram, from: host, to: target) {
      land(passage.datagram, on: target, after: passage.delay)
    }
  }

  private func isCut(from host: Int, to target: Int) -> Bool {
    target == Self.acceptor ? directWay.isCutToAcceptor : host == Self.acceptor && directWay.isCutToClaimant
  }

  /// Puts a datagram on the access of its receiver.
  func land(_ datagram: Datagram, on target: Int, after delay: Interval) {
    let party = parties[target]
    guard !party.network.isBlocked else { return lose(datagram, "blocked") }
    guard datagram.packetLength <= party.network.hopMTU else { return lose(datagram, "too large") }
    guard let arrives = party.network.down.send(datagram.packetLength, at: now) else {
      return lose(datagram, "the queue is full")
    }
    var extra = delay
    if directWay.isLong(to: datagram.destination.address) { extra = extra + options.datagrams.detour }
    if !datagram.destination.address.isIPv4 { extra = extra + options.datagrams.ipv6Lag }
    queue.add(.landing(datagram, party: target), at: arrives + extra)
  }

  // MARK: Receiving

  func land(_ datagram: Datagram, at party: Party) {
    guard party.phase == .running, !party.isFrozen,
      let socket = party.network.socket(at: datagram.destination.port),
      socket.isIPv6 != datagram.destination.address.isIPv4
    else { return lose(datagram, "nobody there") }
    // The machine may have moved meanwhile.
    guard addresses(of: party).contains(datagram.destination.address) else {
      return lose(datagram, "nobody there any more")
    }
    party.network.gathered.append((socket, datagram))
    guard !party.network.isHandoverDue else { return }
    party.network.isHandoverDue = true
    queue.add(.handover(party: party.index), at: now + options.datagrams.gathering)
  }

  /// Hands over what was gathered, in batches as the kernel's GRO makes them.
  func handOver(_ party: Party) {
    party.network.isHandoverDue = false
    let gathered = party.network.gathered
    party.network.gathered = []
    guard let session = party.session, party.phase == .running, !party.isFrozen else { return }
    var index = 0
    while index < gathered.count {
      let first = gathered[index]
      let length = first.datagram.bytes.count
      var bytes: [UInt8] = []
      var count = 0
      while index < gathered.count, count < options.datagrams.batch {
        let next = gathered[index]
        guard next.socket == first.socket, next.datagram.source == first.datagram.source,
          next.datagram.bytes.count <= length,
          bytes.count + length <= Session.minimumDatagramBuffer
            || count == 0
        else { break }
        noteArrival(next.datagram, party, next.socket)
        bytes += next.datagram.bytes
        count += 1
        index += 1
        if next.datagram.bytes.count < length { break }
      }
      note(
        .datagramArrived, UInt64(party.index), UInt64(bytes.count), UInt64(count),
        text: "\(party.name): \(bytes.count) bytes in \(count) from \(first.datagram.source)")
      let remote = first.datagram.source
      bytes.withUnsafeMutableBytes { batch in
        if let output = party.output {
          session.handle(
            datagrams: batch, segmentLength: length, socket: first.socket, from: remote, at: now, sink: output
          )
        } else {
          session.handle(
            datagrams: batch, segmentLength: length, socket: first.socket, from: remote, at: now,
            sink: NoOutput.shared)
        }
      }
    }
    pump(party)
  }

  private func noteArrival(_ datagram: Datagram, _ party: Party, _ socket: SocketID) {
    party.network.told.insert(datagram.source)
    guard case .party(let index) = datagram.origin, index != party.index,
      case .frame(lane: 1, _) = DatagramKind(datagram.bytes)
    else { return }
    party.network.answered.insert(DirectPath(socket: socket, remote: datagram.source))
  }
}
