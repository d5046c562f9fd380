import ArgumentParser
import Glibc
import Reactor
import Wire

/// `derphole receive`: what a `derphole send` offers.
struct ReceiveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "receive",
    abstract: "Receive what the `derphole send` that printed the code offers.",
    discussion: """
      Examples: derphole receive CODE
                derphole receive --code-file code.txt --output ~/Downloads
                derphole receive

      Text and streams go to standard output, files and directories into the current directory. Nothing that exists \
      is replaced without --force: a name that is taken gets a number. On a terminal you are asked first, unless \
      --yes is given. Without a code a token is printed that `derphole send --to TOKEN` sends to.

      Other users of this machine can see arguments. --code-file, --code-stdin, --code-prompt and the variable \
      DERPHOLE_TOKEN keep the code to yourself.

      An interrupted transfer leaves NAME.derphole-partial; receive the same content there again and it goes on.
      """,
    aliases: ["rx", "recv", "recieve"])

  @ParentCommand var parent: DerpholeCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions
  @OptionGroup var relay: RelayOptions

  @Argument(help: "The code that the other side printed.")
  var code: String?

  @Option(name: .long, help: ArgumentHelp("Read the code from the first line of a file.", valueName: "file"))
  var codeFile: String?

  @Flag(name: .long, help: "Read the code from the first line of standard input.")
  var codeStdin = false

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "Where it goes: an existing directory, or the name of the file or directory to make.", valueName: "path"))
  var output: String?

  @Flag(name: .long, help: "Replace a file that exists.")
  var force = false

  @Flag(name: [.short, .long], help: "Do not ask whether what is offered is wanted.")
  var yes = false

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let loop = try EventLoop()
      let reporter = SessionReporter(options)
      let transfer = try session(options, loop, reporter)
      if let token = transfer.issuedToken {
        reporter.instruction = "On the other machine, run:\nderphole send --to \(token) PATH"
        reporter.code = token
      }
      let incoming = try CommandFailure.using { () throws(FileError) in try IncomingTransfer(loop) }
      let runner = SessionRunner(transfer, reporter: reporter, options: options)
      let place = Placement(path: output, isForced: force)
      var destination: TransferDestination?
      incoming.refused = { runner.refuse(reason: $0) }
      incoming.began = { reporter.contentBegan(held: $0, at: loop.now) }
      incoming.decide = { offer, entries in
        reporter.offered(offer, entries)
        do {
          let chosen = try place.destination(for: offer, loop)
          destination = chosen
          reporter.receiving(into: chosen.title)
          incoming.accept(chosen.content)
        } catch {
          runner.fail(reason: "\(error)")
        }
      }
      let status = runner.run(source: incoming, output: incoming)
      destination?.settle(isComplete: status == ExitStatus.success) { reporter.hint($0) }
      if status == ExitStatus.success { reporter.delivered(incoming.contentDigest) }
      return status
    }
  }

  private func session(
    _ options: GlobalOptions, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> TransferSession {
    let input = TokenInput(argument: code, file: codeFile, fromStandardInput: codeStdin)
    guard input.isGiven else {
      return try TransferSession.issuing(
        [.stdio, .structured], flow: .receives, isDialogue: true, options: options, relay: relay,
        map: map.derpMap, loop, reporter)
    }
    let token = try TokenInput.decode(try input.read(), for: .receive, nowUnixSeconds: Int64(time(nil)))
    return try TransferSession.claiming(
      token, flow: .receives, isDialogue: true, options: options, map: map.derpMap, loop, reporter)
  }
}
