import ArgumentParser
import Engine
import Glibc
import Wire

/// `derptun token inspect`: what a token says, without its secrets.
struct TokenInspectCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "inspect",
    abstract: "Show what a server or client token says, but none of its secrets.",
    discussion: """
      Examples: derptun token inspect --token-file alice.dt
                derptun token inspect --json < server.dts --token-stdin

      An expired token can be inspected, too. Nothing is asked of any server: whether a client token's proof is good, \
      or whether it was turned away, only its server knows.
      """)

  @ParentCommand var parent: TokenCommand
  @OptionGroup var format: JSONOption
  @OptionGroup var token: InspectedTokenOptions

  func run() throws {
    let options = format.merged(with: parent.parent.globals)
    try exitWith(options) {
      let report = TokenReport(
        try Self.facts(of: try token.input.read()), nowUnixSeconds: Int64(time(nil)))
      try StandardOutput.write(options.json ? report.json + "\n" : report.table)
      return ExitStatus.success
    }
  }

  private static func facts(of text: String) throws(CommandFailure) -> TokenFacts {
    switch DerptunTokenRole(of: text) {
    case .server?:
      // Nothing has expired at the beginning of time.
      let token = try DerptunTokenRole.decodeServer(text, nowUnixSeconds: .min)
      do {
        return try TokenFacts(token)
      } catch {
        throw DerptunTokenRole.server.failure(error)
      }
    case .client?: return TokenFacts(try DerptunTokenRole.decodeClient(text, nowUnixSeconds: .min))
    case nil: throw DerptunTokenRole.unknown(text, wanted: "token")
    }
  }
}
