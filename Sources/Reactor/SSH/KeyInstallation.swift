import Glibc
import Wire

/// Writes a key for another account with that account's rights alone (AUK-2): this program runs once more, gives up
/// its own rights for good and touches nothing before.
public enum KeyInstallation {
  /// The most bytes that are taken of what the other process says.
  private static let longestReply = 4_096
  /// What it says when all is well.
  public static let added = "added"
  public static let present = "present"

  /// Runs this program with these arguments and the key's line on its standard input. False when the key was there.
  public static func run(_ arguments: [String], key: SSHPublicKey) throws(AuthorizedKeysError) -> Bool {
    var input: [Int32] = [-1, -1]
    var output: [Int32] = [-1, -1]
    guard pipe(&input) == 0 else { throw .last("pipe") }
    guard pipe(&output) == 0 else {
      for end in input { close(end) }
      throw .last("pipe")
    }
    for end in input + output { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let process: pid_t
    do throws(AuthorizedKeysError) {
      process = try spawn(arguments, input: input[0], output: output[1])
    } catch {
      for end in input + output { close(end) }
      throw error
    }
    close(input[0])
    close(output[1])
    // The line is shorter than what a pipe holds, so nobody waits here.
    let line = Array((key.line + "\n").utf8)
    _ = write(input[1], line, line.count)
    close(input[1])
    let reply = readAll(output[0])
    close(output[0])
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    switch reply {
    case added where status == 0: return true
    case present where status == 0: return false
    default: throw AuthorizedKeysError(reply.isEmpty ? "the key could not be written" : printable(reply))
    }
  }

  private static func spawn(
    _ arguments: [String], input: Int32, output: Int32
  ) throws(AuthorizedKeysError) -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    let program = "/proc/self/exe"
    var words: [UnsafeMutablePointer<CChar>?] = (["derphole"] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    // Nothing of this process's surroundings, secrets among them, is the other account's business.
    var surroundings: [UnsafeMutablePointer<CChar>?] = [nil]
    var process = pid_t()
    let status = posix_spawn(&process, program, &actions, nil, &words, &surroundings)
    guard status == 0 else { throw AuthorizedKeysError("cannot start: \(SystemError.text(of: status))") }
    return process
  }

  private static func readAll(_ descriptor: Int32) -> String {
    var bytes = [UInt8](repeating: 0, count: longestReply)
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress! + count, $0.count - count) }
      if more < 0, errno == EINTR { continue }
      guard more > 0 else { break }
      count += more
    }
    return String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n").first.map(String.init)
      ?? ""
  }
}
