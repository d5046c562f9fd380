import ArgumentParser
import Glibc
import Reactor

/// `derphole open`: makes the service of a `derphole share` reachable on this machine.
struct OpenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open",
    abstract: "Listen on this machine for connections to the service that the other side shares.",
    discussion: """
      Examples: derphole open TOKEN
                derphole open TOKEN 127.0.0.1:8080
                derphole open --token-file token.txt 8080

      The address is printed on standard error once the service can be reached. Without one the system chooses a port \
      of the loopback interface. When the token comes from a file, standard input, the terminal or the variable \
      DERPHOLE_TOKEN, which other users of this machine cannot see, the only argument is the address.
      """)

  @ParentCommand var parent: DerpholeCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions

  @Argument(
    help: ArgumentHelp(
      "The token that the other side printed, then where to listen.", valueName: "token> <address"))
  var arguments: [String] = []

  @OptionGroup var token: TokenOptions

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let (text, bind) = try inputs()
      let token = try TokenUse.open.decode(text, nowUnixSeconds: Int64(time(nil)))
      let loop = try EventLoop()
      let reporter = SessionReporter(options)
      try Self.check(bind, reporter)
      let claimed = try TransferSession.claiming(
        token, .streams, options: options, map: map.derpMap, loop, reporter)
      let report = StreamReport(reporter: reporter, isJSON: options.json, isVerbose: options.verbose)
      var runner: SessionRunner?
      let streams = StreamHost(loop, claimed.session, .opener(listen: bind)) { event in
        report.show(event)
        if case .cannotListen(let error) = event { runner?.fail(reason: "\(error)") }
      }
      reporter.streams = { [unowned streams] in streams.counts }
      let made = SessionRunner(claimed, reporter: reporter, options: options)
      runner = made
      return made.run(streams: streams)
    }
  }

  /// The token and the address.
  private func inputs() throws(CommandFailure) -> (token: String, bind: ServiceAddress) {
    let given = try OpenArguments(arguments, hasToken: token.areGiven)
    return (try token.input(argument: given.token).read(), given.bind)
  }

  /// Only an address that says so lets other machines in.
  static func check(_ bind: ServiceAddress, _ reporter: SessionReporter) throws(CommandFailure) {
    guard case .tcp(let host, _) = bind, host != "localhost" else { return }
    guard let literal = SocketAddress(literal: host, port: 0) else {
      throw CommandFailure("listen at an address, not at a name: \(host)", status: ExitStatus.usage)
    }
    if !literal.isLoopback {
      reporter.warning("other machines can connect to \(bind), and through it to the shared service")
    }
  }
}
