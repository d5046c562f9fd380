import ArgumentParser
import Basics
import Engine
import Glibc
import Reactor
import Wire

/// `derptun open`: makes the service of a `derptun serve` reachable on this machine, for as long as it runs.
struct TunnelOpenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "open",
    abstract: "Listen on this machine for connections to the service of a derptun server.",
    discussion: """
      Examples: derptun open --token-file alice.dt --listen 127.0.0.1:2222
                derptun open --service office --listen unix:/run/user/1000/office.sock

      It listens at once, and goes on for ever: when the server cannot be reached it tries again, and connections that \
      are open survive an outage as long as --resume-window. New ones wait for --wait meanwhile, then are refused.
      """)

  @ParentCommand var parent: DerptunCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions
  @OptionGroup var token: TunnelTokenOptions
  @OptionGroup var tunnel: TunnelOptions
  @OptionGroup var attempts: AttemptOptions
  @OptionGroup var operation: OperationOptions

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Where to listen: a port, address:port or unix:/path; a free port otherwise.", valueName: "address"))
  var listen: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Also take datagrams here and forward them to what the server names with --udp.", valueName: "address"))
  var listenUdp: String?

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let readiness = try CommandFailure.reacting { () throws(ReactorError) in
        try Readiness(descriptor: operation.readyFd)
      }
      let bind = try listen.map { (text) throws(CommandFailure) in
        try CommandFailure.service(text, "the address to listen at")
      }
      let credential = try token.read(payloadFollows: false)
      let loop = try EventLoop()
      let reporter = SessionReporter(options)
      let address = bind ?? OpenArguments.defaultBind
      try OpenCommand.check(address, reporter)
      let run = try TunnelRun(
        loop, credential, window: tunnel.window, attempts, takesDatagrams: listenUdp != nil, options: options,
        map: map.derpMap, reporter: reporter)
      let listening = try run.listen(at: address)
      if let listenUdp { try run.listenForDatagrams(at: listenUdp) }
      try run.attach(readiness: readiness, operation: operation, listening: listening)
      return run.run()
    }
  }
}

/// How persistent a client is.
struct AttemptOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Give up after so many attempts in a row that the server did not answer; never otherwise.",
      valueName: "count"))
  var attempts: Int?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "How long a new connection waits while the server is not heard; 10s otherwise.", valueName: "duration"))
  var wait: DurationText?

  func validate() throws {
    if let attempts, attempts < 1 { throw ValidationError("--attempts takes a number from 1") }
  }
}
