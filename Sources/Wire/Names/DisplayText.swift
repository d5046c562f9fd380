/// Text that a peer, a relay or a file system wrote, made safe to show to a person: the one way from there to a
/// terminal.
///
/// What could drive a terminal, turn the direction of writing or hide appears as U+FFFD: control characters (C0, DEL,
/// C1), format characters (UAX 9's overrides and isolates, tags, soft hyphens), separators of lines and paragraphs,
/// everything else without a form of its own (Unicode's Default_Ignorable_Code_Point), private use and unassigned
/// characters. Joiners and variation selectors, which honest names have and which only choose a form, are left out.
/// Every kind of space becomes the ordinary one. A mark without a letter, and the fifth on one letter (many would grow
/// over the lines around them), appear as U+FFFD. Text of more than `limit` characters ends in `…`.
public func printable(_ text: String, limit: Int = 200) -> String {
  precondition(limit > 0)
  var result = String.UnicodeScalarView()
  var count = 0
  var marks = DisplayText.mostMarks
  for scalar in text.unicodeScalars {
    guard let shown = DisplayText.shown(scalar, marks: &marks) else { continue }
    if count == limit {
      result.removeLast()
      result.append("…")
      break
    }
    result.append(shown)
    count += 1
  }
  return String(result)
}

/// Bytes that should be UTF-8, made safe in the same way; what is no UTF-8 appears as U+FFFD.
public func printable(bytes: some Collection<UInt8>, limit: Int = 200) -> String {
  printable(String(decoding: bytes, as: UTF8.self), limit: limit)
}

/// A name in quotation marks that cannot pretend to end where it does not: quotation marks and backslashes in it get
/// a backslash.
public func printableQuoted(_ name: String, limit: Int = 200) -> String {
  var result = "\""
  for scalar in printable(name, limit: limit).unicodeScalars {
    if scalar == "\"" || scalar == "\\" { result += "\\" }
    result.unicodeScalars.append(scalar)
  }
  return result + "\""
}

/// What characters look like on a terminal.
public enum DisplayText {
  /// How many marks one letter may carry. Vietnamese needs two, pointed Hebrew three or four.
  static let mostMarks = 4

  /// What stands for a character; nil for nothing. `marks` counts those since the last letter.
  static func shown(_ scalar: Unicode.Scalar, marks: inout Int) -> Unicode.Scalar? {
    if (0x20..<0x7F).contains(scalar.value) {
      marks = scalar == " " ? mostMarks : 0
      return scalar
    }
    let properties = scalar.properties
    if properties.isVariationSelector || properties.isJoinControl { return nil }
    let isMark = properties.generalCategory.isMark
    if isMark, marks < mostMarks, !properties.isDefaultIgnorableCodePoint {
      marks += 1
      return scalar
    }
    marks = 0
    if isMark || !isVisible(scalar) { return "\u{FFFD}" }
    guard properties.generalCategory == .spaceSeparator else { return scalar }
    marks = mostMarks
    return " "
  }

  /// Whether a character has a form of its own, and no effect but to show it.
  public static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    if scalar.value < 0x7F { return scalar.value >= 0x20 }
    // BRAILLE PATTERN BLANK counts as a symbol and shows nothing.
    if scalar.properties.isDefaultIgnorableCodePoint || scalar.value == 0x2800 { return false }
    switch scalar.properties.generalCategory {
    case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned:
      return false
    default: return true
    }
  }

  /// How many cells of a terminal a text takes.
  ///
  /// By character, as terminals count: two for those that UAX 11 calls wide or fullwidth, none for marks that stand
  /// over another character, for the second half of Hangul syllables in pieces and for what has no form.
  public static func width(_ text: some StringProtocol) -> Int {
    text.unicodeScalars.reduce(0) { $0 + width($1) }
  }

  /// How many cells a character takes.
  public static func width(_ scalar: Unicode.Scalar) -> Int {
    if scalar.value < 0x300 { return isVisible(scalar) ? 1 : 0 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark: return 0
    default: break
    }
    // Vowels and final consonants join the syllable before them.
    if (0x1160...0x11FF).contains(scalar.value) || (0xD7B0...0xD7FF).contains(scalar.value) { return 0 }
    if isWide(scalar.value) { return 2 }
    return scalar.properties.isDefaultIgnorableCodePoint || scalar.properties.generalCategory == .format
      ? 0 : 1
  }

  /// The beginning of a text that takes at most so many cells; ends in `…` when something is missing.
  public static func cut(_ text: String, to cells: Int) -> String {
    guard width(text) > cells else { return text }
    guard cells > 0 else { return "" }
    var result = String.UnicodeScalarView()
    var used = 1
    for scalar in text.unicodeScalars {
      used += width(scalar)
      if used > cells { break }
      result.append(scalar)
    }
    return String(result) + "…"
  }

  private static func isWide(_ value: UInt32) -> Bool {
    var low = 0
    var high = wide.count
    while low < high {
      let middle = (low + high) / 2
      if wide[middle].1 < value { low = middle + 1 } else { high = middle }
    }
    return low < wide.count && wide[low].0 <= value
  }

  /// First and last characters of ranges that are wide or fullwidth (EastAsianWidth.txt of Unicode 16, joined across
  /// what is unassigned).
  private static let wide: [(UInt32, UInt32)] = [
    (0x1100, 0x115F), (0x231A, 0x231B), (0x2329, 0x232A), (0x23E9, 0x23EC), (0x23F0, 0x23F0),
    (
      0x23F3,
      0x23F3
    ), (0x25FD, 0x25FE), (0x2614, 0x2615), (0x2630, 0x2637), (0x2648, 0x2653), (0x267F, 0x267F),
    (0x268A, 0x268F), (0x2693, 0x2693), (0x26A1, 0x26A1), (0x26AA, 0x26AB), (0x26BD, 0x26BE),
    (
      0x26C4,
      0x26C5
    ), (0x26CE, 0x26CE), (0x26D4, 0x26D4), (0x26EA, 0x26EA), (0x26F2, 0x26F3), (0x26F5, 0x26F5),
    (0x26FA, 0x26FA), (0x26FD, 0x26FD), (0x2705, 0x2705), (0x270A, 0x270B), (0x2728, 0x2728),
    (
      0x274C,
      0x274C
    ), (0x274E, 0x274E), (0x2753, 0x2755), (0x2757, 0x2757), (0x2795, 0x2797), (0x27B0, 0x27B0),
    (0x27BF, 0x27BF), (0x2B1B, 0x2B1C), (0x2B50, 0x2B50), (0x2B55, 0x2B55), (0x2E80, 0x303E),
    (
      0x3041,
      0x3247
    ), (0x3250, 0xA4C6), (0xA960, 0xA97C), (0xAC00, 0xD7A3), (0xF900, 0xFAD9), (0xFE10, 0xFE19),
    (0xFE30, 0xFE6B), (0xFF01, 0xFF60), (0xFFE0, 0xFFE6), (0x16FE0, 0x18DFF), (0x1AFF0, 0x1B2FF),
    (0x1D300, 0x1D376), (0x1F004, 0x1F004), (0x1F0CF, 0x1F0CF), (0x1F18E, 0x1F18E), (0x1F191, 0x1F19A),
    (0x1F200, 0x1F320), (0x1F32D, 0x1F335), (0x1F337, 0x1F37C), (0x1F37E, 0x1F393), (0x1F3A0, 0x1F3CA),
    (0x1F3CF, 0x1F3D3), (0x1F3E0, 0x1F3F0), (0x1F3F4, 0x1F3F4), (0x1F3F8, 0x1F43E), (0x1F440, 0x1F440),
    (0x1F442, 0x1F4FC), (0x1F4FF, 0x1F53D), (0x1F54B, 0x1F54E), (0x1F550, 0x1F567), (0x1F57A, 0x1F57A),
    (0x1F595, 0x1F596), (0x1F5A4, 0x1F5A4), (0x1F5FB, 0x1F64F), (0x1F680, 0x1F6C5), (0x1F6CC, 0x1F6CC),
    (0x1F6D0, 0x1F6D2), (0x1F6D5, 0x1F6DF), (0x1F6EB, 0x1F6EC), (0x1F6F4, 0x1F6FC), (0x1F7E0, 0x1F7F0),
    (0x1F90C, 0x1F93A), (0x1F93C, 0x1F945), (0x1F947, 0x1F9FF), (0x1FA70, 0x1FAFF), (0x20000, 0x3FFFD),
  ]
}

extension Unicode.GeneralCategory {
  /// Whether it is one of the three kinds of marks that change the character before them.
  fileprivate var isMark: Bool { self == .nonspacingMark || self == .enclosingMark || self == .spacingMark }
}
