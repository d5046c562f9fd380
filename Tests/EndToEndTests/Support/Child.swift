import Foundation

/// A process that a test started: its streams, its end, and nothing of it left behind.
final class Child: @unchecked Sendable {
  /// What standard input is.
  enum Input {
    case null
    /// These bytes, then the end.
    case bytes([UInt8])
    case file(String)
    /// A pipe that the test writes: `Child.input`.
    case held
    case closed
    /// Nothing, and no terminal either at which anybody could be asked.
    case detached
    /// A terminal of its own, whose other end is `Child.input`.
    case terminal
  }

  /// What standard output is.
  enum Output {
    /// Kept: `collectedOutput`.
    case collected
    /// A pipe that the test reads: `Child.output`.
    case held
    case file(String)
    case closed
  }

  let name: String
  let arguments: [String]
  let pid: pid_t
  /// The test's end of a held input.
  let input: Descriptor
  /// The test's end of a held output.
  let output: Descriptor
  private let errorText = Mailbox((text: "", isEnded: false))
  private let outputBytes = Mailbox<[UInt8]?>(nil)
  private let exit = Mailbox<Int32?>(nil)

  /// Descriptors are made uninheritable after they are made: nobody may start a process in between.
  private static let spawning = NSLock()

  init(
    _ name: String, _ arguments: [String], environment: [String: String] = [:], input: Input = .null,
    output: Output = .collected
  ) throws {
    self.name = name
    self.arguments = arguments
    signal(SIGPIPE, SIG_IGN)
    let path = try Programs.path(name)
    let streams = try Self.spawning.withLock {
      let streams = try Streams(input, output)
      return (streams, try streams.spawn(path, arguments, Self.environment(environment)))
    }
    pid = streams.1
    self.input = streams.0.inputForTest ?? Descriptor(-1)
    self.output = streams.0.outputForTest ?? Descriptor(-1)
    awaitEnd()
    follow(streams.0.errorForTest)
    if case .bytes(let bytes) = input {
      Thread.detachNewThread { [input = self.input] in
        input.write(bytes)
        input.close()
      }
    }
    if case .collected = output {
      Thread.detachNewThread { [output = self.output, outputBytes] in
        let bytes = output.readToEnd()
        outputBytes.update { $0 = bytes }
      }
    }
  }

  deinit { send(SIGKILL) }

  /// The test's environment without what would change how the programs behave.
  private static func environment(_ extra: [String: String]) -> [String: String] {
    ProcessInfo.processInfo.environment
      .filter { name, _ in
        !name.hasPrefix("DERPHOLE_") && !name.hasPrefix("DERPTUN_") && !name.hasPrefix("SSL_CERT_")
          && !name.lowercased().hasSuffix("_proxy")
      }
      .merging(extra) { _, new in new }
  }

  private func awaitEnd() {
    Thread.detachNewThread { [pid, exit] in
      var information = siginfo_t()
      // First without reaping: until the lock is held, `send` may still use the process id.
      while waitid(P_PID, id_t(pid), &information, WEXITED | WNOWAIT) != 0, errno == EINTR {}
      exit.update { exit in
        var status: Int32 = 0
        waitpid(pid, &status, 0)
        let signal = status & 0x7F
        exit = signal == 0 ? status >> 8 & 0xFF : 128 + signal
      }
    }
  }

  private func follow(_ descriptor: Descriptor) {
    Thread.detachNewThread { [errorText] in
      while let bytes = descriptor.read(65_536) {
        errorText.update { $0.text += String(decoding: bytes, as: UTF8.self) }
      }
      errorText.update { $0.isEnded = true }
    }
  }

  /// Sends a signal unless the process has ended.
  func send(_ signal: Int32) {
    exit.update { exit in
      if exit == nil { kill(pid, signal) }
    }
  }

  /// What the process has written to standard error so far.
  var errors: String { errorText.current.text }

  /// The lines of standard error that say anything.
  var errorLines: [String] {
    errors.split(whereSeparator: \.isNewline).map(String.init)
  }

  /// Waits for a whole line of standard error that `pick` takes.
  func line<Found>(within seconds: Double = 30, _ pick: (String) -> Found?) throws -> Found {
    let found = errorText.wait(within: seconds) { state -> Result<Found, TestFailure>? in
      // Some programs end their lines with a carriage return, too.
      let lines = state.text.split(whereSeparator: \.isNewline)
      let whole = state.isEnded || state.text.last?.isNewline == true ? lines : lines.dropLast()
      for line in whole { if let found = pick(String(line)) { return .success(found) } }
      return state.isEnded ? .failure(TestFailure("\(self.name) ended without the line: \(state.text)")) : nil
    }
    guard let found else { throw TestFailure("\(name) did not write the line in \(seconds) s: \(errors)") }
    return try found.get()
  }

  /// Waits for a line that contains `text`.
  func line(containing text: String, within seconds: Double = 30) throws {
    try line(within: seconds) { $0.contains(text) ? () : nil }
  }

  /// The most memory that the living process has had at a time, in bytes.
  func peakMemory() throws -> Int {
    let text = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
    guard let match = text.firstMatch(of: /VmHWM:\s*([0-9]+) kB/), let kibibytes = Int(match.output.1) else {
      throw TestFailure("\(name) lives no more: \(errors)")
    }
    return kibibytes << 10
  }

  /// Waits for the end of the process and of its standard error; its exit code, or 128 and a signal's number.
  func end(within seconds: Double = 60) throws -> Int32 {
    guard let ended = exit.wait(within: seconds, for: { $0 }) else {
      throw TestFailure("\(name) has not ended within \(seconds) s; it wrote: \(errors)")
    }
    _ = errorText.wait(within: 5) { $0.isEnded ? () : nil }
    return ended
  }

  /// What a process with collected output wrote to it, after its end.
  func collectedOutput() throws -> [UInt8] {
    guard let bytes = outputBytes.wait(within: 10, for: { $0 }) else {
      throw TestFailure("the output of \(name) is still open")
    }
    return bytes
  }
}
