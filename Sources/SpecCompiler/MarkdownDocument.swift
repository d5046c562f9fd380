/// The parts of a Markdown file that a spec is made of: heading, sections, tables, numbered lists.
struct MarkdownDocument {
  /// A section: what stands below a `## ` heading.
  struct Section {
    var title: String
    var line: Int
    /// The lines below the heading, each with its number.
    var lines: [(number: Int, text: String)]
  }

  /// A table's line, its cells trimmed.
  struct TableRow {
    var cells: [String]
    var line: Int
  }

  var title: String
  /// The lines between the title and the first section.
  var preamble: [(number: Int, text: String)]
  var sections: [Section]

  init(_ text: String, file: String) throws(Diagnostic) {
    var title: String?
    preamble = []
    sections = []
    for (offset, line) in text.lines().enumerated() {
      let number = offset + 1
      if line.hasPrefix("# ") {
        guard title == nil, sections.isEmpty else {
          throw Diagnostic(file: file, line: number, message: "a second title")
        }
        title = line.dropFirst(2).trimmed()
      } else if line.hasPrefix("## ") {
        let name = line.dropFirst(3).trimmed()
        guard !sections.contains(where: { $0.title == name }) else {
          throw Diagnostic(file: file, line: number, message: "a second section \"\(name)\"")
        }
        sections.append(Section(title: name, line: number, lines: []))
      } else if sections.isEmpty {
        preamble.append((number, line))
      } else {
        sections[sections.count - 1].lines.append((number, line))
      }
    }
    guard let title else { throw Diagnostic(file: file, line: 1, message: "no title (a line \"# name\")") }
    self.title = title
  }
}

extension MarkdownDocument.Section {
  /// The rows of the section's one table; its header must be `header`, and each row as wide.
  func table(_ header: [String], file: String) throws(Diagnostic) -> [MarkdownDocument.TableRow] {
    var rows: [MarkdownDocument.TableRow] = []
    var ended = false
    for (number, text) in lines {
      guard text.hasPrefix("|") else {
        ended = ended || !rows.isEmpty
        continue
      }
      guard !ended else {
        throw Diagnostic(file: file, line: number, message: "a second table in \"\(title)\"")
      }
      guard text.trimmed().hasSuffix("|"), text.trimmed().count > 1 else {
        throw Diagnostic(file: file, line: number, message: "a table row must end in |")
      }
      let cells = text.trimmed().dropFirst().dropLast()
        .split(separator: "|", omittingEmptySubsequences: false).map { $0.trimmed() }
      guard cells.count == header.count else {
        throw Diagnostic(
          file: file, line: number,
          message: "\(cells.count) columns instead of \(header.count) (\(header.joined(separator: " | ")))")
      }
      rows.append(MarkdownDocument.TableRow(cells: cells, line: number))
    }
    guard let first = rows.first else {
      throw Diagnostic(file: file, line: line, message: "section \"\(title)\" has no table")
    }
    guard first.cells == header else {
      throw Diagnostic(
        file: file, line: first.line, message: "the header must be: \(header.joined(separator: " | "))")
    }
    guard rows.count > 1, rows[1].cells.allSatisfy({ $0.count >= 3 && $0.allSatisfy { $0 == "-" } }) else {
      throw Diagnostic(file: file, line: first.line, message: "the header must be followed by | --- | …")
    }
    return Array(rows.dropFirst(2))
  }

  /// The items `- **NAME** text`, continued on indented lines.
  func numberedItems(file: String) throws(Diagnostic) -> [Spec.Rule] {
    var items: [Spec.Rule] = []
    var open = false
    for (number, text) in lines {
      if text.hasPrefix("- **") {
        let rest = text.dropFirst(4)
        guard let end = rest.firstIndex(of: "*"), rest[end...].hasPrefix("** ") else {
          throw Diagnostic(file: file, line: number, message: "an item must read: - **NAME** text")
        }
        let body = rest[rest.index(end, offsetBy: 3)...].trimmed()
        items.append(Spec.Rule(id: String(rest[..<end]), text: body, line: number))
        open = true
      } else if text.hasPrefix("- ") {
        throw Diagnostic(file: file, line: number, message: "an item without a name: - **NAME** text")
      } else if open, text.hasPrefix("  ") {
        items[items.count - 1].text += " " + text.trimmed()
      } else {
        open = false
      }
    }
    return items
  }
}
