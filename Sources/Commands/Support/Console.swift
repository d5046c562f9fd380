import Glibc

/// Standard error, line by line. Payload goes to standard output, so everything for people goes here.
enum Console {
  /// Whether standard error is a terminal.
  static var isTerminal: Bool { isatty(STDERR_FILENO) == 1 }

  /// Writes `text` and a newline.
  static func line(_ text: String) { write(text + "\n", to: STDERR_FILENO) }

  /// Writes one line that says what went wrong.
  static func error(_ text: String) { line("derphole: \(text)") }

  /// Replaces the current line of a terminal.
  static func status(_ text: String) { write("\r\u{1B}[K\(text)", to: STDERR_FILENO) }

  /// Writes everything; what cannot be written is dropped, for there is nowhere to say so.
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
