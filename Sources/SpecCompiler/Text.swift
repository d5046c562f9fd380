/// Small text helpers: this tool does without Foundation.
extension StringProtocol {
  /// The text without white space at both ends.
  func trimmed() -> String {
    var rest = self[...]
    while let first = rest.first, first.isWhitespace { rest = rest.dropFirst() }
    while let last = rest.last, last.isWhitespace { rest = rest.dropLast() }
    return String(rest)
  }

  /// The parts between commas, trimmed, empty ones left out.
  func commaSeparated() -> [String] {
    split(separator: ",").map { $0.trimmed() }.filter { !$0.isEmpty }
  }
}

extension String {
  /// The text's lines without their ends, empty ones included.
  func lines() -> [String] {
    split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
  }

  /// Whether the text is a Swift identifier in lower camel case that is no keyword of the generated code.
  var isUsableName: Bool {
    guard let first = unicodeScalars.first, ("a"..."z").contains(first) else { return false }
    let rest = unicodeScalars.allSatisfy {
      ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
    }
    return rest && !Self.keywords.contains(self)
  }

  private static let keywords = [
    "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer", "deinit",
    "do", "else", "enum", "extension", "false", "for", "func", "guard", "if", "import", "in", "init",
    "inout", "is", "let", "nil", "operator", "private", "protocol", "public", "repeat", "rethrows",
    "return", "self", "static", "struct", "subscript", "super", "switch", "throw", "throws", "true",
    "try", "typealias", "var", "where", "while",
  ]
}

/// Finds names such as `CLM-4` or `CLM-I2` in `text`: capital letters, a dash, perhaps an `I`, digits.
///
/// A name must not run on: `XCLM-4` and `CLM-4a` are not `CLM-4`.
public func ruleNames(in text: some StringProtocol, prefix: String) -> [String] {
  let bytes = Array(text.utf8)
  let start = Array(prefix.utf8) + [UInt8(ascii: "-")]
  var found: [String] = []
  var index = 0
  while index + start.count < bytes.count {
    guard bytes[index] == start[0], bytes[index..<index + start.count].elementsEqual(start),
      index == 0 || !isNameByte(bytes[index - 1])
    else {
      index += 1
      continue
    }
    var end = index + start.count
    if end < bytes.count, bytes[end] == UInt8(ascii: "I") { end += 1 }
    let digits = end
    while end < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[end]) { end += 1 }
    if end > digits, end == bytes.count || !isNameByte(bytes[end]) {
      found.append(String(decoding: bytes[index..<end], as: UTF8.self))
    }
    index = end
  }
  return found
}

private func isNameByte(_ byte: UInt8) -> Bool {
  switch byte {
  case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
    true
  default: false
  }
}
