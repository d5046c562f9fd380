import Glibc

/// Tells whoever started the process that it is ready: by a descriptor, and as systemd wants it (sd_notify(3)).
public final class Readiness {
  private var descriptor: Int32?
  private let notifications: Notifications?

  private static let word = Array("ready\n".utf8)

  /// Checks what was given, so that a mistake shows at the start. To be made before anything opens a descriptor of its
  /// own, the event loop included: then only one that was inherited is taken.
  ///
  /// - Parameters:
  ///   - descriptor: gets the line `ready` and is closed then; nil for none.
  ///   - notifySocket: the value of NOTIFY_SOCKET.
  public init(
    descriptor: Int32?, notifySocket: String? = getenv("NOTIFY_SOCKET").map { String(cString: $0) }
  ) throws(ReactorError) {
    if let descriptor { try Self.check(descriptor) }
    notifications = try notifySocket.flatMap { $0.isEmpty ? nil : $0 }.map(Notifications.init)
    self.descriptor = descriptor
    // No child should hold the other end up.
    if let descriptor { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
  }

  deinit {
    if let descriptor { close(descriptor) }
  }

  /// Says that the process is ready; once, whatever is called how often.
  public func ready() {
    guard !isReady else { return }
    isReady = true
    notifications?.send("READY=1")
    guard let descriptor else { return }
    self.descriptor = nil
    // The description is not ours to make non-blocking. A pipe that says it has room takes so few bytes at once.
    var poller = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    if poll(&poller, 1, 0) == 1 { _ = write(descriptor, Self.word, Self.word.count) }
    close(descriptor)
  }

  /// Says that the process is about to end; only the service manager is told.
  public func stopping() { notifications?.send("STOPPING=1") }

  private var isReady = false

  private static func check(_ descriptor: Int32) throws(ReactorError) {
    guard descriptor > STDERR_FILENO else {
      throw .unfit("the ready descriptor is to be 3 or more, not \(descriptor)")
    }
    let flags = fcntl(descriptor, F_GETFL)
    guard flags >= 0 else { throw .unfit("the ready descriptor \(descriptor) is not open") }
    guard flags & O_ACCMODE != O_RDONLY else {
      throw .unfit("the ready descriptor \(descriptor) is not open for writing")
    }
  }
}

/// The service manager's socket.
private struct Notifications {
  private let address: [UInt8]

  init(_ text: String) throws(ReactorError) {
    let name = Array(text.utf8)
    guard let first = name.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"), name.count > 1,
      name.count <= UnixSocket.maximumPathLength
    else { throw .unfit("NOTIFY_SOCKET is neither an absolute path nor an abstract socket") }
    // Of an abstract name (unix(7)) every byte counts, so the address has to end where the name does.
    address = first == UInt8(ascii: "@") ? [0] + name.dropFirst() : name + [0]
  }

  /// Best effort, and never waits: a manager that does not listen is no reason to fail.
  func send(_ text: String) {
    let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return }
    defer { close(descriptor) }
    var storage = sockaddr_un()
    storage.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &storage.sun_path) { $0.copyBytes(from: address) }
    let length = MemoryLayout<sockaddr_un>.offset(of: \.sun_path).map { socklen_t($0 + address.count) }
    guard let length else { return }
    let message = Array(text.utf8)
    _ = withUnsafePointer(to: &storage) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        sendto(
          descriptor, message, message.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL), $0, length)
      }
    }
  }
}
