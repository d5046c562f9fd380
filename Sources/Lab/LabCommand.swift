import ArgumentParser
import Glibc

/// `lab`: real sessions of the release programs through real NATs, in network namespaces of its own.
@main
struct LabCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "lab",
    abstract: "Run sessions through real NATs and say which went direct.",
    discussion: """
      Needs root, `ip`, `nft` and `openssl`. Everything happens in network, mount and process namespaces of the \
      lab's own, which end with it; nothing of the machine's own network is touched.

      Exit status: 0 when all was as expected, 1 when something was not, 77 when this machine does not allow it.
      """,
    subcommands: [
      GridCommand.self, CutCommand.self, IdleCommand.self, VerifyCommand.self, PossibleCommand.self,
      BenchCommand.self, EndureCommand.self, RatesCommand.self, DelayLineCommand.self,
    ],
    defaultSubcommand: GridCommand.self)
}

/// `lab possible`: says whether this machine lets the lab run; what a script asks before it counts a skip.
struct PossibleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "possible", abstract: "Say whether the lab can run here: exit status 0 or 77.")

  func run() throws {
    try Isolation.run { try NetworkNamespace.checkEverything() }
  }
}
