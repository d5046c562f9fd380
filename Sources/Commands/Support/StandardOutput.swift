import Glibc
import Reactor
import Wire

/// What a command was asked for; it must not get lost silently, as messages may.
enum StandardOutput {
  /// Writes all of a text.
  static func write(_ text: String) throws(CommandFailure) {
    do {
      try WholeWrite.write(Array(text.utf8), to: STDOUT_FILENO, title: "standard output")
    } catch {
      throw .writing("standard output", error)
    }
  }
}

extension CommandFailure {
  /// Something could not be written to a file; one line says to which, and why.
  static func writing(_ name: String, _ error: FileError) -> CommandFailure {
    let reason = if case .system(let error) = error { SystemError.text(of: error.code) } else { "\(error)" }
    return CommandFailure(
      "cannot write to \(printable(name)): \(reason)", status: ExitStatus.localInputOutput)
  }
}
