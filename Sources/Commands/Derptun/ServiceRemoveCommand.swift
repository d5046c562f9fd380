import ArgumentParser

/// `derptun service remove`: forgets a name.
struct ServiceRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Forget a name and its token.",
    discussion: "The token itself stays good until it expires or its server turns it away.")

  @ParentCommand var parent: ServiceCommand
  @OptionGroup var format: JSONOption
  @OptionGroup var place: RegistryOption

  @Argument(help: "The name.")
  var name: String

  func run() throws {
    let options = format.merged(with: parent.parent.globals)
    try exitWith(options) {
      try Services(registry: place.registry).remove(name)
      return ExitStatus.success
    }
  }
}
