import Basics
import Engine
import Glibc
import Wire

/// The end of forwarded datagrams where the service is: each flow of the peer has a UDP socket of its own there, so that
/// the service can tell flows apart and answer each.
///
/// It leaves the session's events to whoever drives its streams: datagrams are looked for in each turn.
public final class DatagramExit: StreamDriver {
  /// How many datagrams one turn moves each way before others have theirs.
  private static let batch = 64

  public var wake: () -> Void = {}

  private let loop: EventLoop
  private let carrier: any DatagramCarrier
  private let target: SocketAddress
  private let buffer = FlowBuffer()
  private var sockets: DatagramTargets<FlowSocket>
  private var timer: LoopTimer?
  private var past = DatagramForwarding()
  private var isOver = false

  /// - Parameters:
  ///   - target: where the service is.
  ///   - limits: each flow takes a descriptor.
  public init(
    _ loop: EventLoop, _ carrier: any DatagramCarrier, target: SocketAddress,
    limits: FlowLimits = FlowLimits()
  ) {
    self.loop = loop
    self.carrier = carrier
    self.target = target
    sockets = DatagramTargets(limits)
    timer = loop.makeTimer { [weak self] in self?.expire() }
  }

  deinit { close() }

  /// Counters up to now.
  public var counts: DatagramForwarding {
    var counts = past
    counts.open = sockets.count
    return counts
  }

  /// Stops and closes every flow.
  public func close() {
    isOver = true
    timer = nil
    while let socket = sockets.pop() { socket.close() }
  }

  public func sessionEnded() { close() }

  // MARK: From the peer

  public func pump() -> Bool {
    let now = loop.now
    var moved = 0
    while moved < Self.batch, !isOver, carrier.readDatagram(at: now, { deliver($0, at: now) }) { moved += 1 }
    return moved > 0
  }

  private func deliver(_ bytes: UnsafeRawBufferPointer, at now: Instant) {
    guard let datagram = try? FlowDatagram.parse(bytes) else {
      past.malformed += 1
      return
    }
    guard let socket = sockets.handle(of: datagram.flow, at: now) ?? open(datagram.flow, at: now) else {
      past.dropped += 1
      return
    }
    var code = socket.send(datagram.payload)
    if Self.isReport(code) {
      // The kernel says so instead of sending, about a datagram that left before (DGR-8).
      past.refused += 1
      code = socket.send(datagram.payload)
    }
    past.count(code)
  }

  private func open(_ flow: UInt64, at now: Instant) -> FlowSocket? {
    guard case .admitted(let evicted) = sockets.admit(at: now) else { return nil }
    evicted?.close()
    let socket = FlowSocket(loop, flow: flow, target) { [weak self] in self?.receive(from: $0) }
    guard let socket else { return nil }
    sockets.add(flow, socket, at: now)
    past.total += 1
    if sockets.count == 1 { armTimer() }
    return socket
  }

  // MARK: To the peer

  private func receive(from socket: FlowSocket) {
    let now = loop.now
    for _ in 0..<Self.batch {
      let count = socket.receive(into: buffer.room)
      if count == -Int(EAGAIN) { break }
      guard count >= 0 else {
        if Self.isReport(Int32(-count)) { past.refused += 1 }
        continue
      }
      _ = sockets.handle(of: socket.flow, at: now)
      past.count(carrier.sendDatagram(buffer.datagram(of: socket.flow, count: count), at: now))
    }
    wake()
  }

  /// Whether an error number is about the way to the service, and not about this datagram or this machine.
  private static func isReport(_ code: Int32) -> Bool {
    switch code {
    case ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENOPROTOOPT, EPROTO: true
    default: false
    }
  }

  // MARK: Time

  /// A flow that is used again lives longer than the timer was set for, which is then found out: setting it with each
  /// datagram would cost more.
  private func armTimer() {
    if let deadline = sockets.nextDeadline { timer?.arm(at: deadline) }
  }

  private func expire() {
    while let socket = sockets.popExpired(at: loop.now) { socket.close() }
    armTimer()
  }
}
