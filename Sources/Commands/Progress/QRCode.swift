import CQRCode

/// QR codes on a terminal, two modules to a cell.
enum QRCode {
  /// Empty modules around the symbol; ISO/IEC 18004 wants four, and readers manage with two.
  private static let quietZones = [4, 2]
  /// Bright white on black: the symbol's light modules are drawn and its dark ones left black, so it looks the same on
  /// terminals with dark and with light background.
  private static let colours = (on: "\u{1B}[97;40m", off: "\u{1B}[0m")

  /// The modules of the smallest symbol for a text, row by row, dark ones true; nil when none is large enough.
  /// Error correction is the lowest level: a screen has no dirt, and a small symbol fits.
  static func modules(_ text: String) -> [[Bool]]? {
    guard let code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_L) else { return nil }
    defer { QRcode_free(code) }
    let size = Int(code.pointee.width)
    guard let data = code.pointee.data, size > 0 else { return nil }
    // The lowest bit of a module says whether it is dark.
    return (0..<size).map { row in (0..<size).map { data[row * size + $0] & 1 == 1 } }
  }

  /// The symbol in half blocks: what is drawn is light. Nil when it takes more than `width` columns.
  static func lines(_ modules: [[Bool]], width: Int) -> [String]? {
    guard let zone = quietZones.first(where: { modules.count + 2 * $0 <= width }) else { return nil }
    let size = modules.count + 2 * zone
    let isLight = { (row: Int, column: Int) in
      let (row, column) = (row - zone, column - zone)
      guard modules.indices.contains(row), modules.indices.contains(column) else { return true }
      return !modules[row][column]
    }
    return stride(from: 0, to: size, by: 2).map { row in
      String(
        (0..<size).map { column -> Character in
          // Below an odd last row there is nothing to draw.
          switch (isLight(row, column), row + 1 < size && isLight(row + 1, column)) {
          case (true, true): "█"
          case (true, false): "▀"
          case (false, true): "▄"
          case (false, false): " "
          }
        })
    }
  }

  /// Shows a text as a QR code on standard error, or says why not.
  static func show(_ text: String) {
    guard let modules = modules(text) else { return Console.line("The code is too long for a QR code.") }
    guard let lines = lines(modules, width: Console.width) else {
      return Console.line(
        "The terminal is too narrow for the QR code: it needs \(modules.count + 2 * quietZones.last!) columns."
      )
    }
    let isColoured = Console.isTerminal
    Console.coloured(lines, on: isColoured ? colours.on : "", off: isColoured ? colours.off : "")
  }
}
