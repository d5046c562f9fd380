import Basics
import Engine
import Glibc
import Wire

/// The end of forwarded datagrams where local programs send them: one UDP socket. Each address that something comes from
/// is a flow (DGR-6), and what the peer sends in that flow goes back there.
///
/// It leaves the session's events to whoever drives its streams: datagrams are looked for in each turn.
public final class DatagramEntry: StreamDriver {
  /// How many datagrams one turn moves each way before others have theirs.
  private static let batch = 64

  public var wake: () -> Void = {}
  /// Where local programs send to, with the real port.
  public let address: SocketAddress

  private let loop: EventLoop
  private let carrier: any DatagramCarrier
  private let buffer = FlowBuffer()
  private var flows: DatagramFlows<SocketAddress>
  private var descriptor: Int32
  private var watcher: IOWatcher?
  private var timer: LoopTimer?
  private var past = DatagramForwarding()

  /// Binds; datagrams are taken from then on, and dropped while the session carries none.
  public init(
    _ loop: EventLoop, _ carrier: any DatagramCarrier, listen: SocketAddress,
    limits: FlowLimits = FlowLimits()
  ) throws(ReactorError) {
    self.loop = loop
    self.carrier = carrier
    flows = DatagramFlows(limits)
    (descriptor, address) = try Socket.bound(listen, SOCK_DGRAM)
    Socket.forbidFragments(descriptor, isIPv4: address.isIPv4)
    Socket.makeRoomForBursts(descriptor)
    watcher = loop.watch(descriptor) { [weak self] _ in self?.receive() }
    watcher?.interest = .readable
    timer = loop.makeTimer { [weak self] in self?.expire() }
  }

  deinit { close() }

  /// Counters up to now.
  public var counts: DatagramForwarding {
    var counts = past
    counts.open = descriptor < 0 ? 0 : flows.count
    counts.total = flows.total
    return counts
  }

  /// Stops and closes.
  public func close() {
    guard descriptor >= 0 else { return }
    watcher?.cancel()
    watcher = nil
    timer = nil
    Glibc.close(descriptor)
    descriptor = -1
  }

  public func sessionEnded() { close() }

  // MARK: To the peer

  private func receive() {
    let now = loop.now
    for _ in 0..<Self.batch {
      guard descriptor >= 0 else { return }
      var storage = sockaddr_storage()
      var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
      let room = buffer.room
      let count = withUnsafeMutablePointer(to: &storage) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          recvfrom(descriptor, room.baseAddress, room.count, Int32(MSG_DONTWAIT), $0, &length)
        }
      }
      if count < 0 {
        if errno == EAGAIN { break }
        // A report about an earlier answer (ICMP) consumes itself (DGR-8).
        if errno != EINTR { past.refused += 1 }
        continue
      }
      guard let source = SocketAddress(storage) else { continue }
      forward(count, from: source, at: now)
    }
    wake()
  }

  private func forward(_ count: Int, from source: SocketAddress, at now: Instant) {
    let isFirst = flows.count == 0
    guard let flow = flows.flow(from: source, at: now) else {
      past.dropped += 1
      return
    }
    if isFirst { armTimer() }
    past.count(carrier.sendDatagram(buffer.datagram(of: flow, count: count), at: now))
  }

  // MARK: From the peer

  public func pump() -> Bool {
    let now = loop.now
    var moved = 0
    while moved < Self.batch, descriptor >= 0, carrier.readDatagram(at: now, { deliver($0, at: now) }) {
      moved += 1
    }
    return moved > 0
  }

  private func deliver(_ bytes: UnsafeRawBufferPointer, at now: Instant) {
    guard let datagram = try? FlowDatagram.parse(bytes) else {
      past.malformed += 1
      return
    }
    guard let source = flows.source(of: datagram.flow, at: now) else {
      past.dropped += 1
      return
    }
    past.count(send(datagram.payload, to: source))
  }

  /// The error number; 0 when the datagram has left.
  private func send(_ payload: UnsafeRawBufferPointer, to source: SocketAddress) -> Int32 {
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    let count = source.withSystemAddress {
      sendto(descriptor, payload.baseAddress, payload.count, flags, $0, $1)
    }
    return count < 0 ? errno : 0
  }

  // MARK: Time

  /// A flow that is used again lives longer than the timer was set for, which is then found out: setting it with each
  /// datagram would cost more.
  private func armTimer() {
    if let deadline = flows.nextDeadline { timer?.arm(at: deadline) }
  }

  private func expire() {
    flows.expire(at: loop.now)
    armTimer()
  }
}
