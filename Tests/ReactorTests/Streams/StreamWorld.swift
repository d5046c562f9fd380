import Basics
import Engine
import Glibc

@testable import Reactor

/// A `StreamHost` between a fake session and real sockets, all on one loop.
final class StreamWorld {
  let test: TestLoop
  let carrier = FakeCarrier()
  private(set) var host: StreamHost!
  /// Where local programs connect; known after `.ready`.
  private(set) var listening: ServiceAddress?
  /// `7 opened`, `7 closed`, `7 reset`, `7 refused`, in order.
  private(set) var log: [String] = []
  /// Bytes each way of the connections that ended.
  private(set) var moved: [StreamID: (sent: UInt64, received: UInt64)] = [:]
  private var condition: (() -> Bool)?
  private var isRunning = false

  init(_ role: StreamHost.Role) throws {
    test = try TestLoop()
    host = StreamHost(test.loop, carrier, role) { [unowned self] event in note(event) }
    host.wake = { [unowned self] in turn() }
  }

  private func note(_ event: StreamHost.Event) {
    switch event {
    case .listening(let address): listening = address
    case .cannotListen(let error): log.append("cannot listen: \(error)")
    case .opened(let id): log.append("\(id.number) opened")
    case .closed(let id, let isReset, let sent, let received, _):
      log.append("\(id.number) \(isReset ? "reset" : "closed")")
      moved[id] = (sent, received)
    case .refused(let id, _): log.append("\(id.number) refused")
    }
  }

  private var isTurning = false

  /// What a session's host does: pumps until nothing moves.
  func turn() {
    guard !isTurning else { return }
    isTurning = true
    while host.pump() {}
    isTurning = false
    check()
  }

  /// One turn of each connection that is ready.
  func turnOnce() {
    isTurning = true
    _ = host.pump()
    isTurning = false
  }

  func check() {
    guard isRunning, condition?() == true else { return }
    isRunning = false
    test.loop.stop()
  }

  /// Runs until the condition holds; false when it does not within a generous time.
  func run(until condition: @escaping () -> Bool) -> Bool {
    turn()
    guard !condition() else { return true }
    self.condition = condition
    isRunning = true
    defer {
      self.condition = nil
      isRunning = false
    }
    return test.run() && condition()
  }

  /// Lets everything happen that is ready to: so many rounds of the loop.
  func settle(rounds: Int = 50) {
    var left = rounds
    func next() {
      left -= 1
      if left == 0 { test.loop.stop() } else { test.loop.defer(next) }
    }
    test.loop.defer(next)
    test.loop.run()
  }

  /// A world in which local programs connect to a free port of the loopback interface, or to `path`.
  static func opener(path: String? = nil) throws -> StreamWorld {
    let world = try StreamWorld(
      .opener(listen: path.map { .unix(path: $0) } ?? .tcp(host: "127.0.0.1", port: 0)))
    world.carrier.happen(.ready)
    world.turn()
    return world
  }

  /// A local program that connects to what this world listens at.
  func connect() throws -> LocalPeer {
    guard case .tcp(let host, let port) = listening, let address = SocketAddress(literal: host, port: port)
    else { throw ReactorError.badAddress("\(String(describing: listening))") }
    return LocalPeer(self, blockingConnection(to: address))
  }

  /// A local program whose stream is open.
  func joined() throws -> (LocalPeer, StreamID, FakeCarrier.Stream)? {
    let known = Set(carrier.streams.keys)
    let peer = try connect()
    guard run(until: { [carrier] in carrier.streams.count > known.count }),
      let (id, stream) = carrier.streams.first(where: { !known.contains($0.key) })
    else { return nil }
    return (peer, id, stream)
  }
}

/// The far end of a local connection, on the loop of its world.
final class LocalPeer {
  enum End { case orderly, reset }

  private let world: StreamWorld
  private(set) var descriptor: Int32
  private var watcher: IOWatcher?
  private(set) var received: [UInt8] = []
  private(set) var end: End?

  /// Whether it reads what comes.
  var isReading = true {
    didSet { watcher?.interest = isReading && end == nil ? .readable : [] }
  }

  init(_ world: StreamWorld, _ descriptor: Int32) {
    self.world = world
    self.descriptor = descriptor
    Socket.setNonBlocking(descriptor)
    watcher = world.test.loop.watch(descriptor) { [unowned self] _ in readable() }
    watcher?.interest = .readable
  }

  deinit { close() }

  private func readable() {
    var buffer = [UInt8](repeating: 0, count: 256 << 10)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count > 0 {
      received += buffer[..<count]
    } else if count == 0 {
      end = .orderly
    } else if errno == EAGAIN {
      return
    } else {
      end = .reset
    }
    if end != nil { watcher?.interest = [] }
    world.check()
  }

  /// Writes as much as goes at once; how much that was.
  @discardableResult
  func write(_ bytes: some Collection<UInt8>) -> Int {
    let bytes = Array(bytes)
    let count = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    return max(count, 0)
  }

  func finishWriting() { shutdown(descriptor, Int32(SHUT_WR)) }

  func close() {
    watcher?.cancel()
    watcher = nil
    if descriptor >= 0 { Glibc.close(descriptor) }
    descriptor = -1
  }

  func reset() {
    var option = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    close()
  }
}
