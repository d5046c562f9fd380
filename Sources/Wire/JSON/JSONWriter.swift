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

  /// Writes a text as the name of a member; its value must follow.
  mutating func name(text: String) {
    value(text)
    bytes.append(UInt8(ascii: ":"))
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
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      // U+2028 and U+2029 end lines in JavaScript, so Go escapes them.
      if byte == 0xE2, rest.starts(with: [0x80, 0xA8]) || rest.starts(with: [0x80, 0xA9]) {
        rest.removeFirst()
        bytes.append(contentsOf: rest.removeFirst() == 0xA8 ? "\\u2028".utf8 : "\\u2029".utf8)
      } else {
        escape(byte)
      }
    }
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

  private mutating func escape(_ byte: UInt8) {
    let short: UInt8? =
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): byte
      case 0x08: UInt8(ascii: "b")
      case 0x09: UInt8(ascii: "t")
      case 0x0A: UInt8(ascii: "n")
      case 0x0C: UInt8(ascii: "f")
      case 0x0D: UInt8(ascii: "r")
      default: nil
      }
    if let short {
      bytes.append(UInt8(ascii: "\\"))
      bytes.append(short)
      return
    }
    switch byte {
    case 0..<0x20, UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "&"):
      bytes.append(contentsOf: "\\u00".utf8)
      bytes.append(contentsOf: Hex.encode(CollectionOfOne(byte)).utf8)
    default: bytes.append(byte)
    }
  }
}
