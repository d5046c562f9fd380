import Glibc
import Reactor

/// What a command was asked for; it must not get lost silently, as messages may.
enum StandardOutput {
  /// Writes all of a text.
  static func write(_ text: String) throws(CommandFailure) {
    do {
      try WholeWrite.write(Array(text.utf8), to: STDOUT_FILENO, title: "standard output")
    } catch {
      throw CommandFailure("cannot write to \(error)", status: ExitStatus.localInputOutput)
    }
  }
}
