import Basics

extension IPAddress {
  /// The longest text of an address.
  static let maximumTextLength = 45

  /// Reads an address in any common spelling: dotted decimal without leading zeros, or IPv6 text (RFC 4291,
  /// section 2.2). Nil for everything else, zones included.
  public init?(_ text: some StringProtocol) {
    let characters = Array(text.utf8.prefix(Self.maximumTextLength + 1))
    guard characters.count <= Self.maximumTextLength else { return nil }
    if characters.contains(UInt8(ascii: ":")) {
      guard let bytes = Self.parseIPv6(characters[...]) else { return nil }
      self.init(ipv6: bytes)
    } else {
      guard let bits = Self.parseIPv4(characters[...]) else { return nil }
      self.init(ipv4: bits)
    }
  }

  private static func parseIPv4(_ text: ArraySlice<UInt8>) -> UInt32? {
    let fields = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard fields.count == 4 else { return nil }
    var bits: UInt32 = 0
    for field in fields {
      guard (1...3).contains(field.count), field.count == 1 || field.first != UInt8(ascii: "0"),
        let value = number(field, radix: 10), value <= 255
      else { return nil }
      bits = bits << 8 | value
    }
    return bits
  }

  private static func parseIPv6(_ text: ArraySlice<UInt8>) -> Bytes16? {
    guard let gap = firstDoubleColon(text) else {
      return groups(text, mayEndInIPv4: true).flatMap { $0.count == 8 ? join($0) : nil }
    }
    let head = text[..<gap]
    let tail = text[(gap + 2)...]
    guard let before = head.isEmpty ? [] : groups(head, mayEndInIPv4: false),
      let after = tail.isEmpty ? [] : groups(tail, mayEndInIPv4: true),
      before.count + after.count < 8
    else { return nil }
    return join(before + Array(repeating: 0, count: 8 - before.count - after.count) + after)
  }

  private static func firstDoubleColon(_ text: ArraySlice<UInt8>) -> Int? {
    text.indices.dropLast().first {
      text[$0] == UInt8(ascii: ":") && text[$0 + 1] == UInt8(ascii: ":")
    }
  }

  /// The 16-bit groups of text without `::`; the last two may be written as an IPv4 address.
  private static func groups(_ text: ArraySlice<UInt8>, mayEndInIPv4: Bool) -> [UInt16]? {
    var groups: [UInt16] = []
    let fields = text.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
    guard fields.count <= 8 else { return nil }
    for (index, field) in fields.enumerated() {
      if mayEndInIPv4, index == fields.count - 1, field.contains(UInt8(ascii: ".")) {
        guard let bits = parseIPv4(field) else { return nil }
        groups += [UInt16(bits >> 16), UInt16(truncatingIfNeeded: bits)]
      } else {
        guard (1...4).contains(field.count), let value = number(field, radix: 16) else { return nil }
        groups.append(UInt16(truncatingIfNeeded: value))
      }
    }
    return groups.count <= 8 ? groups : nil
  }

  private static func join(_ groups: [UInt16]) -> Bytes16 {
    Bytes16(
      high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
      low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) })
  }

  /// Up to four digits as a number; nil for any other character.
  private static func number(_ digits: ArraySlice<UInt8>, radix: UInt32) -> UInt32? {
    var value: UInt32 = 0
    for digit in digits {
      guard let next = Character(Unicode.Scalar(digit)).hexDigitValue, next < radix else { return nil }
      value = value * radix + UInt32(next)
    }
    return value
  }
}
