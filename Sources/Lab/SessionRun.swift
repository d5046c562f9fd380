import Basics
import CNamespaces
import Glibc
import Reactor

/// One `derphole listen` in host B and one `derphole pipe` in host A, with everything that can be seen of them:
/// the JSON events of both and each byte that arrives, with times.
final class SessionRun {
  /// One of the two processes.
  final class Side {
    fileprivate var process: pid_t?
    fileprivate var watcher: LineReader?
    /// Its latest state, such as `connected-direct`, and when it came.
    fileprivate(set) var state = ""
    fileprivate(set) var stateSince = Instant.zero
    /// Why payload goes where it goes, in its own words.
    fileprivate(set) var reason = ""
    /// Its exit code; nil while it runs.
    fileprivate(set) var exitCode: Int32?
    /// The last line about a failure.
    fileprivate(set) var failure = ""
    /// The event with its counters at the end.
    fileprivate(set) var summary = ""

    fileprivate(set) var isDirect = false
  }

  let listen = Side()
  let pipe = Side()
  /// When `pipe` was started.
  private(set) var startedAt = Instant.zero
  /// When the first byte came out of `listen`.
  private(set) var firstByteAt: Instant?
  /// When both sides said that they are direct, the last time.
  private(set) var directAt: Instant?
  /// Whether every byte so far was the right one.
  private(set) var isEqual = true
  private(set) var sent = 0
  private(set) var received = 0
  /// The longest wait between two arrivals since the last `resetGap()`, and when it ended.
  private(set) var longestGap = Interval.zero
  private(set) var longestGapEndedAt = Instant.zero

  /// How long nothing has arrived.
  var presentGap: Interval { loop.now - lastArrival }

  private let loop: EventLoop
  private let payload: Payload
  private let bytesPerSecond: Int
  private let limit: Int
  private let command: (_ arguments: [String]) -> [String]
  private let environment: [String]
  private let topology: Topology
  private var source: Int32 = -1
  private var sink: IOWatcher?
  private var sinkDescriptor: Int32 = -1
  private var feeder: LoopTimer?
  private var pump: IOWatcher?
  private var fedFrom = Instant.zero
  /// When bytes came the last time.
  private(set) var lastArrival = Instant.zero
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)
  private var condition: (() -> Bool)?
  /// What went wrong in the lab itself.
  private(set) var failure: Error?

  private static let feedInterval = Interval.milliseconds(10)
  /// For `bytesPerSecond`: as fast as `pipe` takes it.
  static let unlimited = Int.max

  /// A session that is not started yet. `bytesPerSecond` is how fast `pipe` is fed; with 0 it gets one byte. After
  /// `limit` bytes the payload ends.
  init(
    _ loop: EventLoop, _ topology: Topology, _ relays: Relays, _ programs: Programs, forceRelay: Bool,
    bytesPerSecond: Int, limit: Int = .max, seed: UInt64
  ) {
    self.loop = loop
    self.topology = topology
    self.bytesPerSecond = bytesPerSecond
    self.limit = limit
    payload = Payload(seed: seed)
    environment = relays.environment
    let options = ["--json", "--hide-progress"] + (forceRelay ? ["--force-relay"] : [])
    command = { [programs.derphole] + options + $0 + ["--derp-map", relays.mapFile] }
  }

  deinit {
    feeder?.disarm()
    pump?.cancel()
    sink?.cancel()
    for side in [listen, pipe] {
      side.watcher?.cancel()
      if side.exitCode == nil, let process = side.process { ChildProcess.end(process) }
    }
    if sinkDescriptor >= 0 { close(sinkDescriptor) }
    if source >= 0 { close(source) }
    buffer.deallocate()
  }

  /// Whether both sides say that payload goes directly.
  var isDirect: Bool { listen.isDirect && pipe.isDirect }
  /// Whether both processes have ended.
  var isOver: Bool { listen.exitCode != nil && pipe.exitCode != nil }
  /// Whether both ended well and every byte arrived and was right.
  var isWhole: Bool { listen.exitCode == 0 && pipe.exitCode == 0 && isEqual && received == sent }
  var now: Instant { loop.now }

  /// Starts `listen`; `pipe` follows when the token is there.
  func start() throws {
    let (reader, writer) = try Pipe.make()
    let (events, eventWriter) = try Pipe.make()
    defer { for descriptor in [writer, eventWriter] { close(descriptor) } }
    sinkDescriptor = reader
    derphole_widen_pipe(reader, 1 << 20)
    _ = fcntl(reader, F_SETFL, O_NONBLOCK)
    listen.process = try topology.hosts[1].inside {
      try ChildProcess.spawn(
        command(["listen"]), environment: environment, standardOutput: writer, standardError: eventWriter)
    }
    sink = loop.watch(reader) { [unowned self] _ in arrived() }
    sink?.interest = .readable
    watch(listen, events)
  }

  /// Runs the loop until `condition` holds or the time is over; whether it holds.
  @discardableResult
  func wait(_ limit: Interval, until condition: @escaping () -> Bool) throws -> Bool {
    if condition() { return true }
    self.condition = condition
    let timer = loop.makeTimer { [unowned self] in loop.stop() }
    timer.arm(after: limit)
    loop.run()
    self.condition = nil
    if let failure { throw failure }
    return condition()
  }

  /// No more payload: standard input of `pipe` ends.
  func endPayload() {
    feeder?.disarm()
    feeder = nil
    pump?.cancel()
    pump = nil
    if source >= 0 { close(source) }
    source = -1
  }

  /// Forgets the gaps so far; the wait at hand counts from now.
  func resetGap() {
    longestGap = .zero
    lastArrival = loop.now
  }

  private func check() {
    if failure != nil || condition?() == true { loop.stop() }
  }

  private func watch(_ side: Side, _ events: Int32) {
    side.watcher = LineReader(loop, events) { [unowned self] line in
      if let line { noted(line, by: side) } else { ended(side) }
      check()
    }
  }

  private func noted(_ line: String, by side: Side) {
    switch line.jsonMember("event") {
    case "token":
      guard let token = line.jsonMember("token") else { return }
      do { try startPipe(token) } catch { failure = error }
    case "state":
      side.state = line.jsonMember("state") ?? ""
      side.stateSince = loop.now
      let wasDirect = isDirect
      if side.state == "connected-direct" { side.isDirect = true }
      if side.state == "connected-relay" { side.isDirect = false }
      if isDirect, !wasDirect { directAt = loop.now }
    case "path": side.reason = line.jsonMember("reason") ?? ""
    case "finished", "error":
      side.failure = line.jsonMember("message") ?? ""
      side.summary = line
    default: break
    }
  }

  private func ended(_ side: Side) {
    guard side.exitCode == nil, let process = side.process else { return }
    side.exitCode = ChildProcess.wait(for: process)
    if side === listen {
      // What it wrote before its end may still be in the pipe.
      arrived()
    }
    if side === pipe { endPayload() }
  }

  private func startPipe(_ token: String) throws {
    let (reader, writer) = try Pipe.make()
    let (events, eventWriter) = try Pipe.make()
    defer { for descriptor in [reader, eventWriter] { close(descriptor) } }
    source = writer
    _ = fcntl(writer, F_SETFL, O_NONBLOCK)
    startedAt = loop.now
    pipe.process = try topology.hosts[0].inside {
      try ChildProcess.spawn(
        command(["pipe", token]), environment: environment, standardInput: reader, standardError: eventWriter)
    }
    watch(pipe, events)
    fedFrom = startedAt
    write(1)
    guard bytesPerSecond > 0, source >= 0 else { return }
    if bytesPerSecond == Self.unlimited {
      derphole_widen_pipe(writer, 1 << 20)
      pump = loop.watch(writer) { [unowned self] _ in write(1 << 18) }
      pump?.interest = .writable
      return
    }
    feeder = loop.makeTimer { [unowned self] in feed() }
    feed()
  }

  private func feed() {
    // What the reader did not take is not made up for: a stall must not be followed by a flood.
    write(bytesPerSecond * Int(Self.feedInterval.inMilliseconds) / 1_000)
    feeder?.arm(after: Self.feedInterval)
  }

  private func write(_ count: Int) {
    let wanted = min(count, limit - sent)
    var done = 0
    while done < wanted {
      let written = payload.withBytes(at: sent, atMost: wanted - done) {
        Glibc.write(source, $0.baseAddress!, $0.count)
      }
      guard written > 0 else { break }
      sent += written
      done += written
    }
    if sent >= limit { endPayload() }
  }

  private func arrived() {
    guard sinkDescriptor >= 0 else { return }
    while true {
      let count = read(sinkDescriptor, buffer.baseAddress!, buffer.count)
      if count > 0 {
        noteArrival()
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        isEqual = isEqual && payload.matches(bytes, at: received)
        received += count
        continue
      }
      if count == 0 { sink?.cancel() }
      break
    }
    check()
  }

  private func noteArrival() {
    let now = loop.now
    if firstByteAt == nil {
      firstByteAt = now
    } else if now - lastArrival > longestGap {
      longestGap = now - lastArrival
      longestGapEndedAt = now
    }
    lastArrival = now
  }
}
