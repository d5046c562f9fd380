import ArgumentParser
import Glibc
import Wire

/// `derptun service set`: gives a client token a name.
struct ServiceSetCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "set",
    abstract: "Keep a client token under a name, in place of the one that has it.",
    discussion: "Example: derptun service set web --token-file alice.dt")

  @ParentCommand var parent: ServiceCommand
  @OptionGroup var format: JSONOption
  @OptionGroup var token: DerptunTokenOptions
  @OptionGroup var place: RegistryOption

  @Argument(help: "The name.")
  var name: String

  func run() throws {
    let options = format.merged(with: parent.parent.globals)
    try exitWith(options) {
      let now = Int64(time(nil))
      let token = try DerptunTokenRole.decodeClient(try token.input(.client).read(), nowUnixSeconds: now)
      try Services(registry: place.registry).set(token, named: name, nowUnixSeconds: now)
      return ExitStatus.success
    }
  }
}
