import ArgumentParser
import Glibc
import Reactor

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
      let claimed = try TransferSession.claiming(
        token, .payload(.sends, isDialogue: false), options: options, map: map.derpMap, loop, reporter)
      let source = try CommandFailure.using { () throws(FileError) in
        try InputSource(loop, descriptor: STDIN_FILENO, name: "standard input")
      }
      return SessionRunner(claimed, reporter: reporter, options: options).run(source: source)
    }
  }
}
