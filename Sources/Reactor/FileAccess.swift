import Glibc

/// Why a file, pipe or terminal could not be read or written.
public enum FileError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Nobody reads the pipe or socket any more.
  case brokenPipe
  /// The disk or the quota is full.
  case noSpace
  /// Another failure of the system.
  case system(SystemError)
  /// What is wrong with the content, in words of ours: a source that changed while it was read.
  case content(String)

  public var description: String {
    switch self {
    case .brokenPipe: "broken pipe"
    case .noSpace: "no space left on device"
    case .system(let error): error.description
    case .content(let words): words
    }
  }

  static func from(_ name: String, code: Int32) -> FileError {
    switch code {
    case EPIPE, ECONNRESET: .brokenPipe
    case ENOSPC, EDQUOT: .noSpace
    default: .system(SystemError(name, code: code))
    }
  }
}

/// How to use a descriptor without blocking and without changing its flags: a description behind standard
/// input or output is shared with the shell and with other programs, which O_NONBLOCK would break.
struct FileAccess {
  enum Mode {
    /// Never blocks for long, always ready: regular files and devices that epoll does not take.
    case regular
    /// A description of our own with O_NONBLOCK, or one that had it already.
    case nonBlocking
    case socket
    /// A shared, blocking description: ask before every step, and take steps that then cannot block.
    case polled
  }

  /// The descriptor to use.
  let descriptor: Int32
  let mode: Mode
  /// Whether it was opened here, to be closed by `close()`.
  let isOwn: Bool
  let name: String

  /// What a writable pipe takes without blocking once poll says that it is writable (pipe(7): PIPE_BUF).
  static let atomicStep = 4_096
  /// As much as an unprivileged process may have by default (/proc/sys/fs/pipe-max-size).
  private static let pipeSize: Int32 = 1 << 20
  // <fcntl.h> shows it only to GNU sources.
  private static let setPipeSize: Int32 = 1_031

  /// Where a process finds its open descriptors, to open them once more.
  static let descriptorFolder = "/proc/self/fd"

  /// Looks at an open descriptor. `access` is O_RDONLY or O_WRONLY.
  init(
    _ descriptor: Int32, access: Int32, name: String, folder: String = Self.descriptorFolder
  ) throws(FileError) {
    self.name = name
    var status = stat()
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0, fstat(descriptor, &status) == 0 else { throw .from(name, code: errno) }
    guard flags & O_ACCMODE == access || flags & O_ACCMODE == O_RDWR else { throw .from(name, code: EBADF) }
    var mode = Mode.regular
    var use = descriptor
    switch status.st_mode & S_IFMT {
    case S_IFSOCK: mode = .socket
    case S_IFIFO, S_IFCHR:
      if status.st_mode & S_IFMT == S_IFIFO { _ = fcntl(descriptor, Self.setPipeSize, Self.pipeSize) }
      mode = .nonBlocking
      if flags & O_NONBLOCK == 0 {
        let own = open("\(folder)/\(descriptor)", access | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
        if own >= 0 { use = own } else { mode = .polled }
      }
    default: break
    }
    self.mode = mode
    self.descriptor = use
    isOwn = use != descriptor
  }

  /// Whether a step now will not block. Only `polled` descriptors have to be asked.
  func isReady(_ events: Int32) -> Bool {
    guard mode == .polled else { return true }
    var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
    return poll(&entry, 1, 0) > 0
  }

  func close() {
    if isOwn { Glibc.close(descriptor) }
  }
}

/// Descriptors 0, 1 and 2 as the process got them.
enum StandardDescriptors {
  /// Fills those that are closed with `/dev/null` opened the wrong way round, so that no socket gets such a
  /// number and using them is the error that it would have been.
  static func occupyClosed() {
    for descriptor: Int32 in 0...2 where fcntl(descriptor, F_GETFD) < 0 {
      _ = open("/dev/null", descriptor == 0 ? O_WRONLY : O_RDONLY)
    }
  }
}
