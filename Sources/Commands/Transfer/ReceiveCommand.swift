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

  @OptionGroup var code: CodeOptions
  @OptionGroup var accept: AcceptOptions

  @Option(
    name: [.short, .long],
    help: ArgumentHelp(
      "Where it goes: an existing directory, or the name of the file or directory to make.", valueName: "path"
    ))
  var output: String?

  @Flag(name: .long, help: "Replace a file that exists.")
  var force = false

  @Flag(name: .long, help: "Show the token as a QR code, too, when one is printed.")
  var qr = false

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let loop = try EventLoop()
      let reporter = SessionReporter(options, movesFiles: true)
      let transfer = try session(options, loop, reporter)
      reporter.invitation = transfer.issuedToken.map { Invitation(token: $0, use: .send, showsQRCode: qr) }
      let incoming = try CommandFailure.using { () throws(FileError) in try IncomingTransfer(loop) }
      let report = TransferReport(reporter, transfer, direction: .received)
      reporter.digest = { incoming.contentDigest }
      let runner = SessionRunner(transfer, reporter: reporter, options: options)
      let reception = Reception(
        loop, incoming, runner, reporter, Placement(path: output, isForced: force),
        asks: !accept.yes && !options.json)
      incoming.refused = { runner.refuse(reason: $0) }
      incoming.began = { report.began(held: $0) }
      incoming.decide = { offer, _ in
        report.offered(offer, "the other side offers")
        reception.decide(offer, report.description)
      }
      let status = runner.run(source: incoming, output: incoming)
      reception.settle(isComplete: status == ExitStatus.success)
      return status
    }
  }

  private func session(
    _ options: GlobalOptions, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> TransferSession {
    guard let text = try code.input.readIfGiven() else {
      return try TransferSession.issuing(
        [.stdio, .structured], .payload(.receives, isDialogue: true), options: options, relay: relay,
        map: map.derpMap, loop, reporter)
    }
    let token = try TokenUse.receive.decode(text, nowUnixSeconds: Int64(time(nil)))
    return try TransferSession.claiming(
      token, .payload(.receives, isDialogue: true), options: options, map: map.derpMap, loop, reporter)
  }
}
