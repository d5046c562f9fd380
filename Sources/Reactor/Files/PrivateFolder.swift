import Glibc
import Wire

/// An open folder with files that nobody but their owner may see.
///
/// Files in it are opened without following a link, must belong to this account, and change in one step.
final class PrivateFolder {
  /// Whose the folder is.
  enum Kind {
    /// The program's own: made when missing, for its owner alone, and no link.
    case own
    /// One that the user named: used as it is. To close it to others could break what else lies there.
    case named
  }

  private let descriptor: Int32
  private let path: String

  /// Opens the folder; `makes` is false for who only reads. Nil when it is not there then.
  init?(path: String, kind: Kind, makes: Bool) throws(FileError) {
    if makes {
      do {
        try SmallFile.makeFolder(path)
      } catch {
        throw .system(error)
      }
    }
    let isOwn = kind == .own
    let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (isOwn ? O_NOFOLLOW : 0)
    descriptor = open(path, flags)
    self.path = path
    guard descriptor >= 0 else {
      if errno == ENOENT, !makes { return nil }
      // With O_DIRECTORY a link that is not followed is no directory.
      if isOwn, errno == ELOOP || errno == ENOTDIR { throw .content("\(path) is a link, or no folder") }
      throw .from(path, code: errno)
    }
    guard isOwn else { return }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_uid == geteuid() else {
      throw .content("\(path) belongs to somebody else")
    }
    guard fchmod(descriptor, 0o700) == 0 else { throw .from(path, code: errno) }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// Keeps other processes that lock the folder out of it until this object goes.
  func lock() throws(FileError) {
    while flock(descriptor, LOCK_EX) != 0 {
      guard errno == EINTR else { throw .from(path, code: errno) }
    }
  }

  /// A file's content; nil when there is none of that name.
  func read(_ name: String, limit: Int) throws(FileError) -> [UInt8]? {
    let title = "\(path)/\(name)"
    // Nothing but a regular file is read, so not blocking only matters for opening a pipe.
    let file = openat(descriptor, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return nil }
      if errno == ELOOP { throw .content("\(title) is a link") }
      throw .from(title, code: errno)
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
      throw .content("\(title) is no ordinary file")
    }
    guard status.st_uid == geteuid() else { throw .content("\(title) belongs to somebody else") }
    var bytes = [UInt8](repeating: 0, count: limit + 1)
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + count, $0.count - count) }
      if more < 0, errno == EINTR { continue }
      guard more >= 0 else { throw .from(title, code: errno) }
      if more == 0 { return Array(bytes[..<count]) }
      count += more
    }
    throw .system(SystemError(title, code: EFBIG))
  }

  /// Puts a file, for its owner alone, in the place of the one that has its name. `temporary` is what it is called
  /// meanwhile; it may be left over from a process that was ended.
  func replace(_ name: String, with content: [UInt8], temporary: String) throws(FileError) {
    let title = "\(path)/\(name)"
    unlinkat(descriptor, temporary, 0)
    let file = openat(descriptor, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw .from(title, code: errno) }
    defer { close(file) }
    do throws(FileError) {
      try WholeWrite.write(content, to: file, title: title)
      // The umask has no say.
      guard fchmod(file, 0o600) == 0, fsync(file) == 0,
        renameat(descriptor, temporary, descriptor, name) == 0
      else { throw FileError.from(title, code: errno) }
    } catch {
      unlinkat(descriptor, temporary, 0)
      throw error
    }
    fsync(descriptor)
  }
}
