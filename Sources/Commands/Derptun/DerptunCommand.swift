import ArgumentParser
import Glibc

/// `derptun`: a tunnel to a service, for as many restarts as its credentials live.
public struct DerptunCommand: ParsableCommand {
  public static let configuration = CommandConfiguration(
    commandName: "derptun",
    abstract: "Credentials for tunnels that outlive their programs.",
    discussion: """
      A server token holds all secrets of a tunnel's server and stays with it. Client tokens are made from it, one for \
      each person or machine; each has an expiry of its own, and the server needs no list of them.

      Exit status: 0 for success; 2 for a wrong command line, a token that cannot be used or a service that is not \
      known; 1 for every other failure.
      """,
    subcommands: [
      StatusCommand.self, TokenCommand.self, ServiceCommand.self,
      VersionCommand.self,
    ])

  @OptionGroup var globals: GlobalOptions

  public init() {}

  /// Runs the program and ends the process, with upstream's exit code also for a wrong command line.
  public static func start() -> Never {
    Program.current = .derptun
    do {
      var command = try parseAsRoot()
      try command.run()
      Glibc.exit(ExitStatus.success)
    } catch {
      guard exitCode(for: error) == .validationFailure else { exit(withError: error) }
      for line in fullMessage(for: error).split(separator: "\n", omittingEmptySubsequences: false) {
        Console.line(String(line))
      }
      Glibc.exit(Program.derptun.exitStatus(ExitStatus.usage))
    }
  }
}

extension DerptunCommand: CarriesGlobalOptions {}
