import ArgumentParser
import Basics
import Glibc
import Reactor

/// `derptun connect --stdio`: one connection to the service of a `derptun serve`, as ssh's ProxyCommand wants it.
struct TunnelConnectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "connect",
    abstract: "Join standard input and output with the service of a derptun server.",
    discussion: """
      Example: ssh -o ProxyCommand='derptun connect --stdio --token-file alice.dt' user@office

      It ends when the service has ended its side. With --token-stdin the first line of standard input is the token, \
      the rest is payload. Other programs that run all the time can share one tunnel by `derptun open` instead.
      """)

  @ParentCommand var parent: DerptunCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions
  @OptionGroup var token: TunnelTokenOptions
  @OptionGroup var tunnel: TunnelOptions
  @OptionGroup var attempts: AttemptOptions

  @Flag(name: .long, help: "Use standard input and output; there is no other way, but scripts say it.")
  var stdio = false

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      guard stdio else { throw CommandFailure("give --stdio", status: ExitStatus.usage) }
      let credential = try token.read(payloadFollows: true)
      let loop = try EventLoop()
      var persistence = attempts
      // Somebody waits for the one connection: an answer within a minute or none.
      persistence.attempts = attempts.attempts ?? 2
      persistence.wait = attempts.wait ?? DurationText(argument: "60s")
      let run = try TunnelRun(
        loop, credential, window: tunnel.window, persistence, options: options, map: map.derpMap,
        reporter: SessionReporter(options))
      run.isQuiet = true
      try run.join(input: STDIN_FILENO, output: STDOUT_FILENO)
      return run.run()
    }
  }
}
