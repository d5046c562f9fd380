import ArgumentParser
import Glibc
import Reactor

/// `derphole share`: lets the holder of a token use a local service.
struct ShareCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "share",
    abstract: "Print a token, then let its holder connect to a local service.",
    discussion: """
      Examples: derphole share 8080
                derphole share db.example.net:5432
                derphole share unix:/run/docker.sock

      The other side runs `derphole open TOKEN` and connects to the address that this prints. Each of its connections \
      becomes one to the service, which sees them come from this machine. The token is good for one hour and one \
      opener, or as many as --clients says; a session lasts until either side stops it.
      """)

  @ParentCommand var parent: DerpholeCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions
  @OptionGroup var relay: RelayOptions

  @Argument(help: "The service: a port of this machine, host:port, or unix:/path.")
  var target: String

  @Flag(name: .long, help: "Print the token as the only line of standard output, and not on standard error.")
  var printTokenOnly = false

  @Flag(name: .long, help: "Show the token as a QR code, too.")
  var qr = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "How many openers may use the token at once; each gets a session of its own.", valueName: "count"))
  var clients = 1

  func validate() throws {
    guard (1...256).contains(clients) else { throw ValidationError("--clients takes a number from 1 to 256") }
  }

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let service = try CommandFailure.target(target)
      let loop = try EventLoop()
      let reporter = SessionReporter(options)
      let issued = try TransferSession.issuing(
        [.share], clients == 1 ? .streams : .door, options: options, relay: relay, map: map.derpMap, loop,
        reporter)
      reporter.invitation = issued.issuedToken.map {
        Invitation(token: $0, use: .open, isTokenOnly: printTokenOnly, showsQRCode: qr)
      }
      let report = StreamReport(reporter: reporter, isJSON: options.json, isVerbose: options.verbose)
      let runner = SessionRunner(issued, reporter: reporter, options: options)
      if let makeGuest = issued.makeGuest {
        let relay = issued.relay
        let door = StreamDoor(
          loop, issued.session, service, limit: clients,
          makeGuest: {
            (
              makeGuest(), relay.endpoint,
              relay.directPaths(options, portMapping: reporter.portMapping(loop))
            )
          }, observer: { report.show($0) })
        reporter.streams = { [unowned door] in door.counts }
        reporter.startsWaiting = true
        return runner.run(streams: door)
      }
      let streams = StreamHost(loop, issued.session, .service(service)) { report.show($0) }
      reporter.streams = { [unowned streams] in streams.counts }
      return runner.run(streams: streams)
    }
  }
}

extension CommandFailure {
  /// Parses the address of a service that others shall reach.
  static func target(_ text: String) throws(CommandFailure) -> ServiceAddress {
    let service = try service(text, "the service")
    if case .tcp(_, 0) = service {
      throw CommandFailure("the service needs a port other than 0", status: ExitStatus.usage)
    }
    return service
  }

  /// Parses an address of a service; one line says what is wrong with it.
  static func service(_ text: String, _ what: String) throws(CommandFailure) -> ServiceAddress {
    guard let address = ServiceAddress(text) else {
      throw CommandFailure(
        "\(what) is given as PORT, HOST:PORT, [IPV6]:PORT or unix:/PATH", status: ExitStatus.usage)
    }
    return address
  }
}
