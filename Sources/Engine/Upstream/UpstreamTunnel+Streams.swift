import Basics
import Crypto
import Wire

/// What the host does with the streams of a tunnel: each is a flow.
extension UpstreamTunnel {
  /// Opens a stream. Its connection has yet to be made: until `StreamEvent.writable` it takes nothing.
  func openStream() -> Int64? {
    guard !isServer, isReady, failure == nil, !isClosedByPeer else { return nil }
    guard flows.count < limits.flows, let number = try? endpoint.connect(at: now) else {
      isHostWaiting = true
      return nil
    }
    let flow = TunnelFlow(
      number: flowNumbers, id: Bytes16(high: random.next(), low: random.next()), laneCount: 1)
    flow.dialed = number
    flowNumbers += 1
    flows[flow.number] = flow
    return flow.number
  }

  func wanted(by id: Int64) -> Int { flows[id]?.wanted ?? 0 }

  func fill(_ id: Int64, _ read: (UnsafeMutableRawBufferPointer) -> Int) -> Int {
    guard let filled = flows[id]?.fill(read) else { return 0 }
    endpoint.touch(filled.number)
    return filled.count
  }

  func finish(_ id: Int64) {
    guard let flow = flows[id] else { return }
    flow.finish()
    touch(flow)
    limitLastWords(of: flow)
  }

  func read(_ id: Int64, _ write: (UnsafeRawBufferPointer) -> Int) -> StreamReadState {
    guard let flow = flows[id] else { return .empty }
    do throws(LaneStripingError) {
      let state = try flow.read(write)
      touch(flow)
      if state == .ended { endIfOver(flow) }
      return state
    } catch {
      fail(flow)
      return .empty
    }
  }

  /// Upstream knows no reset of one direction: it is the end of the flow (UPS-15).
  func reset(_ id: Int64, _ code: StreamErrorCode) {
    guard let flow = flows[id], !flow.isSendingOver else { return }
    fail(flow)
  }

  /// The peer goes on sending, for it would take any answer for the end of both directions: what comes is dropped.
  func stopReading(_ id: Int64, _ code: StreamErrorCode) {
    guard let flow = flows[id], !flow.isReadingOver else { return }
    flow.giveUpReading()
    flow.discard()
    touch(flow)
    limitLastWords(of: flow)
    endIfOver(flow)
  }

  /// When neither direction matters here the peer does not keep the flow for ever.
  private func limitLastWords(of flow: TunnelFlow) {
    guard flow.isReadingOver, flow.isFinished || flow.isSendingOver else { return }
    flow.deadline = flow.deadline ?? now + Self.lastWords
  }

  private func touch(_ flow: TunnelFlow) {
    for lane in flow.present { endpoint.touch(lane.number) }
  }

  /// The next thing that the host is to know of.
  func pollEvent() -> StreamEvent? {
    settle()
    return events.popFirst()
  }
}
