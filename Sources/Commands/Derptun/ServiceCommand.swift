import ArgumentParser

/// `derptun service`: names for client tokens on this machine.
struct ServiceCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "service",
    abstract: "Keep client tokens under names.",
    discussion: """
      The names live in a file of your own, services.json in the folder derphole of $XDG_CONFIG_HOME or ~/.config, \
      which nobody else can read. --registry names another file.
      """,
    subcommands: [ServiceSetCommand.self, ServiceListCommand.self, ServiceRemoveCommand.self])

  @ParentCommand var parent: DerptunCommand
}

/// Where the names are kept.
struct RegistryOption: ParsableArguments {
  @Option(name: .long, help: ArgumentHelp("Use this file instead of your own.", valueName: "file"))
  var registry: String?
}
