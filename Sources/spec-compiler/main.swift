import ArgumentParser
import SpecCompiler

struct SpecCompilerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spec-compiler", abstract: "Checks the specs and makes code, tests and diagrams from them.",
    subcommands: [Generate.self, Check.self])
}

struct ProjectOptions: ParsableArguments {
  @Option(help: "The checkout's folder.") var root = "."
  var project: Project { Project(root: root) }
}

struct Generate: ParsableCommand {
  static let configuration = CommandConfiguration(abstract: "Writes what is generated from the specs.")
  @OptionGroup var options: ProjectOptions

  func run() throws {
    do {
      for path in try options.project.generate() { print("wrote \(path)") }
    } catch {
      print(error)
      throw ExitCode.failure
    }
  }
}

struct Check: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Fails when a spec makes no sense or generated files are not current.")
  @OptionGroup var options: ProjectOptions

  func run() throws {
    let found = options.project.check()
    for diagnostic in found { print(diagnostic) }
    if !found.isEmpty { throw ExitCode.failure }
  }
}

SpecCompilerCommand.main()
