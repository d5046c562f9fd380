/// Reads a spec's Markdown. What each section must hold is described in `specs/README.md`.
public struct SpecParser {
  /// The lines that enclose the generated diagram.
  public static let diagramBegin = "<!-- diagram:begin -->"
  public static let diagramEnd = "<!-- diagram:end -->"

  private let file: String
  private let document: MarkdownDocument

  /// Parses the text of a spec. `file` is only named in messages.
  ///
  /// - Throws: the first thing that cannot be read. What can be read and makes no sense is `SpecChecker`'s.
  public static func parse(_ text: String, file: String) throws(Diagnostic) -> Spec {
    try SpecParser(file: file, document: MarkdownDocument(text, file: file)).spec()
  }

  private static let sections = [
    "Rules", "States", "Events", "Guards", "Actions", "Timers", "Transitions", "Defaults", "Invariants",
    "Diagram", "Survivors",
  ]

  private func fail(_ line: Int, _ message: String) -> Diagnostic {
    Diagnostic(file: file, line: line, message: message)
  }

  private func section(_ name: String) throws(Diagnostic) -> MarkdownDocument.Section {
    guard let section = document.sections.first(where: { $0.title == name }) else {
      throw fail(1, "no section \"## \(name)\"")
    }
    return section
  }

  private func header(_ name: String) throws(Diagnostic) -> (value: String, line: Int) {
    for (number, text) in document.preamble where text.hasPrefix(name + ":") {
      return (text.dropFirst(name.count + 1).trimmed(), number)
    }
    throw fail(1, "no line \"\(name): …\" below the title")
  }

  private func spec() throws(Diagnostic) -> Spec {
    let kind = try kind()
    for section in document.sections where kind == .machine && !Self.sections.contains(section.title) {
      throw fail(section.line, "unknown section \"\(section.title)\"")
    }
    let statusLine = try header("Status")
    guard let status = Spec.Status(rawValue: statusLine.value) else {
      throw fail(statusLine.line, "the status is \"draft\" or \"complete\", not \"\(statusLine.value)\"")
    }
    guard document.title.isUsableName else { throw fail(1, "the title must be a name such as \"claim\"") }
    let prefix = try header("Prefix").value
    let rules = try section("Rules").numberedItems(file: file)
    if kind == .rules {
      return Spec(
        file: file, name: document.title, kind: kind, status: status, prefix: prefix, rules: rules,
        states: [],
        events: [], guards: [], actions: [], timers: [], rows: [], defaults: [], invariants: [],
        survivors: [], diagram: "", mentions: mentions(prefix: prefix))
    }
    return Spec(
      file: file, name: document.title, kind: kind, status: status, prefix: prefix, rules: rules,
      states: try states(), events: try declarations("Events", "Event"),
      guards: try declarations("Guards", "Guard"),
      actions: try declarations("Actions", "Action"), timers: try timers(), rows: try rows(),
      defaults: try defaults(), invariants: try section("Invariants").numberedItems(file: file),
      survivors: try survivors(), diagram: try diagram(), mentions: mentions(prefix: prefix))
  }

  /// What the line `Kind: …` says; a file without one describes a machine.
  private func kind() throws(Diagnostic) -> Spec.Kind {
    guard document.preamble.contains(where: { $0.text.hasPrefix("Kind:") }) else { return .machine }
    let line = try header("Kind")
    guard let kind = Spec.Kind(rawValue: line.value) else {
      throw fail(line.line, "the kind is \"machine\" or \"rules\", not \"\(line.value)\"")
    }
    return kind
  }

  private func declarations(_ title: String, _ column: String) throws(Diagnostic) -> [Spec.Declaration] {
    try section(title).table([column, "Meaning"], file: file).map {
      Spec.Declaration(name: $0.cells[0], meaning: $0.cells[1], line: $0.line)
    }
  }

  private func states() throws(Diagnostic) -> [Spec.StateDeclaration] {
    var states: [Spec.StateDeclaration] = []
    for row in try section("States").table(["State", "Kind", "Meaning"], file: file) {
      let text = row.cells[1].isEmpty ? "ordinary" : row.cells[1]
      guard let kind = Spec.StateDeclaration.Kind(rawValue: text) else {
        throw fail(row.line, "a state's kind is empty, \"initial\" or \"final\", not \"\(row.cells[1])\"")
      }
      states.append(
        Spec.StateDeclaration(name: row.cells[0], kind: kind, meaning: row.cells[2], line: row.line))
    }
    return states
  }

  private func timers() throws(Diagnostic) -> [Spec.TimerDeclaration] {
    let header = ["Timer", "Length", "Event", "Armed by", "Disarmed by", "Armed in"]
    return try section("Timers").table(header, file: file).map {
      Spec.TimerDeclaration(
        name: $0.cells[0], length: $0.cells[1], event: $0.cells[2], armedBy: $0.cells[3].commaSeparated(),
        disarmedBy: $0.cells[4].commaSeparated(), armedIn: $0.cells[5].commaSeparated(), line: $0.line)
    }
  }

  private func rows() throws(Diagnostic) -> [Spec.Row] {
    let header = ["State", "Event", "Guard", "Next", "Actions", "Rule"]
    return try section("Transitions").table(header, file: file).map {
      Spec.Row(
        state: $0.cells[0], event: $0.cells[1], guardName: $0.cells[2].isEmpty ? nil : $0.cells[2],
        next: $0.cells[3], actions: $0.cells[4].commaSeparated(), rule: $0.cells[5], line: $0.line)
    }
  }

  private func defaults() throws(Diagnostic) -> [Spec.DefaultRow] {
    var defaults: [Spec.DefaultRow] = []
    for row in try section("Defaults").table(["State", "Event", "Outcome", "Rule"], file: file) {
      guard let outcome = Spec.DefaultOutcome(rawValue: row.cells[2]) else {
        throw fail(row.line, "an outcome is \"ignored\" or \"protocol error\", not \"\(row.cells[2])\"")
      }
      defaults.append(
        Spec.DefaultRow(
          states: row.cells[0].commaSeparated(), events: row.cells[1].commaSeparated(), outcome: outcome,
          rule: row.cells[3], line: row.line))
    }
    return defaults
  }

  private func survivors() throws(Diagnostic) -> [Spec.Survivor] {
    try section("Survivors").table(["Mutation", "Why it changes nothing"], file: file).map {
      Spec.Survivor(mutation: $0.cells[0], reason: $0.cells[1], line: $0.line)
    }
  }

  private func diagram() throws(Diagnostic) -> String {
    let section = try section("Diagram")
    let begins = section.lines.indices.filter { section.lines[$0].text == Self.diagramBegin }
    let ends = section.lines.indices.filter { section.lines[$0].text == Self.diagramEnd }
    guard begins.count == 1, ends.count == 1, begins[0] < ends[0] else {
      throw fail(section.line, "the diagram needs one line \(Self.diagramBegin) and one \(Self.diagramEnd)")
    }
    return section.lines[(begins[0] + 1)..<ends[0]].map { $0.text + "\n" }.joined()
  }

  /// Every mention of a rule, except where the rule is declared and in the generated diagram.
  private func mentions(prefix: String) -> [Spec.Mention] {
    guard !prefix.isEmpty else { return [] }
    var found: [Spec.Mention] = []
    let others = document.sections.filter { $0.title != "Diagram" }
    for (number, text) in document.preamble + others.flatMap(\.lines) {
      let declares = text.hasPrefix("- **")
      for (index, id) in ruleNames(in: text, prefix: prefix).enumerated() where index > 0 || !declares {
        found.append(Spec.Mention(id: id, line: number))
      }
    }
    return found
  }
}
