import Basics
import CSockets
import Glibc
import Wire

/// Writes a key with the rights of its account alone (AUK-2): this program runs once more, gives up all other rights for
/// good and touches nothing before. It is a process of its own for one's own account, too: whatever the account's files
/// are (a home directory that hangs, a lock that somebody holds), the session goes on, and the wait has an end.
public final class KeyInstallation {
  /// What it says when all is well; anything else is why not.
  public static let added = "added"
  public static let present = "present"
  /// The most bytes that are taken of what it says.
  private static let longestReply = 4_096
  /// How long it may take.
  private static let patience = Interval.seconds(10)

  private let completion: (Result<Bool, AuthorizedKeysError>) -> Void
  private var process: pid_t = -1
  private var output: Int32 = -1
  private var watcher: IOWatcher?
  private var timer: LoopTimer?
  private var reply: [UInt8] = []

  /// Runs this program with these arguments; `completion` is called once, on the loop: true for a new key, false for one
  /// that was there.
  public init(
    _ loop: EventLoop, _ arguments: [String],
    completion: @escaping (Result<Bool, AuthorizedKeysError>) -> Void
  ) {
    self.completion = completion
    do throws(AuthorizedKeysError) {
      try start(arguments)
    } catch {
      loop.defer { completion(.failure(error)) }
      return
    }
    watcher = loop.watch(output) { [unowned self] _ in read() }
    watcher?.interest = .readable
    timer = loop.makeTimer { [unowned self] in
      // Perhaps in the middle of its work; the file is replaced in one step, so it is either the old or the new one.
      kill(process, SIGKILL)
      end(.failure(AuthorizedKeysError("the key could not be written in time")))
    }
    timer?.arm(after: Self.patience)
  }

  deinit { stop() }

  private func start(_ arguments: [String]) throws(AuthorizedKeysError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .last("pipe") }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    output = ends[0]
    _ = fcntl(output, F_SETFL, O_NONBLOCK)
    defer { close(ends[1]) }
    try spawn(arguments, output: ends[1])
  }

  private func spawn(_ arguments: [String], output: Int32) throws(AuthorizedKeysError) {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    _ = derphole_spawn_close_from(&actions, STDERR_FILENO + 1)
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The interrupt key is for the session; what is being written is written to its end.
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP))
    var words: [UnsafeMutablePointer<CChar>?] = (["derphole"] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    // Nothing of this process's surroundings, secrets among them, is the other account's business.
    var surroundings: [UnsafeMutablePointer<CChar>?] = [nil]
    let status = posix_spawn(&process, "/proc/self/exe", &actions, &attributes, &words, &surroundings)
    guard status == 0 else { throw AuthorizedKeysError("cannot start: \(SystemError.text(of: status))") }
  }

  private func read() {
    var bytes = [UInt8](repeating: 0, count: Self.longestReply)
    let count = Glibc.read(output, &bytes, bytes.count)
    if count < 0, errno == EAGAIN || errno == EINTR { return }
    guard count > 0 else { return ended() }
    reply += bytes[..<min(count, Self.longestReply - reply.count)]
  }

  private func ended() {
    // The last thing that it does is to say how it went; who said nothing has failed.
    switch String(decoding: reply, as: UTF8.self).split(separator: "\n").first.map(String.init) {
    case Self.added: end(.success(true))
    case Self.present: end(.success(false))
    case let reason: end(.failure(AuthorizedKeysError(printable(reason ?? "the key could not be written"))))
    }
  }

  private func end(_ result: Result<Bool, AuthorizedKeysError>) {
    stop()
    completion(result)
  }

  private func stop() {
    timer?.disarm()
    watcher?.cancel()
    guard output >= 0 else { return }
    close(output)
    output = -1
    // It has ended, or is about to; nobody waits for one that the kernel does not let go.
    if process > 0 { waitpid(process, nil, WNOHANG) }
  }
}
