import Basics
import Wire

/// The lanes of a tunnel's flows, and how flows end.
extension UpstreamTunnel {
  // MARK: The dialer's side

  /// UPS-12: the first stream of all, and without it the server would stop to listen after a while.
  func openControl(on connection: QUICConnection, _ number: Int) {
    guard let stream = connection.openStream() else { return }
    parts[Place(number: number, stream: stream)] = .control
    LaneHeader.control.serialized().withUnsafeBytes { connection.append($0, to: stream) }
    connection.finish(stream)
  }

  /// The one lane of the flow that the connection is for.
  func openLane(on connection: QUICConnection, _ number: Int) {
    guard let flow = flows.values.first(where: { $0.dialed == number }),
      let header = try? LaneHeader(lane: 0, of: 1, flowID: flow.id), let stream = connection.openStream()
    else { return close(number) }
    parts[Place(number: number, stream: stream)] = .lane(flow: flow.number, index: 0)
    flow.phase = .open
    _ = flow.add(
      TunnelFlow.Lane(number: number, connection: connection, stream: stream), at: 0,
      header: header.serialized())
    events.append(.writable(StreamID(number: flow.number)))
  }

  // MARK: The server's side

  func peerOpened(_ stream: Int64, on connection: QUICConnection, _ number: Int) {
    let place = Place(number: number, stream: stream)
    guard isServer else { return ignore(place, connection) }
    parts[place] = .heading([])
  }

  /// Ends a stream that is none of ours; what it brings is dropped.
  private func ignore(_ place: Place, _ connection: QUICConnection) {
    parts[place] = .ignored
    connection.finish(place.stream)
    _ = connection.read(place.stream) { $0.count }
    endpoint.touch(place.number)
  }

  func readable(_ place: Place, _ connection: QUICConnection) {
    switch parts[place] {
    case .heading(let bytes): readHeader(bytes, place, connection)
    case .lane(let number, _):
      guard let flow = flows[number] else { break }
      if flow.isReadingOver {
        flow.discard()
        endpoint.touch(place.number)
      } else if flow.phase == .open {
        events.append(.readable(StreamID(number: number)))
      }
    case .control, .ignored: _ = connection.read(place.stream) { $0.count }
    case nil: break
    }
  }

  private func readHeader(_ begun: [UInt8], _ place: Place, _ connection: QUICConnection) {
    var bytes = begun
    let state = connection.read(place.stream) { piece in
      let missing = piece.prefix(LaneHeader.length - bytes.count)
      bytes += missing
      return missing.count
    }
    guard bytes.count == LaneHeader.length || state == .ended else {
      return parts[place] = .heading(bytes)
    }
    do throws(LaneHeaderError) {
      let header = try LaneHeader.parse(bytes)
      if header.isControl {
        controlCame(place.number)
        ignore(place, connection)
        parts[place] = .control
      } else {
        add(header, place, connection)
      }
    } catch {
      // Whoever speaks another language here is not listened to.
      if place.number == control { return ignore(place, connection) }
      close(place.number)
    }
  }

  /// UPS-14: lanes of a flow may come over any connections, in any order.
  private func add(_ header: LaneHeader, _ place: Place, _ connection: QUICConnection) {
    let lane = TunnelFlow.Lane(number: place.number, connection: connection, stream: place.stream)
    let flow: TunnelFlow
    if let known = flows.values.first(where: { $0.id == header.flowID }) {
      flow = known
    } else {
      guard flows.count < limits.flows else { return ignore(place, connection) }
      flow = TunnelFlow(number: flowNumbers, id: header.flowID, laneCount: Int(header.laneCount))
      flow.deadline = now + Self.completion
      flowNumbers += 1
      flows[flow.number] = flow
    }
    guard flow.lanes.count == Int(header.laneCount), flow.add(lane, at: Int(header.lane)) else {
      return ignore(place, connection)
    }
    partings[place.number] = nil
    parts[place] = .lane(flow: flow.number, index: Int(header.lane))
    endpoint.touch(place.number)
    guard flow.isComplete else { return }
    flow.phase = .open
    flow.deadline = nil
    events.append(.opened(StreamID(number: flow.number)))
    events.append(.readable(StreamID(number: flow.number)))
  }

  // MARK: Ends

  func streamClosed(_ place: Place) {
    guard let part = parts.removeValue(forKey: place), case .lane(let number, let index) = part,
      let flow = flows[number]
    else { return }
    flow.laneClosed(index)
    endIfOver(flow)
  }

  /// A lane's connection is gone. That is the end of the flow (UPS-15): nothing that comes over the others would be all.
  func laneLost(_ flow: TunnelFlow, with number: Int) {
    guard flow.phase == .open else { return abandon(flow) }
    for (index, lane) in flow.lanes.enumerated() where lane?.number == number { flow.laneClosed(index) }
    guard flow.hasWholeInput || flow.isReadingOver else { return fail(flow) }
    // The peer has said everything, and the host may still take it.
    if !flow.hasSentEnd, !flow.isSendingOver {
      flow.giveUpSending()
      events.append(.stopped(StreamID(number: flow.number)))
    }
    for index in flow.lanes.indices { flow.laneClosed(index) }
    closeConnections(of: flow)
    endIfOver(flow)
  }

  /// The flow cannot go on: what the host has got is not all.
  func fail(_ flow: TunnelFlow) {
    let hasHost = !isServer || flow.phase == .open
    let isTold = flow.isReadingOver
    flow.giveUpSending()
    flow.giveUpReading()
    closeConnections(of: flow)
    if hasHost {
      let id = StreamID(number: flow.number)
      if !isTold { events.append(.reset(id, .gone)) }
      events.append(.closed(id))
    }
    forget(flow)
  }

  /// The flow has had its time.
  func abandon(_ flow: TunnelFlow) { fail(flow) }

  func endIfOver(_ flow: TunnelFlow) {
    guard flow.isOver, flows[flow.number] != nil else { return }
    if isServer {
      // It is the dialer that closes the connections: it may not have taken everything yet.
      for lane in flow.present where mayClose(lane.number, after: flow) {
        partings[lane.number] = now + Self.parting
      }
    } else {
      closeConnections(of: flow)
    }
    forget(flow)
    events.append(.closed(StreamID(number: flow.number)))
  }

  /// Whether nothing but this flow uses a connection.
  private func mayClose(_ number: Int, after flow: TunnelFlow) -> Bool {
    number != control
      && !flows.values.contains { $0 !== flow && $0.present.contains { $0.number == number } }
  }

  /// UPS-15: to upstream the end of the connections is the end of the flow; those that others use lose the streams only.
  func closeConnections(of flow: TunnelFlow) {
    if let dialed = flow.dialed, flow.phase == .collecting { return close(dialed) }
    for lane in flow.present {
      if mayClose(lane.number, after: flow) {
        close(lane.number)
      } else if !lane.connection.isOver {
        lane.connection.reset(lane.stream, .gone)
        lane.connection.stopReading(lane.stream, .gone)
        endpoint.touch(lane.number)
      }
    }
  }

  func close(_ number: Int) {
    endpoint.close(number, code: 0, at: now)
    partings[number] = nil
    parts = parts.filter { $0.key.number != number }
  }
}
