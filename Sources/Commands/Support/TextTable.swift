import Wire

/// Rows in columns that are as wide as what is in them, on a terminal.
struct TextTable {
  private var rows: [[String]]

  /// A table with a heading.
  init(_ heading: [String]) { rows = [heading] }

  /// Adds a row; a cell that is the last of its row may be of any width.
  mutating func add(_ cells: [String]) { rows.append(cells) }

  /// The rows, each with a line feed. Empty cells appear as `-`.
  var text: String {
    var widths: [Int] = []
    for row in rows {
      for (column, cell) in row.dropLast().enumerated() {
        if column == widths.count { widths.append(0) }
        widths[column] = max(widths[column], DisplayText.width(cell), 1)
      }
    }
    return rows.map { row in
      let cells = row.map { $0.isEmpty ? "-" : $0 }
      return cells.enumerated()
        .map { $0 == cells.count - 1 ? $1 : Self.padded($1, widths[$0]) }
        .joined(separator: "  ") + "\n"
    }
    .joined()
  }

  /// The text with blanks up to a width.
  static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - DisplayText.width(text)))
  }
}
