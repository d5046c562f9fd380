import ArgumentParser
import Basics
import Crypto
import Engine
import Glibc
import Reactor
import Wire

/// `derphole pipe`: standard input to whoever issued the token.
struct PipeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "pipe",
    abstract: "Send standard input to the `derphole listen` that printed the token.",
    discussion: """
      Example: tar c photos | derphole pipe --token-file token.txt

      Other users of this machine can see arguments. --token-file, --token-stdin (the first line of standard input \
      is the token, the rest is payload) and the variable DERPHOLE_TOKEN keep the token to yourself.
      """)

  @ParentCommand var parent: DerpholeCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions

  @Argument(help: "The token that the other side printed.")
  var token: String?

  @Option(name: .long, help: ArgumentHelp("Read the token from the first line of a file.", valueName: "file"))
  var tokenFile: String?

  @Flag(name: .long, help: "Read the token from the first line of standard input.")
  var tokenStdin = false

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let text = try TokenInput(argument: token, file: tokenFile, fromStandardInput: tokenStdin).read()
      let token = try TokenUse.pipe.decode(text, nowUnixSeconds: Int64(time(nil)))
      let reporter = SessionReporter(options)
      let loop = try EventLoop()
      let relay = try RelayTarget.forToken(token, map: map.derpMap, loop, reporter)
      var random = SecureRandom()
      var configuration = SessionConfiguration(
        role: .claimant, token: token, derpKey: X25519PrivateKey(random: &random), flow: .sends,
        relayHost: relay.hostHeader)
      configuration.isRelayOnly = options.forceRelay
      configuration.ciphers = CipherSpeed.choice(loop)
      let session = Session(configuration, random: random, at: loop.now)
      let source = try CommandFailure.using { () throws(FileError) in
        try InputSource(loop, descriptor: STDIN_FILENO, name: "standard input")
      }
      return SessionRunner(loop, session, reporter: reporter).run(
        relay: relay.endpoint, direct: relay.directPaths(options, portMapping: reporter.portMapping(loop)),
        source: source)
    }
  }
}
