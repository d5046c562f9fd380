import ArgumentParser
import Glibc
import Reactor

/// Where a new token goes. It is a secret: a file that gets it is for its owner alone before a byte of it is there.
struct TokenDestination: ParsableArguments {
  @Option(
    name: [.short, .long],
    help: ArgumentHelp("Write to a new file, for you alone, instead of standard output.", valueName: "file"))
  var output: String?

  /// Writes the token and a newline.
  func write(_ token: String) throws(CommandFailure) {
    guard let output else {
      do {
        try Self.closeToOthers(STDOUT_FILENO)
      } catch {
        throw .writing("standard output", error)
      }
      return try StandardOutput.write(token + "\n")
    }
    do {
      try SmallFile.create(output, with: Array((token + "\n").utf8))
    } catch {
      throw .writing(output, error)
    }
  }

  /// Takes a file that the shell opened away from other users. Terminals, pipes and devices stay as they are.
  private static func closeToOthers(_ descriptor: Int32) throws(FileError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .system(SystemError("standard output", code: errno))
    }
    guard status.st_mode & S_IFMT == S_IFREG, fchmod(descriptor, 0o600) != 0 else { return }
    throw .system(SystemError("standard output", code: errno))
  }
}
