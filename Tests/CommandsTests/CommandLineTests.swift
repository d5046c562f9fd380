import ArgumentParser
import Testing

@testable import Commands

@Suite struct CommandLineTests {
  @Test(
    "Options of every command stand before and after its name, each once",
    arguments: [["listen"], ["pipe"], ["netcheck"], ["share", "80"], ["open"]])
  func globals(command: [String]) throws {
    for options in [["--json"], ["--no-portmap"], ["--force-relay"], ["-v"]] {
      let before = try DerpholeCommand.parseAsRoot(options + command)
      let after = try DerpholeCommand.parseAsRoot(command + options)
      for parsed in [before, after] {
        let globals = try #require(Self.globals(of: parsed))
        let isGiven = [globals.json, globals.noPortmap, globals.forceRelay, globals.verbose]
        #expect(isGiven.count { $0 } == 1)
      }
    }
    #expect(throws: (any Error).self) { try DerpholeCommand.parseAsRoot(command + ["--no-such-option"]) }
  }

  private static func globals(of command: any ParsableCommand) -> GlobalOptions? {
    switch command {
    case let command as ListenCommand: command.globals.merged(with: command.parent.globals)
    case let command as PipeCommand: command.globals.merged(with: command.parent.globals)
    case let command as ShareCommand: command.globals.merged(with: command.parent.globals)
    case let command as OpenCommand: command.globals.merged(with: command.parent.globals)
    case let command as NetcheckCommand<DerpholeCommand>: command.globals.merged(with: command.parent.globals)
    default: nil
    }
  }
}
