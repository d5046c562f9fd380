/// A structure that is read from and written to JSON by Go's rules.
protocol JSONObject: Hashable, Sendable {
  /// The zero value, which members are read into.
  static var blank: Self { get }

  /// Takes one member; `name` is folded (see `foldedName`), unknown names are ignored.
  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError)

  /// Writes all members in order.
  func writeMembers(to writer: inout JSONWriter)
}

extension JSONObject {
  /// Reads a whole text that must be one object.
  init(json bytes: UnsafeRawBufferPointer, limits: JSONLimits) throws(JSONError) {
    self = .blank
    try JSONParser.parse(bytes, limits: limits).store(into: &self)
  }

  /// The canonical text of the object.
  var canonicalJSON: [UInt8] {
    var writer = JSONWriter()
    writer.object { writeMembers(to: &$0) }
    return writer.bytes
  }
}

extension JSONMember {
  /// The name in lower case as Go's decoder folds it: ASCII letters, the long s and the Kelvin sign.
  var foldedName: String {
    // Nearly every name is in lower case already.
    if name.utf8.allSatisfy({ $0 < 0x80 && !(UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) {
      return name
    }
    var folded = ""
    for scalar in name.unicodeScalars {
      switch scalar {
      case "A"..."Z": folded.unicodeScalars.append(Unicode.Scalar(UInt8(scalar.value) | 0x20))
      case "\u{17F}": folded.append("s")
      case "\u{212A}": folded.append("k")
      default: folded.unicodeScalars.append(scalar)
      }
    }
    return folded
  }
}
