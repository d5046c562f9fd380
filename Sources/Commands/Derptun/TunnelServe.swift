import Basics
import Engine
import Glibc
import Reactor
import Wire

/// One run of `derptun serve`: the door at the relay, the clients behind it, and who looks after the process.
final class TunnelServe {
  /// What is done once the relay can be reached, the first time.
  var invitation: (() -> Void)?

  private let loop: EventLoop
  private let service: ServiceAddress?
  private let datagrams: ServiceAddress?
  private var lookup: NameLookup?
  private let options: GlobalOptions
  private let reporter: SessionReporter
  private let relay: RelayTarget
  private let door: Session
  private let drain: Interval
  private var host: SessionHost?
  private var server: TunnelServer!
  private var signals: ProcessSignals?
  private var operation: TunnelOperation?
  private var readiness: Readiness?
  private var revocationFile: String?
  private var revocationWatch: FileWatch?
  private var sampler: TrafficSampler!
  private var isReachable = false
  private var reconnections: UInt64 = 0
  private var status = ExitStatus.success

  init(
    _ loop: EventLoop, _ credential: DerptunServerToken, _ service: ServiceAddress?,
    _ limits: TunnelServer.Limits, datagrams: ServiceAddress?, window: Interval, drain: Interval,
    options: GlobalOptions, map: String?, reporter: SessionReporter
  ) throws(CommandFailure) {
    self.datagrams = datagrams
    let forwardsDatagrams = datagrams != nil
    self.loop = loop
    self.service = service
    self.options = options
    self.reporter = reporter
    self.drain = drain
    let proof: ClientProof
    do {
      proof = try ClientProof(credential)
    } catch {
      throw DerptunTokenRole.server.failure(error)
    }
    let keys = proof.keys
    let relay = try RelayTarget.forToken(
      TunnelSessions.doorToken(credential, keys), map: map, loop, reporter)
    self.relay = relay
    door = TunnelSessions.door(credential, keys, relay, options, loop)
    let ciphers = CipherSpeed.choice(loop)
    server = TunnelServer(
      loop, door, proof, service, limits, unixTime: { Int64(time(nil)) },
      makeGuest: { [unowned reporter] client in
        (
          TunnelSessions.guest(
            of: client, keys, relay, window: window, carriesDatagrams: forwardsDatagrams, options: options,
            ciphers: ciphers, loop),
          relay.endpoint, relay.directPaths(options, portMapping: reporter.portMapping(loop))
        )
      }, observer: { [unowned self] event in show(event) })
    sampler = TrafficSampler(loop) { [unowned self] in
      server.clients.map {
        TrafficSampler.Sample(id: $0.number, bytesIn: $0.counts.bytesReceived, bytesOut: $0.counts.bytesSent)
      }
    }
    try findDatagramTarget()
  }

  /// A name is looked up at the start and by SIGHUP.
  private func findDatagramTarget() throws(CommandFailure) {
    guard case .tcp(let host, let port)? = datagrams else { return }
    if let literal = datagrams?.literals.first {
      server.datagramTarget = literal
      return
    }
    lookup = NameLookup(loop, host) { [weak self] found in
      guard let self else { return }
      if let address = found.first {
        server.datagramTarget = SocketAddress(address, port: port)
      } else {
        reporter.warning("\(host) has no address: datagrams are dropped")
      }
    }
  }

  /// What is served, for people.
  private var targets: String {
    [service?.description, datagrams.map { "\($0) (UDP)" }].compactMap { $0 }.joined(separator: ", ")
  }

  // MARK: Who looks after it

  func attach(readiness: Readiness, operation: OperationOptions) throws(CommandFailure) {
    self.readiness = readiness
    self.operation = try TunnelOperation(loop, .serve, operation, reporter) { [unowned self] in report() }
  }

  /// Turns away what a file lists, now and whenever it changes.
  func watch(revoked path: String) throws(CommandFailure) {
    revocationFile = path
    // The watch first: no change falls in between.
    revocationWatch = FileWatch(loop, path: path) { [unowned self] in reload() }
    server.revoked = try RevocationFile.read(path)
  }

  /// A list that cannot be read leaves the old one in force.
  private func reload() {
    try? findDatagramTarget()
    guard let revocationFile else { return }
    do {
      server.revoked = try RevocationFile.read(revocationFile)
      reporter.detail("read \(revocationFile) again")
    } catch {
      reporter.warning("\(error.message); the list as it was before stays in force")
    }
  }

  // MARK: The run

  func run() -> Int32 {
    let host = SessionHost(
      loop, door, relay: relay.endpoint, direct: nil, source: nil, output: nil,
      observer: { [unowned self] event in happened(event) },
      completion: { [unowned self] outcome in ended(outcome) })
    self.host = host
    host.streams = server
    // Each client may have hundreds of connections.
    _ = RelayHost.raiseOpenFiles()
    signals = ProcessSignals(loop) { [unowned self] event in
      switch event {
      case .reload: reload()
      case .stop: stop()
      case .stopAtOnce(let status): _exit(status)
      }
    }
    loop.defer { host.start() }
    loop.run()
    return status
  }

  private func happened(_ event: SessionEvent) {
    switch event {
    case .state(.waitingForClaim):
      isReachable = true
      readiness?.ready()
      invitation?()
      invitation = nil
      if options.json {
        JSONLine(event: "serving").adding("target", targets).adding("relay", relay.url).emit()
      } else {
        reporter.line("serving \(targets) at \(relay.url)")
      }
    case .relayLost(let reason):
      isReachable = false
      reconnections += 1
      reporter.detail("relay lost, reconnecting: \(printable(reason))")
      operation?.lastError = "relay lost: \(reason)"
    default: break
    }
  }

  /// What is open may come to its end, and everybody is told.
  private func stop() {
    readiness?.stopping()
    if !options.json { reporter.detail("stopping") }
    server.close(draining: drain) { [weak self] in self?.host?.interrupt() }
  }

  private func ended(_ outcome: SessionOutcome) {
    if case .failure(let failure) = outcome, failure != .cancelled {
      Console.error(failure.description)
      status = ExitStatus.of(failure)
    }
    operation?.close()
    loop.stop()
  }

  private func show(_ event: TunnelServer.Event) {
    switch event {
    case .entered(let number, let client): line(number, client, "connected")
    case .left(let number, let client, let outcome):
      if case .failure(let failure) = outcome {
        line(number, client, "gone", failure.description)
      } else {
        line(number, client, "closed")
      }
    case .refused(let reject, let client):
      operation?.lastError = "refused a claim: \(reject.reason)"
      if options.json {
        JSONLine(event: "refused").adding("code", reject.code).adding(
          "client", optional: client?.clientName
        ).emit()
      } else {
        reporter.detail("refused \(client?.clientName ?? "a claim"): \(reject.reason)")
      }
    case .streams(_, let event):
      StreamReport(reporter: reporter, isJSON: options.json, isVerbose: options.verbose).show(event)
    case .session(let number, .peerMissing(let isMissing)):
      guard let client = server.clients.first(where: { $0.number == number }) else { return }
      line(number, client.credential, isMissing ? "silent" : "back")
    case .session(let number, .path(let report)):
      if options.verbose, !options.json { reporter.detail("client \(number): \(PathFormat.text(report))") }
    case .session(_, .transition(let record)): reporter.show(.transition(record), at: loop.now)
    case .session: break
    }
  }

  private func line(_ number: Int, _ client: DerptunClientToken, _ state: String, _ message: String? = nil) {
    if options.json {
      JSONLine(event: "client").adding("number", number).adding("name", client.clientName)
        .adding("state", state).adding("message", optional: message).emit()
    } else {
      reporter.line("\(client.clientName): \(state)" + (message.map { ": \($0)" } ?? ""))
    }
  }

  private func report() -> TunnelStatus {
    var status = TunnelStatus()
    status.target = targets
    status.relay = relay.url
    status.relayState = isReachable ? .connected : reconnections > 0 ? .lost : .connecting
    let now = loop.now
    let unix = Int64(time(nil))
    status.clients = server.clients.map { view in
      var client = TunnelStatus.Client()
      client.name = view.credential.clientName
      client.clientID = view.credential.clientID
      client.tokenID = view.credential.tokenID
      client.expiresUnixSeconds = view.credential.expiresUnixSeconds
      client.connectedUnixSeconds = unix - Int64((now - (view.enteredAt ?? now)).inSeconds)
      client.fill(view.path, view.session.statistics, view.counts, relay: relay.url)
      client.fill(view.datagrams)
      client.fill(sampler[view.number])
      return client
    }
    let counts = server.counts
    status.counters.claimsTaken = counts.entered
    for refusal in counts.refusals {
      status.counters.countRefusal(refusal.code, times: refusal.count)
    }
    status.counters.connections = counts.streams.total
    status.counters.bytesIn = counts.streams.bytesReceived
    status.counters.bytesOut = counts.streams.bytesSent
    status.counters.reconnections = reconnections
    status.counters.outagesResumed = counts.resumed
    return status
  }
}

/// The file of revoked tokens.
enum RevocationFile {
  static func read(_ path: String) throws(CommandFailure) -> RevocationList {
    let bytes: [UInt8]
    do {
      bytes = try SmallFile.read(path, limit: RevocationList.maximumLength)
    } catch {
      throw CommandFailure(
        "cannot read the list of revoked tokens \(path): \(error)", status: ExitStatus.localInputOutput)
    }
    do {
      return try bytes.withUnsafeBytes { (bytes) throws(RevocationListError) in
        try RevocationList.parse(bytes)
      }
    } catch {
      throw CommandFailure("\(path): \(error)", status: ExitStatus.usage)
    }
  }
}
