import Glibc

/// A file that appears under its name only when it is complete: until then it grows under a temporary name in the
/// same folder. Replaces nothing unless it is told to.
public final class PartialFile {
  /// The open descriptor of the temporary file.
  public let descriptor: Int32
  private let path: String
  private let temporaryPath: String
  private var isSettled = false

  private let replaces: Bool

  /// Makes the temporary file for `path`, which must not exist yet unless it may be replaced. The umask takes from
  /// `mode`.
  public init(path: String, replaces: Bool = false, mode: mode_t = 0o666) throws(FileError) {
    self.replaces = replaces
    var status = stat()
    if lstat(path, &status) == 0 {
      guard replaces, status.st_mode & S_IFMT == S_IFREG else { throw .from(path, code: EEXIST) }
    } else if errno != ENOENT {
      throw .from(path, code: errno)
    }
    self.path = path
    temporaryPath = "\(path).\(getpid()).partial"
    descriptor = open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
    guard descriptor >= 0 else { throw .from(path, code: errno) }
  }

  deinit { discard() }

  /// Gives the file its name, after its content is on the disk. Fails when the name was taken meanwhile.
  public func commit() throws(FileError) {
    guard fsync(descriptor) == 0 else { throw .from(path, code: errno) }
    if replaces {
      guard rename(temporaryPath, path) == 0 else { throw .from(path, code: errno) }
      isSettled = true
      close(descriptor)
      return
    }
    // link, unlike rename, does not replace what is there; file systems without links get the check of `init`.
    if link(temporaryPath, path) != 0 {
      let code = errno
      guard code == EPERM || code == EOPNOTSUPP, access(path, F_OK) != 0, rename(temporaryPath, path) == 0
      else {
        throw .from(path, code: code)
      }
    } else {
      unlink(temporaryPath)
    }
    isSettled = true
    close(descriptor)
  }

  /// Removes the temporary file.
  public func discard() {
    guard !isSettled else { return }
    isSettled = true
    close(descriptor)
    unlink(temporaryPath)
  }
}
