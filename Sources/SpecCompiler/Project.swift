/// A checkout: where its specs are and where what is generated from them belongs.
public struct Project: Sendable {
  /// The checkout's folder.
  public var root: String

  public init(root: String) { self.root = root }

  /// A file that the generator owns, and what it must hold.
  public struct Output: Equatable, Sendable {
    public var path: String
    public var text: String
  }

  /// All specs of the checkout, by name.
  ///
  /// - Throws: the first file that cannot be read or parsed.
  public func specs() throws(Diagnostic) -> [Spec] {
    var specs: [Spec] = []
    for path in Files.list(root + "/specs", suffix: ".md") where !path.hasSuffix("/README.md") {
      specs.append(try SpecParser.parse(try text(of: path), file: path))
    }
    guard !specs.isEmpty else {
      throw Diagnostic(file: root + "/specs", line: 0, message: "no specs found")
    }
    return specs
  }

  /// Every generated file with the text that it should have: diagrams for all machines, code and tests for
  /// the complete ones.
  public func outputs(for specs: [Spec]) throws(Diagnostic) -> [Output] {
    var outputs: [Output] = []
    for spec in specs where spec.kind == .machine {
      let diagram = DiagramGenerator.diagram(of: spec)
      outputs.append(
        Output(path: spec.file, text: DiagramGenerator.insert(diagram, into: try text(of: spec.file))))
      guard spec.status == .complete else { continue }
      outputs.append(Output(path: machinePath(spec), text: SwiftGenerator.source(of: spec)))
      outputs.append(Output(path: testPath(spec), text: TestGenerator.source(of: spec)))
    }
    return outputs
  }

  /// Everything that `spec-compiler check` finds: what is wrong in the specs, and generated files that are
  /// missing, stale, or no longer belong to a spec.
  public func check() -> [Diagnostic] {
    do throws(Diagnostic) {
      let specs = try specs()
      var found = specs.flatMap(SpecChecker.check)
      let outputs = try outputs(for: specs)
      for output in outputs where Files.read(output.path) != output.text {
        found.append(
          Diagnostic(file: output.path, line: 0, message: "not up to date: run spec-compiler generate"))
      }
      for path in generatedFiles() where !outputs.contains(where: { $0.path == path }) {
        found.append(Diagnostic(file: path, line: 0, message: "generated from no spec: remove it"))
      }
      return found
    } catch {
      return [error]
    }
  }

  /// Writes the generated files that are not up to date and returns their paths.
  ///
  /// - Throws: the first thing wrong in a spec; then nothing has been written.
  public func generate() throws(Diagnostic) -> [String] {
    let specs = try specs()
    if let first = specs.flatMap(SpecChecker.check).first { throw first }
    var written: [String] = []
    for output in try outputs(for: specs) where Files.read(output.path) != output.text {
      try Files.write(output.text, to: output.path)
      written.append(output.path)
    }
    return written
  }

  private var machineFolder: String { root + "/Sources/Machines/Generated" }
  private var testFolder: String { root + "/Tests/MachinesTests/Generated" }

  private func machinePath(_ spec: Spec) -> String { "\(machineFolder)/\(spec.typePrefix)Machine.swift" }
  private func testPath(_ spec: Spec) -> String { "\(testFolder)/\(spec.typePrefix)MachineTests.swift" }

  private func generatedFiles() -> [String] {
    Files.list(machineFolder, suffix: ".swift") + Files.list(testFolder, suffix: ".swift")
  }

  private func text(of path: String) throws(Diagnostic) -> String {
    guard let text = Files.read(path) else {
      throw Diagnostic(file: path, line: 0, message: "cannot be read")
    }
    return text
  }
}
