import ArgumentParser
import Glibc
import Reactor

/// `derphole listen`: issues a token and writes what arrives to standard output.
struct ListenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "listen",
    abstract: "Print a token, then write what its holder sends to standard output.",
    discussion: """
      Example: derphole listen > received.img

      The token goes to standard error, so that standard output carries nothing but payload. It is good for one \
      hour and one sender.
      """)

  @ParentCommand var parent: DerpholeCommand
  @OptionGroup var globals: GlobalOptions
  @OptionGroup var map: RelayMapOptions

  @Flag(name: .long, help: "Print the token as the first line of standard output, and not on standard error.")
  var printTokenOnly = false

  @Option(
    name: [.short, .long],
    help: ArgumentHelp("Write payload to a new file instead of standard output.", valueName: "file"))
  var output: String?

  @OptionGroup var relay: RelayOptions

  func run() throws {
    let options = globals.merged(with: parent.globals)
    try exitWith(options) {
      let reporter = SessionReporter(options)
      let loop = try EventLoop()
      let issued = try TransferSession.issuing(
        .stdio, .payload(.receives, isDialogue: false), options: options, relay: relay, map: map.derpMap,
        loop,
        reporter)
      let file = try output.map { path throws(CommandFailure) in try Self.newFile(path) }
      reporter.invitation = issued.issuedToken.map {
        Invitation(token: $0, use: .pipe, isTokenOnly: printTokenOnly)
      }
      let payload = try CommandFailure.using { () throws(FileError) in
        guard let file, let output else {
          return try StreamOutput(loop, descriptor: STDOUT_FILENO, name: "standard output")
        }
        return try StreamOutput(loop, descriptor: file.descriptor, name: output) { () throws(FileError) in
          try file.commit()
        }
      }
      let status = SessionRunner(issued, reporter: reporter, options: options).run(output: payload)
      file?.discard()
      return status
    }
  }

  private static func newFile(_ path: String) throws(CommandFailure) -> PartialFile {
    do {
      return try PartialFile(path: path)
    } catch {
      throw CommandFailure("cannot create \(error)", status: ExitStatus.localInputOutput)
    }
  }
}
