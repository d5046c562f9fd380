import Glibc
import Wire

/// Standard error, line by line. Payload goes to standard output, so everything for people goes here.
///
/// Whatever a text contains, nothing but our own control sequences reaches the terminal. Text of a peer should be
/// `printable` before that, which bounds it, too.
enum Console {
  /// Whether standard error is a terminal that understands how to erase a line.
  static var isTerminal: Bool {
    isatty(STDERR_FILENO) == 1 && variable("TERM") != "dumb"
  }

  /// How many columns the terminal has now; 80 when it does not tell.
  static var width: Int {
    var size = winsize()
    guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
  }

  /// Whether the locale's encoding is UTF-8 (POSIX, XBD 8.2: the first variable of the three that is not empty).
  static var speaksUTF8: Bool {
    let encoding = (variable("LC_ALL") ?? variable("LC_CTYPE") ?? variable("LANG") ?? "").lowercased()
    return encoding.contains("utf-8") || encoding.contains("utf8")
  }

  private static func variable(_ name: String) -> String? {
    getenv(name).map { String(cString: $0) }.flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Writes `text` and a newline.
  static func line(_ text: String) { write(harmless(text) + "\n", to: STDERR_FILENO) }

  /// Writes lines between two control sequences of ours.
  static func coloured(_ lines: [String], on: String, off: String) {
    write(lines.map { on + harmless($0) + off + "\n" }.joined(), to: STDERR_FILENO)
  }

  /// Writes one line that says what went wrong.
  static func error(_ text: String) { line("\(Program.current): \(text)") }

  /// Replaces what the cursor's line of a terminal shows and leaves the cursor behind it, in one write. What stays is
  /// overwritten and not erased first, so nothing flickers.
  static func status(_ text: String, erasing isShorter: Bool) {
    write("\r\(harmless(text))\(isShorter ? "\u{1B}[K" : "")", to: STDERR_FILENO)
  }

  /// The text without anything that a terminal might obey; line breaks included.
  static func harmless(_ text: String) -> String {
    if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      result.append(DisplayText.isVisible(scalar) ? scalar : "\u{FFFD}")
    }
    return String(result)
  }

  /// Writes everything as it is; what cannot be written is dropped, for there is nowhere to say so.
  static func write(_ text: String, to descriptor: Int32) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
      if count > 0 {
        bytes = bytes.dropFirst(count)
      } else if errno == EAGAIN {
        var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&poller, 1, 1_000)
      } else if errno != EINTR {
        return
      }
    }
  }
}
