import ArgumentParser
import Basics
import Engine
import Glibc
import Reactor
import Wire

/// `derptun serve`: lets the holders of client tokens use a local service, for as long as it runs.
struct ServeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve",
    abstract: "Let the holders of client tokens connect to a local service.",
    discussion: """
      Examples: derptun serve --token-file server.dts --tcp 127.0.0.1:22
                derptun serve --token-file server.dts --tcp unix:/run/docker.sock --revoked revoked.txt
                derptun serve --tcp 8080

      Nothing that a client or the network does ends it; it may be started anew at any time, and its clients find it \
      again. Without a server token it makes one for this run alone and prints the command for the other machine. \
      SIGHUP reads the list of revoked tokens again (it is also read when it changes); SIGTERM lets connections that \
      are open come to their end for the time of --drain, and a second one ends at once.
      """)

  @ParentCommand var parent: DerptunCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions
  @OptionGroup var relay: RelayOptions
  @OptionGroup var token: DerptunTokenOptions
  @OptionGroup var tunnel: TunnelOptions
  @OptionGroup var operation: OperationOptions

  @Option(
    name: .long,
    help: ArgumentHelp("The service: a port of this machine, host:port, or unix:/path.", valueName: "target"))
  var tcp: String?

  @Option(
    name: .long,
    help: ArgumentHelp("Also, or only, forward datagrams here: host:port or a port.", valueName: "target"))
  var udp: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Turn away the client and token IDs in this file, one a line in hex; `derptun token inspect` shows them.",
      valueName: "file"))
  var revoked: String?

  @Option(name: .long, help: ArgumentHelp("How many clients may be in at once.", valueName: "count"))
  var maxClients = 32

  @Option(
    name: .long,
    help: ArgumentHelp("How many connections each client may have open at once.", valueName: "count"))
  var clientConnections = StreamHost.mostStreams

  @Option(
    name: .long, help: ArgumentHelp("What each client may move: \(TransferRate.help).", valueName: "rate"))
  var clientRate: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "How long open connections may go on after SIGTERM; 10s otherwise.", valueName: "duration"))
  var drain: DurationText?

  @Flag(
    name: .long, help: "Print a new client token, which is good for 90 days, as part of the client's command."
  )
  var printClient = false

  @Flag(name: .long, help: "Show that client token as a QR code, too.")
  var qr = false

  func validate() throws {
    guard tcp != nil || udp != nil else { throw ValidationError("give --tcp or --udp: what is to be served") }
    guard (1...4_096).contains(maxClients) else {
      throw ValidationError("--max-clients takes a number from 1 to 4096")
    }
    guard (1...StreamHost.mostStreams).contains(clientConnections) else {
      throw ValidationError("--client-connections takes a number from 1 to \(StreamHost.mostStreams)")
    }
  }

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let readiness = try CommandFailure.reacting { () throws(ReactorError) in
        try Readiness(descriptor: operation.readyFd)
      }
      let service = try tcp.map(CommandFailure.target)
      let datagrams = try udp.map(CommandFailure.target)
      if case .unix? = datagrams {
        throw CommandFailure("--udp takes HOST:PORT or a port", status: ExitStatus.usage)
      }
      var limits = TunnelServer.Limits()
      limits.clients = maxClients
      limits.connections = clientConnections
      limits.bytesPerSecond = try clientRate.map { (text) throws(CommandFailure) in
        do throws(TransferRateError) {
          return try TransferRate(text).bytesPerSecond
        } catch {
          throw CommandFailure("--client-rate \(text): \(error)", status: ExitStatus.usage)
        }
      }
      let reporter = SessionReporter(options)
      let now = Int64(time(nil))
      let given = try token.input(.server).readIfGiven()
      let server = try credential(given, reporter, options, now: now)
      let loop = try EventLoop()
      let run = try TunnelServe(
        loop, server, service, limits, datagrams: datagrams, window: tunnel.window,
        drain: drain?.interval ?? .seconds(10),
        options: options, map: map.derpMap, reporter: reporter)
      try run.attach(readiness: readiness, operation: operation)
      if let revoked { try run.watch(revoked: revoked) }
      if given == nil || printClient || qr {
        let client = try TokenClientCommand.issue(for: server, expires: nil, now: now).encoded()
        run.invitation = { Self.invite(client, showsQRCode: qr, isJSON: options.json) }
      }
      return run.run()
    }
  }

  /// The server's credential: as given, or made for this run.
  private func credential(
    _ given: String?, _ reporter: SessionReporter, _ options: GlobalOptions, now: Int64
  ) throws(CommandFailure) -> DerptunServerToken {
    if let given {
      guard relay.derp == nil else {
        throw CommandFailure(
          "the token says where to meet: --derp is for a run without one", status: ExitStatus.usage)
      }
      return try DerptunTokenRole.decodeServer(given, nowUnixSeconds: now)
    }
    let target = try RelayTarget.custom(url: relay.derp, stunPort: relay.derpStun)
    target?.warn(reporter)
    var random = SecureRandom()
    return DerptunServerToken.issue(
      expiresUnixSeconds: ExpiryOptions.after(days: TokenServerCommand.defaultDays, now: now),
      route: target?.route, isPlainHTTP: target?.isPlainHTTP ?? false, using: &random)
  }

  private static func invite(_ token: String, showsQRCode: Bool, isJSON: Bool) {
    guard !isJSON else {
      return JSONLine(event: "invitation").adding("token", token).adding(
        "command", "derptun open --token \(token)"
      ).emit()
    }
    Console.line("On the other machine, run:")
    Console.line("  derptun open --token \(token)")
    if showsQRCode { QRCode.show(token) }
  }
}
