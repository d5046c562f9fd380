/// Lines of Prometheus' text format. All samples of a family follow its heading.
struct MetricsWriter {
  /// Whether a value only grows.
  enum Kind: String {
    case counter
    case gauge
  }

  private(set) var text = ""
  private var name: StaticString = ""

  /// Starts a family. Names and help texts are ours and need no escapes.
  mutating func family(_ name: StaticString, _ kind: Kind, _ help: StaticString) {
    self.name = name
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func sample(_ value: some BinaryInteger, _ labels: [(name: StaticString, value: String)] = []) {
    sample("\(value)", labels)
  }

  /// A value that is a number already.
  mutating func sample(_ value: String, _ labels: [(name: StaticString, value: String)] = []) {
    text += "\(name)"
    if !labels.isEmpty {
      text += "{" + labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",") + "}"
    }
    text += " \(value)\n"
  }

  /// A label's value: any text, with these three escapes and no other.
  private static func escaped(_ value: String) -> String {
    var result = String.UnicodeScalarView()
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": result.append(contentsOf: "\\\\".unicodeScalars)
      case "\"": result.append(contentsOf: "\\\"".unicodeScalars)
      case "\n": result.append(contentsOf: "\\n".unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }
}
