/// A bounded JSON reader (RFC 8259) that agrees with Go's `encoding/json` on what is valid and on what
/// strings become: one U+FFFD for each byte of invalid UTF-8 and for each lone surrogate.
struct JSONParser {
  private let bytes: UnsafeRawBufferPointer
  private let limits: JSONLimits
  private var offset = 0
  private var depth = 0
  private var values = 0

  private init(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits) {
    self.bytes = bytes
    self.limits = limits
  }

  /// Reads one value that fills the whole text, white space around it aside.
  static func parse(_ bytes: UnsafeRawBufferPointer, limits: JSONLimits) throws(JSONError) -> JSONValue {
    guard bytes.count <= limits.maximumBytes else { throw .tooLarge }
    var parser = JSONParser(bytes, limits: limits)
    let value = try parser.value()
    parser.skipWhiteSpace()
    guard parser.offset == bytes.count else { throw parser.malformed }
    return value
  }

  private var malformed: JSONError { .malformed(offset: offset) }

  private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

  private mutating func skipWhiteSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { offset += 1 }
  }

  /// Steps over `byte` when it is next.
  private mutating func skip(_ byte: UInt8) -> Bool {
    guard next == byte else { return false }
    offset += 1
    return true
  }

  private mutating func value() throws(JSONError) -> JSONValue {
    skipWhiteSpace()
    values += 1
    guard values <= limits.maximumValues else { throw .tooLarge }
    guard let first = next else { throw malformed }
    switch first {
    case UInt8(ascii: "{"): return .object(try nested(Self.members))
    case UInt8(ascii: "["): return .array(try nested(Self.elements))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try literal("true", .bool(true))
    case UInt8(ascii: "f"): return try literal("false", .bool(false))
    case UInt8(ascii: "n"): return try literal("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
    default: throw malformed
    }
  }

  private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
    for index in 0..<text.utf8CodeUnitCount {
      guard skip(text.utf8Start[index]) else { throw malformed }
    }
    return value
  }

  private mutating func nested<Result>(
    _ body: (inout JSONParser) throws(JSONError) -> Result
  ) throws(JSONError) -> Result {
    depth += 1
    guard depth <= limits.maximumDepth else { throw .tooDeep }
    offset += 1  // the bracket that the caller saw
    let result = try body(&self)
    depth -= 1
    return result
  }

  private static func elements(_ parser: inout JSONParser) throws(JSONError) -> [JSONValue] {
    var elements: [JSONValue] = []
    parser.skipWhiteSpace()
    if parser.skip(UInt8(ascii: "]")) { return elements }
    repeat {
      elements.append(try parser.value())
      parser.skipWhiteSpace()
    } while parser.skip(UInt8(ascii: ","))
    guard parser.skip(UInt8(ascii: "]")) else { throw parser.malformed }
    return elements
  }

  private static func members(_ parser: inout JSONParser) throws(JSONError) -> [JSONMember] {
    var members: [JSONMember] = []
    parser.skipWhiteSpace()
    if parser.skip(UInt8(ascii: "}")) { return members }
    repeat {
      parser.skipWhiteSpace()
      let name = try parser.string()
      parser.skipWhiteSpace()
      guard parser.skip(UInt8(ascii: ":")) else { throw parser.malformed }
      members.append(JSONMember(name: name, value: try parser.value()))
      parser.skipWhiteSpace()
    } while parser.skip(UInt8(ascii: ","))
    guard parser.skip(UInt8(ascii: "}")) else { throw parser.malformed }
    return members
  }

  private mutating func number() throws(JSONError) -> JSONNumber {
    let isNegative = skip(UInt8(ascii: "-"))
    let start = offset
    var magnitude: UInt64? = 0
    while let digit = digit() {
      magnitude = magnitude.flatMap { (value: UInt64) -> UInt64? in
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
        return overflow || carry ? nil : sum
      }
    }
    guard offset > start, offset == start + 1 || bytes[start] != UInt8(ascii: "0") else { throw malformed }
    if skip(UInt8(ascii: ".")) {
      magnitude = nil
      guard digit() != nil else { throw malformed }
      while digit() != nil {}
    }
    if skip(UInt8(ascii: "e")) || skip(UInt8(ascii: "E")) {
      magnitude = nil
      if !skip(UInt8(ascii: "-")) { _ = skip(UInt8(ascii: "+")) }
      guard digit() != nil else { throw malformed }
      while digit() != nil {}
    }
    return JSONNumber(isNegative: isNegative, magnitude: magnitude)
  }

  private mutating func digit() -> UInt8? {
    guard let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
    offset += 1
    return byte - UInt8(ascii: "0")
  }

  private mutating func string() throws(JSONError) -> String {
    guard skip(UInt8(ascii: "\"")) else { throw malformed }
    var text: [UInt8] = []
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        offset += 1
        return String(decoding: text, as: UTF8.self)
      case UInt8(ascii: "\\"):
        offset += 1
        if let encoded = UTF8.encode(try escape()) { text.append(contentsOf: encoded) }
      case 0..<0x20: throw malformed
      case 0x80...: appendMultibyte(to: &text)
      default:
        text.append(byte)
        offset += 1
      }
    }
    throw malformed
  }

  /// What follows a backslash.
  private mutating func escape() throws(JSONError) -> Unicode.Scalar {
    guard let byte = next else { throw malformed }
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      offset += 1
      return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return simple("\u{08}")
    case UInt8(ascii: "f"): return simple("\u{0C}")
    case UInt8(ascii: "n"): return simple("\n")
    case UInt8(ascii: "r"): return simple("\r")
    case UInt8(ascii: "t"): return simple("\t")
    case UInt8(ascii: "u"):
      offset += 1
      return try unicodeEscape()
    default: throw malformed
    }
  }

  private mutating func simple(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
    offset += 1
    return scalar
  }

  private mutating func unicodeEscape() throws(JSONError) -> Unicode.Scalar {
    guard let first = hexUnit(at: offset) else { throw malformed }
    offset += 4
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, offset + 6 <= bytes.count, bytes[offset] == UInt8(ascii: "\\"),
      bytes[offset + 1] == UInt8(ascii: "u"), let second = hexUnit(at: offset + 2),
      (0xDC00...0xDFFF).contains(second)
    else { return "\u{FFFD}" }
    offset += 6
    return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
  }

  private func hexUnit(at start: Int) -> UInt32? {
    guard start + 4 <= bytes.count else { return nil }
    var value: UInt32 = 0
    for index in start..<start + 4 {
      guard let digit = Character(Unicode.Scalar(bytes[index])).hexDigitValue else { return nil }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  /// Copies one multi-byte character, or U+FFFD for one byte that starts none.
  private mutating func appendMultibyte(to text: inout [UInt8]) {
    let length = validSequenceLength()
    if length > 0 {
      text.append(contentsOf: bytes[offset..<offset + length])
    } else {
      text += [0xEF, 0xBF, 0xBD]
    }
    offset += max(length, 1)
  }

  /// The length of the well-formed UTF-8 sequence (Unicode, table 3-7) at the offset; 0 when there is none.
  private func validSequenceLength() -> Int {
    let lead = bytes[offset]
    let (length, second): (Int, ClosedRange<UInt8>) =
      switch lead {
      case 0xC2...0xDF: (2, 0x80...0xBF)
      case 0xE0: (3, 0xA0...0xBF)
      case 0xED: (3, 0x80...0x9F)
      case 0xE1...0xEF: (3, 0x80...0xBF)
      case 0xF0: (4, 0x90...0xBF)
      case 0xF1...0xF3: (4, 0x80...0xBF)
      case 0xF4: (4, 0x80...0x8F)
      default: (0, 0...0)
      }
    guard length > 0, offset + length <= bytes.count, second.contains(bytes[offset + 1]) else { return 0 }
    for index in (offset + 2)..<max(offset + length, offset + 2) {
      guard bytes[index] & 0xC0 == 0x80 else { return 0 }
    }
    return length
  }
}
