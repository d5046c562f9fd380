/// Draws a spec's table as a Mermaid state diagram.
public enum DiagramGenerator {
  /// The fenced Mermaid block that belongs between the markers of the spec.
  public static func diagram(of spec: Spec) -> String {
    var text = "```mermaid\nstateDiagram-v2\n"
    text += "  [*] --> \(spec.initialState)\n"
    for row in spec.rows {
      let condition = row.guardName.map { " [\($0)]" } ?? ""
      text += "  \(row.state) --> \(row.next): \(row.event)\(condition) (\(row.rule))\n"
    }
    for state in spec.finalStates { text += "  \(state) --> [*]\n" }
    return text + "```\n"
  }

  /// `text`, the spec's file, with `diagram` between its markers. The markers must be there.
  public static func insert(_ diagram: String, into text: String) -> String {
    var result: [String] = []
    var inside = false
    for line in text.lines() {
      if line == SpecParser.diagramEnd {
        inside = false
      }
      if !inside { result.append(line) }
      if line == SpecParser.diagramBegin {
        inside = true
        result += diagram.lines().dropLast()
      }
    }
    return result.joined(separator: "\n")
  }
}
