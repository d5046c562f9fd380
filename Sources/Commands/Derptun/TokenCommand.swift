import ArgumentParser

/// `derptun token`: credentials of tunnels.
struct TokenCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token",
    abstract: "Make and inspect the tokens of tunnels.",
    subcommands: [TokenServerCommand.self, TokenClientCommand.self, TokenInspectCommand.self])

  @ParentCommand var parent: DerptunCommand
}
