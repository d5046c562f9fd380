import Basics
import Engine
import Glibc
import Reactor
import Wire

/// One run of `derptun open` or `connect`.
final class TunnelRun {
  /// Whether only what went wrong is said: standard error is somebody's terminal.
  var isQuiet = false

  private let loop: EventLoop
  private let credential: DerptunClientToken
  private let options: GlobalOptions
  private let reporter: SessionReporter
  private let relay: RelayTarget
  private var client: TunnelClient!
  private var listener: Listener?
  private var stdio: StdioConnection?
  private var signals: ProcessSignals?
  private var operation: TunnelOperation?
  private var readiness: Readiness?
  private var listening = ""
  private var path: PathReport?
  private var openSince: Instant?
  private var sampler: TrafficSampler!
  private var reconnections: UInt64 = 0
  private var wasOpen = false
  private var hasCheckedDatagrams = false
  private var status = ExitStatus.success

  init(
    _ loop: EventLoop, _ credential: DerptunClientToken, window: Interval, _ attempts: AttemptOptions,
    takesDatagrams: Bool = false, options: GlobalOptions, map: String?, reporter: SessionReporter
  ) throws(CommandFailure) {
    self.loop = loop
    self.credential = credential
    self.options = options
    self.reporter = reporter
    let relay = try RelayTarget.forToken(credential.sessionToken, map: map, loop, reporter)
    self.relay = relay
    let ciphers = CipherSpeed.choice(loop)
    var settings = TunnelClient.Options()
    settings.supervision.resumeWindow = window
    settings.supervision.attempts = attempts.attempts
    if let wait = attempts.wait { settings.patience = wait.interval }
    client = TunnelClient(
      loop, settings,
      makeSession: { [unowned reporter] in
        (
          TunnelSessions.client(
            credential, relay, window: window, carriesDatagrams: takesDatagrams, options: options,
            ciphers: ciphers, loop),
          relay.endpoint, relay.directPaths(options, portMapping: reporter.portMapping(loop))
        )
      }, observer: { [unowned self] event in show(event) },
      completion: { [unowned self] end in ended(end) })
    sampler = TrafficSampler(loop) { [unowned self] in
      checkDatagrams()
      let counts = client.counts.streams
      return [TrafficSampler.Sample(id: 0, bytesIn: counts.bytesReceived, bytesOut: counts.bytesSent)]
    }
  }

  // MARK: Local connections

  /// Accepts local connections; where, with the real port.
  func listen(at address: ServiceAddress) throws(CommandFailure) -> ServiceAddress {
    let made = try CommandFailure.reacting { () throws(ReactorError) in
      try Listener.at(address, loop) { [unowned self] descriptor, _ in client.offer(descriptor) }
    }
    listener = made.listener
    return made.address
  }

  /// Takes datagrams of local programs.
  func listenForDatagrams(at text: String) throws(CommandFailure) {
    guard let address = ServiceAddress(text)?.literals.first else {
      throw CommandFailure("--listen-udp takes an address such as 127.0.0.1:5353", status: ExitStatus.usage)
    }
    let bound = try CommandFailure.reacting { () throws(ReactorError) in
      try client.listenForDatagrams(at: address)
    }
    if !address.isLoopback {
      reporter.warning("other machines can send datagrams to \(bound), and through it to the service")
    }
    if options.json {
      JSONLine(event: "listening").adding("address", bound.description).adding("udp", true).emit()
    } else {
      reporter.line("listening on \(bound) (UDP)")
    }
  }

  /// Makes standard input and output the one local connection.
  func join(input: Int32, output: Int32) throws(CommandFailure) {
    let connection = try CommandFailure.using { () throws(FileError) in
      try StdioConnection(loop, input: input, output: output) { [unowned self] error in
        if let error {
          Console.error("cannot use \(error)")
          status = ExitStatus.localInputOutput
        }
        client.stop()
      }
    }
    stdio = connection
    client.offer(connection.outer)
  }

  func attach(
    readiness: Readiness, operation: OperationOptions, listening: ServiceAddress
  ) throws(CommandFailure) {
    self.readiness = readiness
    self.listening = listening.description
    self.operation = try TunnelOperation(loop, .open, operation, reporter) { [unowned self] in report() }
    if options.json {
      JSONLine(event: "listening").adding("address", listening.description).emit()
    } else {
      reporter.line("listening on \(listening)")
    }
  }

  // MARK: The run

  func run() -> Int32 {
    _ = RelayHost.raiseOpenFiles()
    signals = ProcessSignals(loop) { [unowned self] event in
      switch event {
      case .reload: break
      case .stop:
        readiness?.stopping()
        client.stop()
      case .stopAtOnce(let status): _exit(status)
      }
    }
    loop.defer { [unowned self] in client.start() }
    loop.run()
    return status
  }

  private func ended(_ end: TunnelSupervisor.End) {
    switch end {
    case .stopped: break
    case .refused, .givenUp:
      let failure = end.failure ?? .noAnswer
      if options.json {
        JSONLine(event: "error").adding("message", failure.description).emit()
      } else {
        Console.error(failure.description)
      }
      status = ExitStatus.of(failure)
    }
    listener?.close()
    operation?.close()
    loop.stop()
  }

  private func show(_ event: TunnelClient.Event) {
    switch event {
    case .tunnel(let effect): show(effect)
    case .turnedAway: reporter.refusal("a connection was refused: the server is not heard")
    case .session(.path(let report)):
      path = report
      if options.json { PathFormat.json(report).emit() } else { reporter.detail(PathFormat.text(report)) }
    case .session(.relayLost(let reason)):
      reconnections += 1
      reporter.detail("relay lost, reconnecting: \(printable(reason))")
    case .session(.transition(let record)):
      reporter.show(.transition(record), at: loop.now)
    case .session: break
    case .streams(let event):
      StreamReport(reporter: reporter, isJSON: options.json, isVerbose: options.verbose).show(event)
    }
  }

  private func show(_ effect: TunnelSupervisor.Effect) {
    switch effect {
    case .open:
      openSince = loop.now
      readiness?.ready()
      tell(wasOpen ? "reconnected" : "connected", "tunnel \(wasOpen ? "open again" : "open")")
      wasOpen = true
    case .silent: tell("silent", "the server is not heard; connections are held")
    case .back(let length):
      tell("back", "the server is back after \(RateFormat.duration(length)); nothing was lost")
    case .lost(let reason):
      openSince = nil
      path = nil
      operation?.lastError = reason
      if wasOpen || options.verbose { tell("lost", "tunnel lost: \(printable(reason))", message: reason) }
    case .resting(let length): reporter.detail("next attempt in \(length.inMilliseconds) ms")
    case .transition(let record): reporter.show(.transition(record), at: loop.now)
    case .startSession, .endSession, .askAgain, .over: break
    }
  }

  /// By the time of the first look both sides know what they agreed on.
  private func checkDatagrams() {
    guard !hasCheckedDatagrams, let isForwarding = client.isForwardingDatagrams else { return }
    hasCheckedDatagrams = true
    if !isForwarding { reporter.warning("the server forwards no datagrams") }
  }

  private func tell(_ state: String, _ text: String, message: String? = nil) {
    if options.json {
      JSONLine(event: "tunnel").adding("state", state).adding("message", optional: message).emit()
    } else if isQuiet {
      reporter.detail(text)
    } else {
      reporter.line(text)
    }
  }

  private func report() -> TunnelStatus {
    var status = TunnelStatus()
    status.listening = [listening]
    status.relay = relay.url
    status.relayState = openSince != nil ? .connected : wasOpen ? .lost : .connecting
    let counts = client.counts
    let now = loop.now
    if let openSince, let statistics = client.statistics {
      var server = TunnelStatus.Client()
      server.name = credential.clientName
      server.clientID = credential.clientID
      server.tokenID = credential.tokenID
      server.expiresUnixSeconds = credential.expiresUnixSeconds
      server.connectedUnixSeconds = Int64(time(nil)) - Int64((now - openSince).inSeconds)
      server.fill(path, statistics, counts.streams, relay: relay.url)
      server.fill(client.datagramCounts)
      server.fill(sampler[0])
      status.clients = [server]
    }
    status.counters.claimsTaken = UInt64(counts.established)
    status.counters.connections = counts.streams.total
    status.counters.bytesIn = counts.streams.bytesReceived
    status.counters.bytesOut = counts.streams.bytesSent
    status.counters.reconnections = reconnections
    status.counters.outagesResumed = UInt64(counts.resumed)
    return status
  }
}
