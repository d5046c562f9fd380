import CSockets
import Glibc

/// Unix stream sockets with a name in the file system.
enum UnixSocket {
  /// The longest path in bytes: `sockaddr_un` wants a zero behind it.
  static let maximumPathLength = MemoryLayout.size(ofValue: sockaddr_un().sun_path) - 1

  /// A new non-blocking socket.
  static func make() throws(ReactorError) -> Int32 {
    let flags = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
    let descriptor = socket(AF_UNIX, flags, 0)
    guard descriptor >= 0 else { throw .system(.last("socket")) }
    return descriptor
  }

  static func withAddress<R>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix(maximumPathLength)) }
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
  }

  /// A socket that listens at `path`, for its owner only. What is there is left alone, unless it is a socket at which
  /// nobody listens any more.
  static func listening(at path: String) throws(ReactorError) -> Int32 {
    let descriptor = try make()
    do throws(ReactorError) {
      // The file gets the mode of the socket, less the umask, and so has it from the first moment on.
      guard fchmod(descriptor, 0o600) == 0 else { throw ReactorError.system(.last("fchmod unix:\(path)")) }
      var status = withAddress(path) { bind(descriptor, $0, $1) }
      if status != 0, errno == EADDRINUSE, isAbandoned(path) {
        unlink(path)
        status = withAddress(path) { bind(descriptor, $0, $1) }
      }
      guard status == 0 else { throw ReactorError.system(.last("bind unix:\(path)")) }
      guard listen(descriptor, SOMAXCONN) == 0 else {
        throw ReactorError.system(.last("listen on unix:\(path)"))
      }
      return descriptor
    } catch {
      close(descriptor)
      throw error
    }
  }

  /// Which file is at `path`; nil for none.
  static func identity(of path: String) -> FileIdentity? {
    var status = stat()
    return lstat(path, &status) == 0 ? FileIdentity(device: status.st_dev, number: status.st_ino) : nil
  }

  /// What tells a file from another one that has taken its name.
  struct FileIdentity: Equatable {
    var device: dev_t
    var number: ino_t
  }

  /// Whether the process at the other end of a connected socket is our user's, or root's.
  static func isPeerTrusted(_ descriptor: Int32) -> Bool {
    let user = derphole_peer_user(descriptor)
    return user == 0 || user == Int64(geteuid())
  }

  /// Whether a socket is there that nobody listens at.
  static func isAbandoned(_ path: String) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK, let probe = try? make() else {
      return false
    }
    defer { close(probe) }
    return withAddress(path) { connect(probe, $0, $1) } != 0 && errno == ECONNREFUSED
  }
}
