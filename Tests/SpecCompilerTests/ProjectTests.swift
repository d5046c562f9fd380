import Foundation
import SpecCompiler
import Testing

@Suite struct ProjectTests {
  /// This checkout.
  static let here = Project(
    root: String(#filePath.split(separator: "/").dropLast(3).reduce(into: "") { $0 += "/" + $1 }))

  /// Runs `body` on a scratch checkout that holds the fixture as its only spec.
  private func withScratch(_ body: (Project) throws -> Void) throws {
    let root = FileManager.default.temporaryDirectory.path + "/specs-" + UUID().uuidString
    defer { try? FileManager.default.removeItem(atPath: root) }
    try Files.write(Fixture.text, to: root + "/specs/door.md")
    try body(Project(root: root))
  }

  @Test func theSpecsAreRightAndWhatIsGeneratedIsCurrent() {
    #expect(Self.here.check() == [])
  }

  @Test func everyMachineHasASpec() throws {
    let specs = try Self.here.specs().filter { $0.kind == .machine }
    #expect(specs.map(\.name) == ["claim", "decision", "probing", "promotion", "rate", "repair", "tunnel"])
    #expect(specs.map(\.status) == Array(repeating: .complete, count: 7))
  }

  @Test func generatingTwiceWritesOnce() throws {
    try withScratch { project in
      #expect(project.check().count == 3)
      let written = try project.generate()
      #expect(
        written.map { $0.dropFirst(project.root.count) } == [
          "/specs/door.md", "/Sources/Machines/Generated/DoorMachine.swift",
          "/Tests/MachinesTests/Generated/DoorMachineTests.swift",
        ])
      #expect(project.check() == [])
      #expect(try project.generate() == [])
    }
  }

  @Test func aChangedTableMakesTheGeneratedFilesStale() throws {
    try withScratch { project in
      _ = try project.generate()
      let path = project.root + "/specs/door.md"
      let text = try #require(Files.read(path))
      try Files.write(text.replacing("| shut | rattle |", with: "| shut | |"), to: path)
      let unused = project.check()
      #expect(unused.contains { $0.message.contains("\"rattle\" is in no row") })
      try Files.write(
        text.replacing("| isLocked | shut | rattle |", with: "| isLocked | open | armSwing, rattle |"),
        to: path)
      let stale = project.check()
      #expect(stale.count == 3)
      #expect(stale.allSatisfy { $0.message.contains("not up to date") })
    }
  }

  @Test func leftoversAndMissingFilesAreFound() throws {
    try withScratch { project in
      _ = try project.generate()
      try Files.write("// old\n", to: project.root + "/Sources/Machines/Generated/GateMachine.swift")
      #expect(project.check().map(\.message) == ["generated from no spec: remove it"])
    }
    let nowhere = Project(root: "/nonexistent-checkout")
    #expect(nowhere.check().map(\.message) == ["no specs found"])
    #expect(throws: Diagnostic.self) { try Files.write("x", to: "/proc/nonexistent/file") }
  }

  @Test func nothingIsGeneratedFromASpecThatIsWrong() throws {
    try withScratch { project in
      let path = project.root + "/specs/door.md"
      try Files.write(Fixture.text.replacing("| shut | rattle |", with: "| shut | |"), to: path)
      #expect(throws: Diagnostic.self) { try project.generate() }
      #expect(Files.read(project.root + "/Sources/Machines/Generated/DoorMachine.swift") == nil)
    }
  }

  @Test func draftsGetADiagramAndNoCode() throws {
    try withScratch { project in
      try Files.write(
        Fixture.text.replacing("Status: complete", with: "Status: draft"), to: project.root + "/specs/door.md"
      )
      #expect(try project.generate().count == 1)
      let text = try #require(Files.read(project.root + "/specs/door.md"))
      #expect(text.contains("  shut --> shut: push [isLocked] (DOR-1)\n"))
      #expect(text.contains("  [*] --> shut\n"))
      #expect(text.contains("  burnt --> [*]\n"))
    }
  }

  @Test func rulesAloneAreCheckedAndCitedAndGenerateNothing() throws {
    let text = "# manners\n\nKind: rules\nStatus: complete\nPrefix: MAN\n\n## Rules\n\n- **MAN-1** Knock.\n"
    try withScratch { project in
      try Files.write(text, to: project.root + "/specs/manners.md")
      #expect(try project.generate().count == 3)
      #expect(project.check() == [])
      let cited = [
        Citations.File(path: "Sources/Engine/Door.swift", text: "// MAN-1"),
        Citations.File(path: "Tests/EngineTests/DoorTests.swift", text: "// MAN-1"),
      ]
      let spec = try SpecParser.parse(text, file: "manners.md")
      #expect(Citations.missing(in: [spec], files: cited) == [])
      #expect(Citations.missing(in: [spec], files: []).count == 2)
    }
    let none = try SpecParser.parse(text.replacing("- **MAN-1** Knock.", with: ""), file: "manners.md")
    #expect(SpecChecker.check(none).map(\.message) == ["a set of rules needs at least one rule"])
    let gap = try SpecParser.parse(text.replacing("**MAN-1**", with: "**MAN-2**"), file: "manners.md")
    #expect(SpecChecker.check(gap).count == 1)
    #expect(throws: Diagnostic.self) {
      try SpecParser.parse(text.replacing("Kind: rules", with: "Kind: poems"), file: "manners.md")
    }
  }

  @Test func citationsAreCountedByPlace() throws {
    let spec = try SpecParser.parse(Fixture.text, file: "door.md")
    let right = [
      Citations.File(path: "Sources/Engine/Door.swift", text: "// DOR-1, DOR-2 and DOR-3"),
      Citations.File(path: "Sources/Explorer/Door.swift", text: "fail(\"DOR-I1\")"),
      Citations.File(path: "Tests/EngineTests/DoorTests.swift", text: "// DOR-1 DOR-2 DOR-3 DOR-I1"),
    ]
    #expect(Citations.missing(in: [spec], files: right) == [])
    let generated = [
      Citations.File(path: "Sources/Machines/Generated/Door.swift", text: right[0].text),
      Citations.File(path: "Sources/SpecCompiler/Door.swift", text: right[0].text), right[1],
      Citations.File(path: "Tests/MachinesTests/Generated/Door.swift", text: right[2].text),
    ]
    #expect(Citations.missing(in: [spec], files: generated).count == 7)
    let untested = Citations.missing(in: [spec], files: [right[0], right[2]])
    #expect(untested.map(\.message) == ["DOR-I1 is cited by no check of the explorer"])
    #expect(untested.first?.line == Fixture.line(of: "- **DOR-I1**", in: Fixture.text))
    var draft = spec
    draft.status = .draft
    #expect(Citations.missing(in: [draft], files: []) == [])
  }
}
