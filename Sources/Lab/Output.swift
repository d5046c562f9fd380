import Glibc

/// What the lab prints.
enum Output {
  /// A line of the result, at once: a reader waits at the other end of the pipe.
  static func line(_ text: String = "") {
    let line = text + "\n"
    _ = write(STDOUT_FILENO, line, line.utf8.count)
  }

  /// A line about what went wrong.
  static func error(_ text: String) {
    let line = "lab: \(text)\n"
    _ = write(STDERR_FILENO, line, line.utf8.count)
  }
}

extension String {
  /// The text in a column of that width; a number stands at the right.
  func padded(_ width: Int, right: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - count))
    return right ? space + self : self + space
  }

  /// The text as a JSON string; the lab's texts hold no control characters but those that are replaced here.
  var asJSON: String {
    let safe = unicodeScalars.map { $0.value < 0x20 ? " " : $0 == "\"" || $0 == "\\" ? "\\\($0)" : "\($0)" }
    return "\"\(safe.joined())\""
  }
}
