/// One event of `--json`: an object on one line of standard error.
struct JSONLine {
  private var text: String

  /// Starts an object whose first member says which event it is.
  init(event: String) { text = "{\"event\":\(Self.quoted(event))" }

  /// The object with one more member.
  func adding(_ name: String, _ value: String) -> JSONLine { appending(name, Self.quoted(value)) }
  func adding(_ name: String, _ value: some BinaryInteger) -> JSONLine { appending(name, "\(value)") }
  func adding(_ name: String, _ value: Bool) -> JSONLine { appending(name, value ? "true" : "false") }
  /// The object with one more member unless the value is nil.
  func adding(_ name: String, optional value: Int64?) -> JSONLine {
    value.map { adding(name, $0) } ?? self
  }

  private func appending(_ name: String, _ json: String) -> JSONLine {
    var copy = self
    copy.text += ",\(Self.quoted(name)):\(json)"
    return copy
  }

  /// Prints the line.
  func emit() { Console.line(text + "}") }

  /// A JSON string (RFC 8259 section 7).
  static func quoted(_ value: String) -> String {
    var result = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F:
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
