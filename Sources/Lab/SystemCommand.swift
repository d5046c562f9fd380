import Glibc

/// Programs of the system that the lab runs to their end.
enum SystemCommand {
  /// The file of a program in PATH, or with a slash anywhere; nil when there is none.
  static func path(of name: String) -> String? {
    if name.contains("/") { return access(name, X_OK) == 0 ? name : nil }
    let folders = getenv("PATH").map { String(cString: $0) } ?? "/usr/sbin:/usr/bin:/sbin:/bin"
    return folders.split(separator: ":").map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// Runs a program with `input` as its standard input; throws with what it printed when it fails.
  static func run(_ arguments: [String], input: String = "") throws {
    guard let path = path(of: arguments[0]) else { throw LabError("no program \(arguments[0])") }
    let (output, status) = try capture([path] + arguments.dropFirst(), input)
    guard status == 0 else {
      let reason = "\(arguments.joined(separator: " ")) failed with \(status): \(output)"
      throw LabError(input.isEmpty ? reason : "\(reason); its input:\n\(input)")
    }
  }

  /// Runs a program and returns what it printed.
  static func output(of arguments: [String]) throws -> String {
    guard let path = path(of: arguments[0]) else { throw LabError("no program \(arguments[0])") }
    let (output, status) = try capture([path] + arguments.dropFirst(), "")
    guard status == 0 else { throw LabError("\(arguments.joined(separator: " ")): \(output)") }
    return output
  }

  private static func capture(_ arguments: [String], _ input: String) throws -> (
    output: String, status: Int32
  ) {
    let (inputReader, inputWriter) = try Pipe.make()
    let (outputReader, outputWriter) = try Pipe.make()
    let process: pid_t
    do {
      process = try ChildProcess.spawn(
        arguments, standardInput: inputReader, standardOutput: outputWriter, standardError: outputWriter)
    } catch {
      for descriptor in [inputReader, inputWriter, outputReader, outputWriter] { close(descriptor) }
      throw error
    }
    close(inputReader)
    close(outputWriter)
    // Rules and batches are smaller than a pipe, so this never waits for a reader.
    var rest = Array(input.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(inputWriter, $0.baseAddress, $0.count) }
      guard count > 0 else { break }
      rest = rest.dropFirst(count)
    }
    close(inputWriter)
    var output: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4_096)
    while true {
      let count = read(outputReader, &buffer, buffer.count)
      guard count > 0 else { break }
      output += buffer[..<count]
    }
    close(outputReader)
    return (String(decoding: output, as: UTF8.self), ChildProcess.wait(for: process))
  }
}

/// Anonymous pipes.
enum Pipe {
  /// A pipe whose ends no child inherits unless told.
  static func make() throws -> (reader: Int32, writer: Int32) {
    var ends: [Int32] = [0, 0]
    guard pipe(&ends) == 0 else { throw LabError.system("pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}
