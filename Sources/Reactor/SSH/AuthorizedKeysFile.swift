import Glibc
import Wire

/// Why a key could not be written. One line for a person.
public struct AuthorizedKeysError: Error, CustomStringConvertible {
  public var description: String

  init(_ description: String) { self.description = description }

  static func last(_ what: String) -> AuthorizedKeysError {
    AuthorizedKeysError("\(what): \(SystemError.text(of: errno))")
  }
}

/// An account of this machine.
public struct Account: Sendable {
  public var name: String
  public var home: String
  public var user: uid_t
  public var group: gid_t

  /// The account of that name; nil when there is none.
  public static func named(_ name: String) -> Account? {
    guard let entry = getpwnam(name) else { return nil }
    return Account(entry.pointee)
  }

  /// The account that this process runs as; nil when the system does not know it.
  public static var current: Account? {
    guard let entry = getpwuid(geteuid()) else { return nil }
    return Account(entry.pointee)
  }

  private init(_ entry: passwd) {
    name = String(cString: entry.pw_name)
    home = String(cString: entry.pw_dir)
    user = entry.pw_uid
    group = entry.pw_gid
  }

  /// Gives up every right that this account does not have, for good.
  public func become() throws(AuthorizedKeysError) {
    guard geteuid() != user else { return }
    guard initgroups(name, group) == 0, setgid(group) == 0, setuid(user) == 0, geteuid() == user,
      getuid() == user
    else { throw .last("cannot act as \(printable(name))") }
  }
}

/// The authorized_keys file of the account that this process runs as.
///
/// Below the home directory everything is opened part by part, without following a link (AUK-3), and belongs to the
/// account (AUK-4). The new content appears in one step (AUK-6).
public struct AuthorizedKeysFile {
  /// Where it is.
  public let path: String
  private let base: String
  private let directory: String?
  private let name: String

  /// `~/.ssh/authorized_keys` of the account.
  public init(of account: Account) {
    base = account.home
    directory = ".ssh"
    name = "authorized_keys"
    path = "\(account.home)/.ssh/authorized_keys"
  }

  /// A file that the user named. Its directory must be there.
  public init(path: String) {
    self.path = path
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    name = String(parts.last ?? "")
    let folder = parts.dropLast().joined(separator: "/")
    base = parts.count == 1 ? "." : folder.isEmpty ? "/" : folder
    directory = nil
  }

  /// Adds a key; false when the file has it already.
  public func add(_ key: SSHPublicKey, _ options: AuthorizedKeyOptions) throws(AuthorizedKeysError) -> Bool {
    let folder = try openFolder()
    defer { close(folder) }
    // Two invitations at once must not lose one of their keys. Who waits here too long is ended by `KeyInstallation`.
    guard flock(folder, LOCK_EX) == 0 else { throw .last("cannot lock \(printable(path))") }
    guard let changed = AuthorizedKeys.adding(key, options, to: try content(in: folder)) else { return false }
    try replace(with: changed, in: folder)
    return true
  }

  private func openFolder() throws(AuthorizedKeysError) -> Int32 {
    let home = open(base, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard home >= 0 else { throw .last("cannot open \(printable(base))") }
    guard let directory else { return home }
    defer { close(home) }
    if mkdirat(home, directory, 0o700) != 0, errno != EEXIST {
      throw .last("cannot make \(printable(path))'s directory")
    }
    let folder = openat(home, directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard folder >= 0 else {
      let isLink = errno == ELOOP || errno == ENOTDIR
      throw isLink
        ? AuthorizedKeysError("\(directory) is no directory, or a link") : .last("cannot open \(directory)")
    }
    var status = stat()
    guard fstat(folder, &status) == 0, status.st_uid == geteuid() else {
      close(folder)
      throw AuthorizedKeysError("\(directory) belongs to somebody else")
    }
    guard fchmod(folder, 0o700) == 0 else {
      close(folder)
      throw .last("cannot set the mode of \(directory)")
    }
    return folder
  }

  private func content(in folder: Int32) throws(AuthorizedKeysError) -> [UInt8] {
    let file = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    if file < 0, errno == ENOENT { return [] }
    guard file >= 0 else {
      throw errno == ELOOP
        ? AuthorizedKeysError("\(printable(path)) is a link") : .last("cannot read \(printable(path))")
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink == 1 else {
      throw AuthorizedKeysError("\(printable(path)) is no ordinary file")
    }
    guard status.st_uid == geteuid() else {
      throw AuthorizedKeysError("\(printable(path)) belongs to somebody else")
    }
    // Also when nothing is added: sshd takes no file that others may write.
    guard fchmod(file, 0o600) == 0 else { throw .last("cannot set the mode of \(printable(path))") }
    guard status.st_size <= AuthorizedKeys.longestFile else {
      throw AuthorizedKeysError("\(printable(path)) is too large")
    }
    var bytes = [UInt8](repeating: 0, count: AuthorizedKeys.longestFile + 1)
    var count = 0
    while count < bytes.count {
      let more = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress! + count, $0.count - count) }
      if more < 0, errno == EINTR { continue }
      guard more >= 0 else { throw .last("cannot read \(printable(path))") }
      if more == 0 { return Array(bytes[..<count]) }
      count += more
    }
    throw AuthorizedKeysError("\(printable(path)) is too large")
  }

  private func replace(with content: [UInt8], in folder: Int32) throws(AuthorizedKeysError) {
    let temporary = ".\(name).derphole-\(getpid())"
    unlinkat(folder, temporary, 0)
    let file = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw .last("cannot write beside \(printable(path))") }
    defer { close(file) }
    do throws(AuthorizedKeysError) {
      var rest = content[...]
      while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw AuthorizedKeysError.last("cannot write beside \(printable(path))") }
        rest = rest.dropFirst(count)
      }
      // The umask has no say.
      guard fchmod(file, 0o600) == 0, fsync(file) == 0, renameat(folder, temporary, folder, name) == 0 else {
        throw AuthorizedKeysError.last("cannot replace \(printable(path))")
      }
    } catch {
      unlinkat(folder, temporary, 0)
      throw error
    }
    fsync(folder)
  }
}
