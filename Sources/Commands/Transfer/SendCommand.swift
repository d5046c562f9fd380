import ArgumentParser
import Glibc
import Reactor
import Wire

/// `derphole send`: text, files and directories to whoever has the code.
struct SendCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "send",
    abstract: "Send text, files or directories; print the command that receives them.",
    discussion: """
      Examples: derphole send photo.jpg
                derphole send --exclude node_modules project
                derphole send 'see you at eight'
                mysqldump shop | derphole send

      An argument that is no file is sent as text. Without an argument, or for -, standard input is sent. The code \
      is good for one hour and one receiver. --to sends to a `derphole receive` that printed a token instead.

      A transfer that was interrupted goes on where it stopped when the same content is sent again and received in \
      the same place.
      """,
    aliases: ["tx"])

  @ParentCommand var parent: DerpholeCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions
  @OptionGroup var relay: RelayOptions

  @Argument(help: ArgumentHelp("Files, directories, or text; - for standard input.", valueName: "what"))
  var contents: [String] = []

  @OptionGroup var recipient: RecipientOptions
  @OptionGroup var limit: LimitOptions

  @Flag(name: .long, help: "Show the code as a QR code, too.")
  var qr = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Leave out what matches, as a line of a .gitignore file would; may be repeated.", valueName: "pattern"))
  var exclude: [String] = []

  @Flag(name: .long, help: "Leave out what the .gitignore files of a directory name, and .git.")
  var gitignore = false

  @Flag(name: .long, help: "Compute a digest (SHA-256) of the content on both sides, compare and print it.")
  var verify = false

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let loop = try EventLoop()
      let reporter = SessionReporter(options, movesFiles: true)
      let transfer = try session(options, loop, reporter)
      let outgoing = try CommandFailure.reading { () throws(FileError) in
        try OutgoingTransfer(loop, try content(loop, reporter), isVerified: verify)
      }
      let report = TransferReport(reporter, transfer, direction: .sent)
      report.offered(outgoing.offer, "sending")
      reporter.digest = { outgoing.contentDigest }
      reporter.invitation = transfer.issuedToken.map { Invitation(token: $0, use: .receive, showsQRCode: qr) }
      let runner = SessionRunner(transfer, reporter: reporter, options: options)
      outgoing.refused = { runner.refuse(reason: $0) }
      outgoing.answered = { report.began(held: $0) }
      guard let rate = limit.limit else { return runner.run(source: outgoing, output: outgoing) }
      let limited = LimitedSource(loop, outgoing, bytesPerSecond: rate.bytesPerSecond)
      return runner.run(source: limited, output: outgoing)
    }
  }

  private func content(
    _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(FileError) -> OutgoingTransfer.Content {
    if contents.isEmpty || contents == ["-"] {
      if isatty(STDIN_FILENO) == 1 { reporter.line("reading text from the terminal; end it with Ctrl-D") }
      return .stream(try InputSource(loop, descriptor: STDIN_FILENO, name: "standard input"))
    }
    var status = stat()
    if contents.count == 1, lstat(contents[0], &status) != 0, errno == ENOENT || errno == ENAMETOOLONG {
      if contents[0].contains("/") { reporter.line("there is no such file: the words themselves are sent") }
      return .text(Array(contents[0].utf8))
    }
    guard !contents.contains("-") else { throw .content("standard input cannot be sent together with files") }
    var choice = SourceTree.Options()
    choice.excluded = exclude
    choice.honoursGitignore = gitignore
    let tree = try SourceTree(contents, options: choice)
    for notice in tree.notices { reporter.warning(notice) }
    return .tree(tree)
  }

  private func session(
    _ options: GlobalOptions, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> TransferSession {
    guard let text = try recipient.input.readIfGiven() else {
      return try TransferSession.issuing(
        .stdioOffer, .payload(.sends, isDialogue: true), options: options, relay: relay, map: map.derpMap,
        loop,
        reporter)
    }
    let token = try TokenUse.send.decode(text, nowUnixSeconds: Int64(time(nil)))
    return try TransferSession.claiming(
      token, .payload(.sends, isDialogue: true), options: options, map: map.derpMap, loop, reporter)
  }
}

extension CommandFailure {
  /// Runs `body`; what cannot be read is a failure of this command.
  static func reading<Result>(_ body: () throws(FileError) -> Result) throws(CommandFailure) -> Result {
    do {
      return try body()
    } catch {
      throw CommandFailure("cannot read the input: \(error)", status: ExitStatus.localInputOutput)
    }
  }
}
