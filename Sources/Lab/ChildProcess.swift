import Glibc

/// Starting and ending programs.
enum ChildProcess {
  /// Starts a program; descriptors that are not given are those of the lab. `environment` replaces the lab's.
  /// With `inOwnGroup` it leads a process group, which can be ended as a whole.
  static func spawn(
    _ arguments: [String], environment: [String]? = nil, standardInput: Int32? = nil,
    standardOutput: Int32? = nil, standardError: Int32? = nil, inOwnGroup: Bool = false
  ) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, target) in [
      (standardInput, STDIN_FILENO), (standardOutput, STDOUT_FILENO), (standardError, STDERR_FILENO),
    ] {
      if let descriptor { posix_spawn_file_actions_adddup2(&actions, descriptor, target) }
    }
    // What the lab ignores or blocks is its own affair.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var signals = sigset_t()
    sigfillset(&signals)
    posix_spawnattr_setsigdefault(&attributes, &signals)
    let flags = POSIX_SPAWN_SETSIGDEF | (inOwnGroup ? POSIX_SPAWN_SETPGROUP : 0)
    posix_spawnattr_setflags(&attributes, Int16(flags))

    var process = pid_t()
    let words = arguments.map { strdup($0) } + [nil]
    let variables = environment.map { $0.map { strdup($0) } + [nil] }
    defer {
      for word in words + (variables ?? []) { free(word) }
    }
    let status: Int32
    if let variables {
      status = posix_spawn(&process, arguments[0], &actions, &attributes, words, variables)
    } else {
      status = posix_spawn(&process, arguments[0], &actions, &attributes, words, environ)
    }
    guard status == 0 else {
      throw LabError("cannot start \(arguments[0]): \(String(cString: strerror(status)))")
    }
    return process
  }

  /// Waits for a child; its exit code, or 128 and the signal that ended it.
  static func wait(for process: pid_t) -> Int32 {
    var usage = rusage()
    return wait(for: process, &usage)
  }

  /// The same; tells also what it and those that it waited for have used.
  static func wait(for process: pid_t, _ usage: inout rusage) -> Int32 {
    var status: Int32 = 0
    while wait4(process, &status, 0, &usage) < 0 {
      guard errno == EINTR else { return -1 }
    }
    let signal = status & 0x7F
    return signal == 0 ? (status >> 8) & 0xFF : 128 + signal
  }

  /// Ends a child and waits for it.
  static func end(_ process: pid_t) {
    kill(process, SIGKILL)
    _ = wait(for: process)
  }
}
