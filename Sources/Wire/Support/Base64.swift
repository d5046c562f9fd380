/// Base64 as Go's `encoding/base64` reads and writes it (RFC 4648): line ends are skipped anywhere, the unused
/// bits of the last character are not looked at, errors name the byte.
enum Base64 {
  /// The two forms in use.
  enum Form {
    /// `+` and `/`, padded with `=`.
    case standard
    /// `-` and `_`, no padding.
    case url

    fileprivate var isPadded: Bool { self == .standard }

    fileprivate var characters: [UInt8] {
      switch self {
      case .standard: Base64.standardCharacters
      case .url: Base64.urlCharacters
      }
    }

    fileprivate func value(of character: UInt8) -> UInt8? {
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
      case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
      case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
      case characters[62]: 62
      case characters[63]: 63
      default: nil
      }
    }
  }

  private static let standardCharacters = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
  private static let urlCharacters = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  /// The text for `bytes`.
  static func encode(_ bytes: [UInt8], _ form: Form) -> String {
    let characters = form.characters
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for start in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[start..<min(start + 3, bytes.count)]
      let bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << (8 * UInt32(3 - group.count))
      for index in 0..<4 {
        if index <= group.count {
          text.append(characters[Int(bits >> (18 - 6 * UInt32(index)) & 63)])
        } else if form.isPadded {
          text.append(UInt8(ascii: "="))
        }
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes that `text` spells.
  static func decode(_ text: String, _ form: Form) throws(Base64Error) -> [UInt8] {
    let source = Array(text.utf8)
    var result: [UInt8] = []
    result.reserveCapacity(source.count / 4 * 3 + 2)
    var group: UInt32 = 0
    var filled = 0
    var offset = 0
    while offset < source.count {
      let character = source[offset]
      offset += 1
      if let value = form.value(of: character) {
        group = group << 6 | UInt32(value)
        filled += 1
        if filled == 4 {
          append(group, count: 3, to: &result)
          (group, filled) = (0, 0)
        }
      } else if isLineEnd(character) {
        continue
      } else {
        guard form.isPadded, character == UInt8(ascii: "="), filled >= 2 else {
          throw Base64Error(offset: offset - 1)
        }
        try finishPadding(source, offset: offset, missing: 3 - filled)
        append(group << (6 * UInt32(4 - filled)), count: filled - 1, to: &result)
        return result
      }
    }
    if filled == 1 || (filled > 0 && form.isPadded) { throw Base64Error(offset: source.count - filled) }
    if filled > 1 { append(group << (6 * UInt32(4 - filled)), count: filled - 1, to: &result) }
    return result
  }

  /// Checks what follows the first `=`: `missing` more of them, line ends, nothing else.
  private static func finishPadding(_ source: [UInt8], offset: Int, missing: Int) throws(Base64Error) {
    var offset = offset
    func skipLineEnds() { while offset < source.count, isLineEnd(source[offset]) { offset += 1 } }
    for _ in 0..<max(missing, 0) {
      skipLineEnds()
      guard offset < source.count else { throw Base64Error(offset: source.count) }
      guard source[offset] == UInt8(ascii: "=") else { throw Base64Error(offset: offset - 1) }
      offset += 1
    }
    skipLineEnds()
    guard offset == source.count else { throw Base64Error(offset: offset) }
  }

  private static func append(_ group: UInt32, count: Int, to result: inout [UInt8]) {
    for index in 0..<count {
      result.append(UInt8(truncatingIfNeeded: group >> (16 - 8 * UInt32(index))))
    }
  }

  private static func isLineEnd(_ character: UInt8) -> Bool { character == 0x0A || character == 0x0D }
}

/// A character that does not belong into base64 text.
public struct Base64Error: Error, Hashable, Sendable, CustomStringConvertible {
  /// Where it is, in bytes from the start.
  public var offset: Int

  public var description: String { "illegal base64 data at input byte \(offset)" }
}
