import Wire

/// One event of `--json`: an object on one line of standard error.
struct JSONLine {
  private var members: String

  /// Starts an object whose first member says which event it is.
  init(event: String) { members = "\"event\":\(Self.quoted(event))" }

  /// The whole object.
  var text: String { "{\(members)}" }

  /// Puts one more member in.
  mutating func add(_ name: String, _ value: String) { append(name, Self.quoted(value)) }
  mutating func add(_ name: String, _ value: some BinaryInteger) { append(name, "\(value)") }
  mutating func add(_ name: String, _ value: Bool) { append(name, value ? "true" : "false") }

  private mutating func append(_ name: String, _ json: String) { members += ",\(Self.quoted(name)):\(json)" }

  /// The object with one more member.
  func adding(_ name: String, _ value: String) -> JSONLine { with { $0.add(name, value) } }
  func adding(_ name: String, _ value: some BinaryInteger) -> JSONLine { with { $0.add(name, value) } }
  func adding(_ name: String, _ value: Bool) -> JSONLine { with { $0.add(name, value) } }
  func adding(_ name: String, _ values: [String]) -> JSONLine {
    with { $0.append(name, "[" + values.map(Self.quoted).joined(separator: ",") + "]") }
  }
  /// The object with one more member unless the value is nil.
  func adding(_ name: String, optional value: (some BinaryInteger)?) -> JSONLine {
    value.map { adding(name, $0) } ?? self
  }

  func adding(_ name: String, optional value: String?) -> JSONLine {
    value.map { adding(name, $0) } ?? self
  }

  private func with(_ change: (inout JSONLine) -> Void) -> JSONLine {
    var copy = self
    change(&copy)
    return copy
  }

  /// Prints the line.
  func emit() { Console.line(text) }

  /// A JSON string (RFC 8259 section 7). What could drive a terminal or hide is escaped, too: people look at events.
  static func quoted(_ value: String) -> String {
    var result = "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case _ where !DisplayText.isVisible(scalar):
        for unit in String(scalar).utf16 {
          let digits = String(unit, radix: 16)
          result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
