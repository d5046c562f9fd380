/// JSON for files that people open: a member a line, two spaces a level, as Go's `json.Indent` lays it out.
enum JSONIndentation {
  /// The compact text `json`, laid out, with a newline at its end.
  static func indented(_ json: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var depth = 0
    var isInString = false
    var isEscaped = false
    func newline() {
      result.append(0x0A)
      result.append(contentsOf: repeatElement(0x20, count: 2 * depth))
    }
    for (index, byte) in json.enumerated() {
      if isInString {
        result.append(byte)
        isInString = isEscaped || byte != UInt8(ascii: "\"")
        isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
        continue
      }
      let next = index + 1 < json.count ? json[index + 1] : nil
      switch byte {
      case UInt8(ascii: "{"), UInt8(ascii: "["):
        depth += 1
        result.append(byte)
        // The two characters after their ASCII openers close them; nothing stands between those of an empty one.
        if next != byte + 2 { newline() }
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if result.last != byte - 2 { newline() }
        result.append(byte)
      case UInt8(ascii: ","):
        result.append(byte)
        newline()
      case UInt8(ascii: ":"): result += [byte, 0x20]
      default:
        isInString = byte == UInt8(ascii: "\"")
        result.append(byte)
      }
    }
    result.append(0x0A)
    return result
  }
}
