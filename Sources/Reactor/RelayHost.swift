import Basics
import Crypto
import Relaying

/// Runs a relay on an event loop: its sockets, its timer, and its STUN responder.
///
/// All clients share one read buffer. What is read is relayed from there at once, in large steps, without a copy
/// unless the receiver's socket is full.
public final class RelayHost {
  /// What a host needs to know.
  public struct Options {
    /// Where clients connect; port 0 lets the system choose.
    public var listen: SocketAddress
    /// Where STUN requests are answered; nil for nowhere.
    public var stun: SocketAddress?
    /// Certificate and key when clients connect by TLS; nil for plain TCP.
    public var credentials: TLSServerCredentials?
    /// The relay's limits and times.
    public var configuration: RelayConfiguration

    public init(
      listen: SocketAddress, stun: SocketAddress? = nil, credentials: TLSServerCredentials? = nil,
      configuration: RelayConfiguration = .loopback
    ) {
      self.listen = listen
      self.stun = stun
      self.credentials = credentials
      self.configuration = configuration
    }
  }

  /// The address that clients connect to, with its real port.
  public var address: SocketAddress { listener.address }
  /// The address that answers STUN requests.
  public var stunAddress: SocketAddress? { stun?.address }
  /// The relay's public key.
  public var publicKey: Bytes32 { server.publicKey }
  /// What the relay has done so far.
  public var counters: RelayCounters { server.counters }
  /// How many connections there are.
  public var connectionCount: Int { server.connectionCount }

  private let loop: EventLoop
  private let server: DERPServer
  private let sink: RelayHostSink
  private let buffer: UnsafeMutableRawBufferPointer
  private var listener: Listener!
  private var stun: RelayHostSTUN?
  private var timer: LoopTimer!
  private let credentials: TLSServerCredentials?
  private var stopped: (() -> Void)?

  /// Large enough to make system calls rare, small enough to stay in the cache between reading and writing.
  private static let readSize = 512 << 10
  /// How often one client is read from before others have their turn.
  private static let readsPerTurn = 4

  /// Binds and begins to serve when the loop runs. `noted` gets the relay's events.
  public init(
    _ loop: EventLoop, _ options: Options, key: X25519PrivateKey, generator: any RandomNumberGenerator,
    noted: @escaping (RelayEvent) -> Void
  ) throws(ReactorError) {
    self.loop = loop
    credentials = options.credentials
    server = DERPServer(key: key, configuration: options.configuration, generator: generator)
    sink = RelayHostSink(noted)
    buffer = .allocate(byteCount: Self.readSize, alignment: 4_096)
    listener = try Listener(loop, options.listen) { [weak self] descriptor, peer in
      self?.accept(descriptor, from: peer)
    }
    if let address = options.stun { stun = try RelayHostSTUN(loop, address) }
    timer = loop.makeTimer { [weak self] in self?.timeout() }
  }

  deinit { buffer.deallocate() }

  /// Takes no new clients, tells the others to come back later, and calls `completed` when all are gone, within
  /// about a second.
  public func stop(_ completed: @escaping () -> Void) {
    guard stopped == nil else { return }
    stopped = completed
    listener.close()
    stun?.close()
    server.stop(at: loop.now, sink: sink)
    settle()
  }

  private func accept(_ descriptor: Int32, from peer: SocketAddress) {
    guard let stream = stream(descriptor) else { return }
    guard let id = server.connect(from: peer.ip, at: loop.now, sink: sink) else { return stream.close() }
    let watcher = StreamWatcher(
      loop, stream, readable: { [weak self] in self?.read(id) },
      writable: { [weak self] in self?.write(id) })
    sink.add(id, stream, watcher)
    watcher.wantsRead = true
    settle()
  }

  private func stream(_ descriptor: Int32) -> (any ByteStream)? {
    guard let credentials else { return PlainStream(descriptor: descriptor) }
    return try? TLSServerStream(descriptor: descriptor, credentials: credentials)
  }

  private func read(_ id: ConnectionID) {
    var turn = 0
    while turn < Self.readsPerTurn, let stream = sink.readable(id) {
      turn += 1
      do {
        switch try stream.read(into: buffer) {
        case .bytes(let count):
          let bytes = UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
          server.receive(bytes, from: id, at: loop.now, sink: sink)
        case .wouldBlock: turn = Self.readsPerTurn
        case .end: server.disconnect(id, at: loop.now, sink: sink)
        }
      } catch {
        server.disconnect(id, at: loop.now, sink: sink)
      }
    }
    settle()
  }

  private func write(_ id: ConnectionID) {
    let isWaiting = server.writable(id, at: loop.now, sink: sink)
    sink.setWriting(id, isWaiting)
    settle()
  }

  private func timeout() {
    server.handleTimeout(at: loop.now, sink: sink)
    settle()
  }

  /// After each call into the relay: its next deadline, or the end.
  private func settle() {
    if let deadline = server.nextDeadline { timer.arm(at: deadline) } else { timer.disarm() }
    guard server.isStopping, server.connectionCount == 0, let completed = stopped else { return }
    stopped = nil
    timer.disarm()
    loop.defer(completed)
  }
}
