import Glibc
import Wire

/// The directory where the processes of one user have their control sockets, for that user alone.
public struct ControlDirectory: Hashable, Sendable {
  /// Without a slash at the end.
  public let path: String

  private static let suffix = ".sock"
  private static let maximumNameLength = 64

  /// Where it is when nobody says otherwise: in the user's runtime directory, else in `/tmp`.
  ///
  /// A runtime directory that is another user's is passed over: `su` and `sudo` may leave its name in the environment.
  public static func defaultPath(
    runtimeDirectory: String? = getenv("XDG_RUNTIME_DIR").map { String(cString: $0) }
  ) -> String {
    if let runtimeDirectory, runtimeDirectory.hasPrefix("/") {
      var status = stat()
      if stat(runtimeDirectory, &status) == 0, status.st_uid == geteuid() {
        return runtimeDirectory + "/derptun"
      }
    }
    return "/tmp/derptun-\(geteuid())"
  }

  /// The name of a process that was given none.
  public static func defaultName(_ role: TunnelStatus.Role, pid: Int32 = getpid()) -> String {
    "\(role.rawValue)-\(pid)"
  }

  /// The directory at `path`, made if it is missing. What others could have prepared for us is refused.
  public static func prepared(at path: String) throws(ReactorError) -> ControlDirectory {
    if mkdir(path, 0o700) != 0, errno != EEXIST { throw .system(.last("make \(path)")) }
    guard let directory = try existing(at: path) else { throw .system(.last(path)) }
    return directory
  }

  /// The directory at `path`; nil when there is none. What others could have prepared for us is refused.
  public static func existing(at path: String) throws(ReactorError) -> ControlDirectory? {
    var status = stat()
    guard lstat(path, &status) == 0 else {
      guard errno == ENOENT else { throw .system(.last(path)) }
      return nil
    }
    guard status.st_mode & S_IFMT == S_IFDIR else { throw .unfit("\(path) is no directory") }
    guard status.st_uid == geteuid() else { throw .unfit("\(path) belongs to another user") }
    guard status.st_mode & 0o777 == 0o700 else {
      throw .unfit("\(path) has to be for its owner only (mode 0700)")
    }
    return ControlDirectory(path: path)
  }

  /// Where the control socket of that name is.
  public func socketPath(_ name: String) throws(ReactorError) -> String {
    guard Self.isName(name) else {
      throw .unfit(
        "no name for a control socket: 1 to \(Self.maximumNameLength) letters, digits, dots, hyphens and "
          + "underscores, the first a letter or digit")
    }
    let result = "\(path)/\(name)\(Self.suffix)"
    guard result.utf8.count <= UnixSocket.maximumPathLength else {
      throw .unfit("\(result) is too long for a socket")
    }
    return result
  }

  /// The names of the sockets that are there, sorted.
  public func names() -> [String] {
    guard let directory = opendir(path) else { return [] }
    defer { closedir(directory) }
    var names: [String] = []
    while let entry = readdir(directory) {
      let file = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      guard file.hasSuffix(Self.suffix), let path = try? socketPath(String(file.dropLast(Self.suffix.count)))
      else { continue }
      var status = stat()
      guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK else { continue }
      names.append(String(file.dropLast(Self.suffix.count)))
    }
    return names.sorted()
  }

  /// Removes the sockets that processes left behind. Without effect while somebody else is about to listen.
  public func removeAbandoned() {
    try? whileLocked(LOCK_EX | LOCK_NB) { () throws(ReactorError) in
      for name in names() {
        if let path = try? socketPath(name), UnixSocket.isAbandoned(path) { unlink(path) }
      }
    }
  }

  /// Runs `body` while nobody else does: between its name and its first `listen`, a socket looks abandoned.
  func whileLocked<Result>(
    _ operation: Int32 = LOCK_EX, _ body: () throws(ReactorError) -> Result
  ) throws(ReactorError) -> Result {
    let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard descriptor >= 0 else { throw .system(.last(path)) }
    defer { close(descriptor) }
    while flock(descriptor, operation) != 0 {
      guard errno == EINTR else { throw .system(.last("lock \(path)")) }
    }
    return try body()
  }

  private static func isName(_ name: String) -> Bool {
    guard (1...maximumNameLength).contains(name.utf8.count), let first = name.utf8.first,
      isAlphanumeric(first)
    else { return false }
    return name.utf8.allSatisfy {
      isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
    }
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
  }
}
