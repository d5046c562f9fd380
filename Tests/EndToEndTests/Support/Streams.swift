import Foundation

/// The standard streams of a process to be, and the test's ends of them.
struct Streams {
  private var input: Descriptor?
  private var output: Descriptor?
  private var error: Descriptor
  /// The terminal that the process gets; nil without one.
  private var terminal: String?
  /// Whether the process leaves the terminal of who runs the tests.
  private let isDetached: Bool
  private(set) var inputForTest: Descriptor?
  private(set) var outputForTest: Descriptor?
  private(set) var errorForTest: Descriptor

  /// POSIX_SPAWN_SETSID of spawn.h, which is not imported.
  private static let ownSession: Int32 = 0x80

  init(_ input: Child.Input, _ output: Child.Output) throws {
    switch input {
    case .detached, .terminal: isDetached = true
    default: isDetached = false
    }
    switch input {
    case .null, .detached: self.input = try Descriptor(opening: "/dev/null", O_RDONLY)
    case .file(let path): self.input = try Descriptor(opening: path, O_RDONLY)
    case .closed: break
    case .bytes, .held:
      let pipe = try Descriptor.pipe()
      (self.input, inputForTest) = (pipe.read, pipe.write)
    case .terminal:
      var (person, program): (Int32, Int32) = (-1, -1)
      guard openpty(&person, &program, nil, nil, nil) == 0, let name = ttyname(program) else {
        throw TestFailure("no terminal: \(String(cString: strerror(errno)))")
      }
      for end in [person, program] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      terminal = String(cString: name)
      (self.input, inputForTest) = (Descriptor(program), Descriptor(person))
    }
    switch output {
    case .file(let path): self.output = try Descriptor(opening: path, O_WRONLY | O_CREAT | O_TRUNC)
    case .closed: break
    case .collected, .held:
      let pipe = try Descriptor.pipe()
      (self.output, outputForTest) = (pipe.write, pipe.read)
    }
    let pipe = try Descriptor.pipe()
    (error, errorForTest) = (pipe.write, pipe.read)
  }

  /// Starts a program on these streams, with default signals; the test keeps only its own ends.
  func spawn(_ path: String, _ arguments: [String], _ environment: [String: String]) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (stream, number) in [(input, STDIN_FILENO), (output, STDOUT_FILENO), (error, STDERR_FILENO)] {
      if let terminal, number == STDIN_FILENO {
        // What the leader of a session without a terminal opens first becomes its terminal.
        posix_spawn_file_actions_addopen(&actions, number, terminal, O_RDWR, 0)
      } else if let stream {
        posix_spawn_file_actions_adddup2(&actions, stream.number, number)
      } else {
        posix_spawn_file_actions_addclose(&actions, number)
      }
    }
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var ignored = sigset_t()
    sigemptyset(&ignored)
    sigaddset(&ignored, SIGPIPE)
    posix_spawnattr_setsigdefault(&attributes, &ignored)
    var blocked = sigset_t()
    sigemptyset(&blocked)
    posix_spawnattr_setsigmask(&attributes, &blocked)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | (isDetached ? Self.ownSession : 0)))

    var argumentTexts: [UnsafeMutablePointer<CChar>?] = ([path] + arguments).map { strdup($0) } + [nil]
    var environmentTexts: [UnsafeMutablePointer<CChar>?] =
      environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { (argumentTexts + environmentTexts).forEach { free($0) } }
    var pid: pid_t = 0
    let result = posix_spawn(&pid, path, &actions, &attributes, &argumentTexts, &environmentTexts)
    guard result == 0 else { throw TestFailure("cannot start \(path): \(String(cString: strerror(result)))") }
    input?.close()
    output?.close()
    error.close()
    return pid
  }
}
