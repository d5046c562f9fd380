import Basics

/// Writes JSON exactly as Go's `encoding/json` does: no white space, members in the order of the calls, `<`,
/// `>`, `&`, U+2028 and U+2029 escaped, `/` not. MACs are computed over these bytes, so nothing here may vary.
struct JSONWriter {
  private(set) var bytes: [UInt8] = []
  private var needsComma = false

  /// Writes an object whose members `body` writes.
  mutating func object(_ body: (inout JSONWriter) -> Void) {
    separate()
    bytes.append(UInt8(ascii: "{"))
    needsComma = false
    body(&self)
    bytes.append(UInt8(ascii: "}"))
    needsComma = true
  }

  /// Writes an array whose elements `body` writes.
  mutating func array(_ body: (inout JSONWriter) -> Void) {
    separate()
    bytes.append(UInt8(ascii: "["))
    needsComma = false
    body(&self)
    bytes.append(UInt8(ascii: "]"))
    needsComma = true
  }

  /// Writes the name of a member; its value must follow.
  mutating func name(_ name: StaticString) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    name.withUTF8Buffer { bytes.append(contentsOf: $0) }
    bytes.append(UInt8(ascii: "\""))
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  /// Writes a number as the name of a member; its value must follow.
  mutating func name(number: Int) {
    separate()
    bytes.append(contentsOf: "\"\(number)\":".utf8)
    needsComma = false
  }

  mutating func null() { raw("null") }

  mutating func value(_ value: Bool) { raw(value ? "true" : "false") }

  mutating func value(_ value: some FixedWidthInteger) {
    separate()
    bytes.append(contentsOf: String(value).utf8)
    needsComma = true
  }

  mutating func value(_ text: String) {
    separate()
    bytes.append(UInt8(ascii: "\""))
    for scalar in text.unicodeScalars { escape(scalar) }
    bytes.append(UInt8(ascii: "\""))
    needsComma = true
  }

  mutating func value(_ list: [String]) {
    array { writer in for text in list { writer.value(text) } }
  }

  mutating func value(numbers: [UInt8]) {
    array { writer in for byte in numbers { writer.value(byte) } }
  }

  private mutating func raw(_ text: StaticString) {
    separate()
    text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    needsComma = true
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
  }

  private mutating func escape(_ scalar: Unicode.Scalar) {
    let short: UInt8? =
      switch scalar {
      case "\"": UInt8(ascii: "\"")
      case "\\": UInt8(ascii: "\\")
      case "\u{08}": UInt8(ascii: "b")
      case "\t": UInt8(ascii: "t")
      case "\n": UInt8(ascii: "n")
      case "\u{0C}": UInt8(ascii: "f")
      case "\r": UInt8(ascii: "r")
      default: nil
      }
    if let short {
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(short)
      return
    }
    switch scalar {
    case "\0"..<" ", "<", ">", "&", "\u{2028}", "\u{2029}":
      let unit = UInt16(truncatingIfNeeded: scalar.value)
      let digits = Hex.encode([UInt8(unit >> 8), UInt8(truncatingIfNeeded: unit)])
      bytes.append(contentsOf: "\\u".utf8)
      bytes.append(contentsOf: digits.utf8)
    default: bytes.append(contentsOf: String(Character(scalar)).utf8)
    }
  }
}
