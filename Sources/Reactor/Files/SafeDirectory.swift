import Glibc
import Wire

/// An open directory below which the files of a peer are created, and nowhere else.
///
/// Every path is resolved part by part from the descriptor, each time anew, without following a link in any part
/// (SFT-11). What is created is for the owner alone until it gets its final mode (SFT-8).
public final class SafeDirectory: Sendable {
  /// What to do when a name is taken.
  public enum Existing: Sendable {
    case refuse
    /// Removes what is there and makes it anew; never writes through it (SFT-12).
    case replace
  }

  /// Open for as long as this object lives.
  public let descriptor: Int32
  /// How the user calls it, for messages.
  public let title: String
  /// The permission bits that new files may have.
  let permitted: mode_t

  /// Opens a directory that the user named; links in this path are the user's own and are followed.
  public init(path: String) throws(FileError) {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .from(path, code: errno) }
    self.descriptor = descriptor
    title = path
    permitted = Self.permittedBits
  }

  private init(owning descriptor: Int32, title: String, permitted: mode_t) {
    self.descriptor = descriptor
    self.title = title
    self.permitted = permitted
  }

  deinit { close(descriptor) }

  /// What the umask leaves. The only way to ask for it is to set one, for all threads: done once, and for that moment
  /// it is a strict one.
  private static let permittedBits: mode_t = {
    let mask = umask(0o077)
    umask(mask)
    return 0o777 & ~mask
  }()

  /// The directory at `path`, opened.
  public func directory(_ path: RelativePath) throws(FileError) -> SafeDirectory {
    SafeDirectory(owning: try openDirectory(path.parts), title: "\(title)/\(path)", permitted: permitted)
  }

  /// Makes a directory; with `replace` one that is there is kept and made usable.
  public func makeDirectory(_ path: RelativePath, existing: Existing = .refuse) throws(FileError) {
    try withParent(path) { (parent, name) throws(FileError) in
      if mkdirat(parent, name, 0o700) == 0 { return }
      guard errno == EEXIST, existing == .replace else { throw failure(path) }
      let there = openat(parent, name, Self.directoryFlags)
      if there >= 0 {
        defer { close(there) }
        // It may be one that an earlier transfer left unwritable.
        var status = stat()
        guard fstat(there, &status) == 0 else { throw failure(path) }
        if status.st_mode & 0o700 != 0o700, fchmod(there, status.st_mode & 0o777 | 0o700) != 0 {
          throw failure(path)
        }
        return
      }
      // Any file, or a link, wherever it leads. A directory that may not be read is no file: it stays.
      guard unlinkat(parent, name, 0) == 0, mkdirat(parent, name, 0o700) == 0 else { throw failure(path) }
    }
  }

  /// Makes a file, empty and open for writing.
  public func makeFile(_ path: RelativePath, existing: Existing = .refuse) throws(FileError) -> NewFile {
    try withParent(path) { (parent, name) throws(FileError) in
      let flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
      var descriptor = openat(parent, name, flags, 0o600)
      if descriptor < 0, errno == EEXIST, existing == .replace {
        guard unlinkat(parent, name, 0) == 0 else { throw failure(path) }
        descriptor = openat(parent, name, flags, 0o600)
      }
      guard descriptor >= 0 else { throw failure(path) }
      return NewFile(owning: descriptor, title: "\(title)/\(path)", permitted: permitted)
    }
  }

  /// Opens a regular file that is there, for reading, or for writing too; the caller closes it. A file that another
  /// user owns, or that has another name somewhere, is not taken for writing.
  public func openFile(_ path: RelativePath, forWriting: Bool = false) throws(FileError) -> Int32 {
    try withParent(path) { (parent, name) throws(FileError) in
      let access = forWriting ? O_RDWR : O_RDONLY
      let descriptor = openat(parent, name, access | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
      guard descriptor >= 0 else { throw failure(path) }
      var status = stat()
      let isTaken =
        fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        && (!forWriting || status.st_nlink == 1 && status.st_uid == geteuid())
      guard isTaken else {
        close(descriptor)
        throw .content("\(title)/\(path): not a file that may be used")
      }
      return descriptor
    }
  }

  /// Looks at what is there, without following a link; nil when nothing is.
  public func status(_ path: RelativePath) throws(FileError) -> stat? {
    try withParent(path) { (parent, name) throws(FileError) in
      var status = stat()
      if fstatat(parent, name, &status, AT_SYMLINK_NOFOLLOW) == 0 { return status }
      guard errno == ENOENT else { throw failure(path) }
      return nil
    }
  }

  /// Makes a symbolic link. It is not followed here; `target` was checked (SFT-9).
  public func makeLink(
    _ path: RelativePath, target: LinkTarget, modified: FileTime, existing: Existing = .refuse
  ) throws(FileError) {
    try withParent(path) { (parent, name) throws(FileError) in
      var result = symlinkat(target.text, parent, name)
      if result != 0, errno == EEXIST, existing == .replace {
        guard unlinkat(parent, name, 0) == 0 else { throw failure(path) }
        result = symlinkat(target.text, parent, name)
      }
      guard result == 0, utimensat(parent, name, Self.times(modified), AT_SYMLINK_NOFOLLOW) == 0 else {
        throw failure(path)
      }
    }
  }

  /// Gives a directory its final mode and time, after everything in it is there (SFT-13).
  public func settleDirectory(_ path: RelativePath, mode: UInt16, modified: FileTime) throws(FileError) {
    let descriptor = try openDirectory(path.parts)
    defer { close(descriptor) }
    // The time first: without write permission of one's own it could not be set.
    guard futimens(descriptor, Self.times(modified)) == 0 else { throw failure(path) }
    try Self.apply(mode, permitted: permitted, to: descriptor, title: "\(title)/\(path)")
  }

  /// Gives something in this directory its final name. Without `replace` a name that is taken is an error, and
  /// nothing is lost; with it a file gives way, a directory that is not empty does not.
  public func rename(_ name: FileName, to final: FileName, existing: Existing = .refuse) throws(FileError) {
    var status = stat()
    guard fstatat(descriptor, name.text, &status, AT_SYMLINK_NOFOLLOW) == 0 else { throw failure(name) }
    let isDirectory = status.st_mode & S_IFMT == S_IFDIR
    if existing == .replace {
      if isDirectory, unlinkat(descriptor, final.text, 0) != 0, ![ENOENT, EISDIR, EPERM].contains(errno) {
        throw failure(final)
      }
    } else if isDirectory {
      // An empty directory of our own takes the name; rename replaces an empty one only.
      guard mkdirat(descriptor, final.text, 0o700) == 0 else { throw failure(final) }
    } else if linkat(descriptor, name.text, descriptor, final.text, 0) == 0 {
      guard unlinkat(descriptor, name.text, 0) == 0 else { throw failure(name) }
      return
    } else {
      // File systems without links: look, then rename.
      let code = errno
      guard code == EPERM || code == EOPNOTSUPP else { throw .from("\(title)/\(final)", code: code) }
      guard fstatat(descriptor, final.text, &status, AT_SYMLINK_NOFOLLOW) != 0, errno == ENOENT else {
        throw .from("\(title)/\(final)", code: EEXIST)
      }
    }
    guard renameat(descriptor, name.text, descriptor, final.text) == 0 else { throw failure(final) }
  }
}

extension SafeDirectory {
  static var directoryFlags: Int32 { O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC }

  static func times(_ modified: FileTime) -> [timespec] {
    // For the time of the last access, too: it is not announced.
    let time = timespec(tv_sec: Int(modified.seconds), tv_nsec: Int(modified.nanoseconds))
    return [time, time]
  }

  /// Sets permission bits and looks whether they hold (SFT-8).
  static func apply(_ mode: UInt16, permitted: mode_t, to descriptor: Int32, title: String) throws(FileError)
  {
    let wanted = mode_t(mode) & permitted
    if fchmod(descriptor, wanted) != 0 {
      // On something of our own this means a file system without modes; what it grants, its mount says.
      guard errno == EPERM || errno == EOPNOTSUPP else { throw .from(title, code: errno) }
      return
    }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .from(title, code: errno) }
    guard status.st_mode & 0o7777 == wanted else {
      throw .content("\(title): the file system did not keep the mode")
    }
  }

  /// Opens a directory below this one, part by part; the caller closes it.
  private func openDirectory(_ parts: some Collection<FileName>) throws(FileError) -> Int32 {
    var current = openat(descriptor, ".", Self.directoryFlags)
    guard current >= 0 else { throw .from(title, code: errno) }
    for part in parts {
      let next = openat(current, part.text, Self.directoryFlags)
      let code = errno
      close(current)
      guard next >= 0 else { throw .from("\(title): \(part)", code: code) }
      current = next
    }
    return current
  }

  /// Calls `body` with the open directory that `path` lies in and the last part.
  private func withParent<Result>(
    _ path: RelativePath, _ body: (Int32, String) throws(FileError) -> Result
  ) throws(FileError) -> Result {
    let parts = path.parts
    guard parts.count > 1 else { return try body(descriptor, path.text) }
    let parent = try openDirectory(parts.dropLast())
    defer { close(parent) }
    return try body(parent, parts[parts.count - 1].text)
  }

  private func failure(_ path: some CustomStringConvertible) -> FileError {
    .from("\(title)/\(path)", code: errno)
  }
}
