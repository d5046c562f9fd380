import Basics
import CSockets
import Glibc
import Wire

/// A UDP socket for payload: batches of datagrams both ways, never fragmented, with large buffers.
///
/// Datagrams leave by one call for many (GSO) and arrive joined (GRO); where the kernel does not do that the
/// socket finds out by itself and goes on with `sendmmsg`, at last with `sendto`.
public final class DatagramSocket {
  /// Ways to send a batch, the slowest first.
  public enum SendMethod: Int, Comparable, Sendable {
    /// One call a datagram.
    case single
    /// `sendmmsg`: one call, many datagrams.
    case batch
    /// UDP_SEGMENT: one call, one buffer that the kernel cuts.
    case segmentation

    public static func < (left: SendMethod, right: SendMethod) -> Bool { left.rawValue < right.rawValue }
  }

  /// What became of a batch.
  public enum SendResult: Hashable, Sendable {
    /// All of it has left.
    case sent
    /// There is no room; so many bytes at the front, whole datagrams, have left. Offer the rest again when
    /// `writable` is called.
    case wouldBlock(sent: Int)
    /// The datagrams are larger than what the interface carries. Nothing of the rest has left.
    case tooLarge
    /// They cannot go there. Nothing of the rest has left.
    case failed(reason: String)
  }

  /// What a socket may use; tests take away from it.
  struct Options {
    var sendMethod = SendMethod.segmentation
    var receivesBatches = true
    var joinsDatagrams = true
    /// How much the socket's buffers shall hold, in bytes.
    var bufferSize: Int32 = 4 << 20
  }

  /// How long to wait when the kernel has no memory: no readiness is reported for that.
  private static let memoryPause = Interval.milliseconds(1)
  /// The most that one segmented send may carry: 65,535 bytes less the headers of IPv4 and UDP.
  private static let largestSend = 65_507

  private(set) var descriptor: Int32
  private let buffers: DatagramBuffers
  private var watcher: IOWatcher?
  private var memoryTimer: LoopTimer?
  private var isShortOfMemory = false
  private var receivesBatches: Bool

  /// The bound address, with the real port.
  public let address: SocketAddress
  /// What was granted of 4 MiB for datagrams that arrive, in bytes as asked for (the kernel counts twice that,
  /// its own bookkeeping included).
  public let receiveBufferSize: Int
  /// The same for datagrams that leave.
  public let sendBufferSize: Int
  /// Whether the kernel joins datagrams that arrive together (GRO).
  public let joinsDatagrams: Bool
  /// How batches leave now; becomes slower when the kernel refuses.
  public private(set) var sendMethod: SendMethod

  /// Whether `writable` is called when there is room again.
  public var wantsWrite = false {
    didSet { if wantsWrite != oldValue { refresh() } }
  }

  /// Binds to all addresses of one family.
  ///
  /// - Parameters:
  ///   - isIPv6: IPv6 only, otherwise IPv4 only.
  ///   - port: 0 lets the system choose.
  ///   - buffers: may be shared with the other sockets of the loop.
  ///   - readable: is to call `receive`.
  ///   - writable: is called while `wantsWrite`.
  public convenience init(
    _ loop: EventLoop, isIPv6: Bool, port: UInt16 = 0, buffers: DatagramBuffers,
    readable: @escaping () -> Void, writable: @escaping () -> Void
  ) throws(ReactorError) {
    let any =
      isIPv6 ? SocketAddress(ip: .zero, port: port, isIPv4: false) : SocketAddress(ipv4: 0, port: port)
    try self.init(
      loop, any, buffers: buffers, options: Options(), readable: readable, writable: writable)
  }

  init(
    _ loop: EventLoop, _ wanted: SocketAddress, buffers: DatagramBuffers, options: Options,
    readable: @escaping () -> Void, writable: @escaping () -> Void
  ) throws(ReactorError) {
    (descriptor, address) = try Socket.bound(wanted, SOCK_DGRAM)
    self.buffers = buffers
    receivesBatches = options.receivesBatches
    // Do not fragment, and do not believe routers about the path: the session measures that itself.
    if wanted.isIPv4 {
      Socket.set(descriptor, Int32(IPPROTO_IP), IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)
    } else {
      Socket.set(descriptor, Int32(IPPROTO_IPV6), IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE)
    }
    receiveBufferSize = Self.grow(descriptor, SO_RCVBUFFORCE, SO_RCVBUF, options.bufferSize)
    sendBufferSize = Self.grow(descriptor, SO_SNDBUFFORCE, SO_SNDBUF, options.bufferSize)
    let udp = Int32(IPPROTO_UDP)
    joinsDatagrams =
      options.joinsDatagrams && Socket.set(descriptor, udp, Int32(derphole_udp_gro), 1)
    // A size of 0 changes nothing but tells whether the kernel knows the option.
    let knowsSegments = Socket.set(descriptor, udp, Int32(derphole_udp_segment), 0)
    sendMethod = min(options.sendMethod, knowsSegments ? .segmentation : .batch)
    watcher = loop.watch(descriptor) { [weak self] events in
      if events.contains(.readable) { readable() }
      guard let self, events.contains(.writable), wantsWrite else { return }
      writable()
    }
    watcher?.interest = .readable
    memoryTimer = loop.makeTimer { [weak self] in
      guard let self else { return }
      isShortOfMemory = false
      refresh()
      if wantsWrite { writable() }
    }
  }

  deinit { close() }

  /// Stops and closes.
  public func close() {
    guard descriptor >= 0 else { return }
    watcher?.cancel()
    memoryTimer = nil
    Glibc.close(descriptor)
    descriptor = -1
  }

  private static func grow(_ descriptor: Int32, _ forced: Int32, _ plain: Int32, _ size: Int32) -> Int {
    if !Socket.set(descriptor, SOL_SOCKET, forced, size) { Socket.set(descriptor, SOL_SOCKET, plain, size) }
    var value: Int32 = 0
    var length = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, plain, &value, &length)
    return Int(value) / 2
  }

  private func refresh() {
    watcher?.interest = wantsWrite && !isShortOfMemory ? [.readable, .writable] : .readable
  }

  // MARK: Sending

  /// Sends datagrams that lie back to back: `segmentLength` bytes each, the last one perhaps shorter.
  public func send(
    _ bytes: UnsafeRawBufferPointer, segmentLength: Int, to peer: IPEndpoint
  ) -> SendResult {
    guard descriptor >= 0 else { return .failed(reason: "the socket is closed") }
    guard segmentLength > 0, segmentLength <= Self.largestSend else { return .tooLarge }
    return SocketAddress(peer.address, port: peer.port).withSystemAddress { address, length in
      var sent = 0
      while sent < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[sent...])
        let count = send(rest, segmentLength, address, length)
        if count > 0 {
          sent += count
          continue
        }
        switch Int32(-count) {
        case EINTR: continue
        case EAGAIN: return .wouldBlock(sent: sent)
        case ENOBUFS, ENOMEM:
          isShortOfMemory = true
          memoryTimer?.arm(after: Self.memoryPause)
          refresh()
          return .wouldBlock(sent: sent)
        case EMSGSIZE: return .tooLarge
        case let code: return .failed(reason: SystemError.text(of: code))
        }
      }
      return .sent
    }
  }

  /// Sends some datagrams of the front; how many bytes, or the error number, negative.
  private func send(
    _ bytes: UnsafeRawBufferPointer, _ segment: Int, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
  ) -> Int {
    guard bytes.count > segment else { return sendSingle(bytes, address, length) }
    let tried = sendMethod
    let count =
      switch tried {
      case .segmentation: sendSegmented(bytes, segment, address, length)
      case .batch: sendBatch(bytes, segment, address, length)
      case .single: sendSingle(UnsafeRawBufferPointer(rebasing: bytes[..<segment]), address, length)
      }
    guard tried != .single, Self.mayMeanUnsupported(Int32(-count)) else { return count }
    // The same numbers may be about the datagrams or their way (older kernels say so of segments larger than the
    // interface carries): it was the method only if the next one succeeds.
    sendMethod = SendMethod(rawValue: tried.rawValue - 1) ?? .single
    let again = send(bytes, segment, address, length)
    if again <= 0 { sendMethod = tried }
    return again
  }

  private static func mayMeanUnsupported(_ code: Int32) -> Bool {
    switch code {
    case EINVAL, EIO, EOPNOTSUPP, ENOPROTOOPT, ENOSYS, EPERM: true
    default: false
    }
  }

  private func sendSegmented(
    _ bytes: UnsafeRawBufferPointer, _ segment: Int, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
  ) -> Int {
    let most = segment * min(DatagramBuffers.outgoingCount, Self.largestSend / segment)
    let run = UnsafeRawBufferPointer(rebasing: bytes.prefix(most))
    guard run.count > segment else { return sendSingle(run, address, length) }
    buffers.prepareOutgoing(0, run, address, length)
    buffers.outgoing[0].control = buffers.outgoingControl
    return Int(derphole_send_segmented(descriptor, buffers.outgoing, UInt16(segment)))
  }

  private func sendBatch(
    _ bytes: UnsafeRawBufferPointer, _ segment: Int, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
  ) -> Int {
    var messages = 0
    var offset = 0
    while offset < bytes.count, messages < DatagramBuffers.outgoingCount {
      let end = min(offset + segment, bytes.count)
      buffers.prepareOutgoing(
        messages, UnsafeRawBufferPointer(rebasing: bytes[offset..<end]), address, length)
      messages += 1
      offset = end
    }
    let count = Int(derphole_send_batch(descriptor, buffers.outgoing, UInt32(messages)))
    // Fewer than offered is no failure: what stopped it is told when the rest is offered.
    return count < 0 ? count : min(count * segment, offset)
  }

  private func sendSingle(
    _ bytes: UnsafeRawBufferPointer, _ address: UnsafePointer<sockaddr>, _ length: socklen_t
  ) -> Int {
    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
    let count = sendto(descriptor, bytes.baseAddress, bytes.count, flags, address, length)
    return count < 0 ? -Int(errno) : count
  }

  // MARK: Receiving

  /// Takes what has arrived, up to 1 MiB; `readable` is called again while there is more.
  ///
  /// `body` gets datagrams of one source, back to back in memory that it may write to during the call, and the
  /// length of each but the last, which may be shorter. It may close the socket.
  public func receive(
    _ body: (UnsafeMutableRawBufferPointer, _ segmentLength: Int, _ source: IPEndpoint) -> Void
  ) {
    guard descriptor >= 0 else { return }
    buffers.prepareIncoming()
    let count = receivesBatches ? receiveBatch() : receiveSingle()
    for index in 0..<max(count, 0) {
      guard descriptor >= 0 else { return }
      let message = buffers.incoming + index
      let length = Int(message.pointee.length)
      guard length > 0, length <= DatagramBuffers.messageSize, derphole_is_truncated(message) == 0,
        let source = buffers.source(of: index)
      else { continue }
      let segment = joinsDatagrams ? Int(derphole_segment_size(message)) : 0
      body(
        buffers.data(of: index, count: length), segment > 0 && segment < length ? segment : length,
        source.endpoint)
    }
  }

  private func receiveBatch() -> Int {
    let count = derphole_receive_batch(descriptor, buffers.incoming, UInt32(DatagramBuffers.incomingCount))
    guard count == -ENOSYS || count == -EPERM else { return Int(count) }
    receivesBatches = false
    return receiveSingle()
  }

  private func receiveSingle() -> Int {
    for index in 0..<DatagramBuffers.incomingCount
    where derphole_receive_single(descriptor, buffers.incoming + index) < 0 {
      return index
    }
    return DatagramBuffers.incomingCount
  }
}
