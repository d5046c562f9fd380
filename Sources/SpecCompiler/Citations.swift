/// Checks that every rule of the complete specs is cited where it is obeyed and where it is tested.
///
/// A citation is the rule's name, such as `CLM-4`, anywhere in a hand-written Swift file. Rules are cited by the
/// code that runs; invariants by the explorer, which checks them; both by a test.
public struct Citations: Sendable {
  /// A Swift file's path, relative to the checkout, and text.
  public struct File: Sendable {
    public var path: String
    public var text: String

    public init(path: String, text: String) {
      self.path = path
      self.text = text
    }
  }

  /// One diagnostic for every rule or invariant that misses a citation, in the order of the specs.
  public static func missing(in specs: [Spec], files: [File]) -> [Diagnostic] {
    let tests = files.filter { $0.path.hasPrefix("Tests/") && !$0.path.contains("/Generated/") }
    let model = files.filter { $0.path.hasPrefix("Sources/Explorer/") }
    let code = files.filter { file in
      file.path.hasPrefix("Sources/") && !toolFolders.contains { file.path.hasPrefix($0) }
    }
    var found: [Diagnostic] = []
    for spec in specs where spec.status == .complete {
      let inTests = cited(spec.prefix, in: tests)
      let inCode = cited(spec.prefix, in: code)
      let inModel = cited(spec.prefix, in: model)
      func require(_ rule: Spec.Rule, _ names: Set<String>, _ place: String) {
        guard !names.contains(rule.id) else { return }
        found.append(
          Diagnostic(file: spec.file, line: rule.line, message: "\(rule.id) is cited by no \(place)"))
      }
      for rule in spec.rules {
        require(rule, inCode, "code")
        require(rule, inTests, "test")
      }
      for invariant in spec.invariants {
        require(invariant, inModel, "check of the explorer")
        require(invariant, inTests, "test")
      }
    }
    return found
  }

  /// What is no running code: generated from the specs, or a tool that only talks about them.
  private static let toolFolders = [
    "Sources/Machines/Generated/", "Sources/SpecCompiler/", "Sources/Explorer/", "Sources/spec-compiler/",
  ]

  private static func cited(_ prefix: String, in files: [File]) -> Set<String> {
    var names: Set<String> = []
    for file in files where file.text.contains(prefix + "-") {
      names.formUnion(ruleNames(in: file.text, prefix: prefix))
    }
    return names
  }
}

extension Project {
  /// The rules of this checkout's specs that miss a citation.
  public func missingCitations() -> [Diagnostic] {
    do throws(Diagnostic) {
      let specs = try specs()
      var files: [Citations.File] = []
      let paths = ["Sources", "Tests"].flatMap { Files.list("\(root)/\($0)", suffix: ".swift") }
      for path in paths {
        guard let text = Files.read(path) else { continue }
        files.append(Citations.File(path: String(path.dropFirst(root.count + 1)), text: text))
      }
      return Citations.missing(in: specs, files: files)
    } catch {
      return [error]
    }
  }
}
