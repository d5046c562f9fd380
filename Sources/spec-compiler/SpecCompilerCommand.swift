import ArgumentParser
import Explorer
import SpecCompiler

/// The development tool around the specs.
struct SpecCompilerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spec-compiler", abstract: "Checks the specs and makes code, tests and diagrams from them.",
    subcommands: [Generate.self, Check.self, CitationsCommand.self, Explore.self, Mutate.self])
}

struct ProjectOptions: ParsableArguments {
  @Option(help: "The checkout's folder.") var root = "."

  var project: Project { Project(root: root) }

  /// The spec called `name`.
  func spec(_ name: String) throws -> Spec {
    guard let spec = try project.specs().first(where: { $0.name == name }) else {
      throw ValidationError("no spec is called \(name)")
    }
    return spec
  }
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
    try finish(options.project.check())
  }
}

struct CitationsCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "citations", abstract: "Fails when a rule is cited by no code or by no test.")
  @OptionGroup var options: ProjectOptions

  func run() throws {
    try finish(options.project.missingCitations())
  }
}

/// Prints what was found and fails when that is anything.
func finish(_ found: [Diagnostic]) throws {
  for diagnostic in found { print(diagnostic) }
  if !found.isEmpty { throw ExitCode.failure }
}
