import Wire

enum DisplayProperties {
  /// The input is what a peer wrote.
  static func text(_ input: UnsafeRawBufferPointer) -> String? {
    let shown = printable(bytes: input)
    for scalar in shown.unicodeScalars where !DisplayText.isVisible(scalar) {
      return "U+\(String(scalar.value, radix: 16)) is shown"
    }
    if shown.unicodeScalars.count > 200 { return "\(shown.unicodeScalars.count) characters" }
    if printable(shown) != shown { return "what is safe is changed" }
    var isEscaped = false
    for scalar in printableQuoted(shown).unicodeScalars.dropFirst().dropLast() {
      if scalar == "\"", !isEscaped { return "a quotation mark that ends the name early" }
      isEscaped = scalar == "\\" && !isEscaped
    }
    if isEscaped { return "the last quotation mark is escaped" }
    let width = DisplayText.width(shown)
    for cells in [0, 1, 2, width / 2, width - 1, width] where cells >= 0 {
      let part = DisplayText.cut(shown, to: cells)
      if DisplayText.width(part) > cells { return "\(DisplayText.width(part)) cells instead of \(cells)" }
      if cells >= width, part != shown { return "cut without need" }
    }
    return nil
  }
}
