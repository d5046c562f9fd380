import SpecCompiler
import Testing

@Suite struct GeneratorTests {
  private func source() throws -> String {
    SwiftGenerator.source(of: try SpecParser.parse(Fixture.text, file: "door.md"))
  }

  @Test func everyPairIsWrittenOut() throws {
    let text = try source()
    #expect(!text.contains("default:"))
    for line in [
      "        if holds(.isLocked) { return .row(0) }", "        return .row(1)",
      "      case .fire: return .row(2)", "      case .swingOver: return .protocolError(\"DOR-2\")",
      "      case .push: return .ignored(\"DOR-1\")",
      "      case .push, .swingOver, .fire: return .ignored(\"DOR-3\")",
    ] {
      #expect(text.contains(line + "\n"), "\(line)")
    }
  }

  @Test func rowsAreNamedForCoverage() throws {
    let text = try source()
    #expect(text.contains("public static let rowCount = 5\n"))
    #expect(text.contains("    \"shut --push [isLocked]--> shut [DOR-1]\",\n"))
  }

  @Test(arguments: [("250 ms", 250), ("30 s", 30_000), ("5 min", 300_000)] as [(String, Int64)])
  func timersHaveTheirLengths(_ length: String, _ milliseconds: Int64) throws {
    let text = Fixture.text.replacing("| swing | 2 s |", with: "| swing | \(length) |")
    let source = SwiftGenerator.source(of: try SpecParser.parse(text, file: "door.md"))
    #expect(source.contains("public static let swing = Interval.milliseconds(\(milliseconds))\n"))
  }

  @Test func aRowAndADefaultedPairHaveATestEach() throws {
    let text = TestGenerator.source(of: try SpecParser.parse(Fixture.text, file: "door.md"))
    #expect(text.ranges(of: "\n    RowCase(\n").count == 5)
    #expect(text.ranges(of: "\n    DefaultCase(state:").count == 5)
    #expect(text.contains("row: 0, from: .shut, event: .push, holding: [.isLocked],"))
    #expect(text.contains("row: 1, from: .shut, event: .push, holding: [],"))
  }

  @Test(arguments: 1...40)
  func aRowWithManyActionsIsBroken(_ count: Int) throws {
    let actions = [String](repeating: "rattle", count: count).joined(separator: ", ")
    let text = Fixture.text.replacing("| rattle | DOR-1 |", with: "| \(actions) | DOR-1 |")
    let spec = try SpecParser.parse(text, file: "door.md")
    #expect(spec.rows[0].actions.count == count)
    for source in [SwiftGenerator.source(of: spec), TestGenerator.source(of: spec)] {
      #expect(source.split(separator: "\n").allSatisfy { $0.count <= 110 })
      #expect(source.ranges(of: ".rattle").count >= count)
    }
  }

  @Test func theDiagramReplacesWhatWasThere() throws {
    let spec = try SpecParser.parse(Fixture.text, file: "door.md")
    let once = DiagramGenerator.insert(DiagramGenerator.diagram(of: spec), into: Fixture.text)
    #expect(DiagramGenerator.insert(DiagramGenerator.diagram(of: spec), into: once) == once)
    #expect(try SpecParser.parse(once, file: "door.md").diagram == DiagramGenerator.diagram(of: spec))
    #expect(DiagramGenerator.insert("", into: once) == Fixture.text)
  }
}
