/// Base41: two bytes as three characters that QR codes store compactly, least significant first.
enum Base41 {
  private static let characters = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ+-./:".utf8)
  private static let base = UInt32(characters.count)

  /// The text for `bytes`.
  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 3 + 1) / 2)
    for start in stride(from: 0, to: bytes.count, by: 2) {
      let isPair = start + 1 < bytes.count
      var value = isPair ? UInt32(bytes[start]) << 8 | UInt32(bytes[start + 1]) : UInt32(bytes[start])
      for _ in 0..<(isPair ? 3 : 2) {
        text.append(characters[Int(value % base)])
        value /= base
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes that `text` spells; nil for a length of 1 modulo 3, an unknown character or a group too large.
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.count / 3 * 2 + 1)
    var rest = text[...]
    while !rest.isEmpty {
      let group = rest.prefix(3)
      rest = rest.dropFirst(3)
      var value: UInt32 = 0
      var weight: UInt32 = 1
      for character in group {
        guard let digit = characters.firstIndex(of: character) else { return nil }
        value += UInt32(digit) * weight
        weight *= base
      }
      switch group.count {
      case 3 where value <= 0xFFFF:
        bytes.append(UInt8(value >> 8))
        bytes.append(UInt8(truncatingIfNeeded: value))
      case 2 where value <= 0xFF: bytes.append(UInt8(value))
      default: return nil
      }
    }
    return bytes
  }
}
