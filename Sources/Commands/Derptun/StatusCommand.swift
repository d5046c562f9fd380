import ArgumentParser
import Glibc
import Reactor

/// `derptun status`: how the tunnels of this user are doing.
struct StatusCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Tell how the running tunnels of this user are doing.",
    discussion: """
      Examples: derptun status
                derptun status serve-4711
                derptun status --all --json

      Asks the processes at their control sockets. One tunnel is shown in full, several in a line each unless --all \
      is given. With --json there is one object a line on standard output. What has a slash in it is the path of a \
      control socket.

      Exit status: 0 when every tunnel answered; 1 when one did not, or none is running; 2 for a wrong command line.
      """)

  @ParentCommand var parent: DerptunCommand
  @OptionGroup var format: JSONOption

  @Argument(help: "The name of a tunnel, such as serve-4711; without it all are asked.")
  var name: String?

  @Flag(name: .long, help: "Show every tunnel in full.")
  var all = false

  func validate() throws {
    guard name == nil || !all else { throw ValidationError("give a name or --all, not both") }
  }

  func run() throws {
    let options = format.merged(with: parent.globals)
    try exitWith(options) {
      let query = StatusQuery(directory: ControlDirectory.defaultPath())
      let targets = try query.targets(name)
      guard !targets.isEmpty else {
        throw CommandFailure("no tunnel is running", status: ExitStatus.failure)
      }
      let answers = query.ask(targets, on: try EventLoop())
      let printout = StatusPrintout(answers: answers, nowUnixSeconds: Int64(time(nil)))
      try StandardOutput.write(options.json ? printout.jsonLines : all ? printout.details : printout.text)
      return answers.allSatisfy(\.isStatus) ? ExitStatus.success : ExitStatus.failure
    }
  }
}
