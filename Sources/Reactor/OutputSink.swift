import Glibc

/// Bytes to a file, pipe, terminal or socket, such as standard output, written on the loop.
public final class OutputSink {
  private let access: FileAccess
  private var watcher: IOWatcher?
  private var isOpen = true
  private let ownsOriginal: Bool
  private let original: Int32

  /// Whether `writable` is called while there is room.
  public var wantsWrite: Bool {
    get { watcher?.interest == .writable }
    set { watcher?.interest = newValue ? .writable : [] }
  }

  /// Uses an open descriptor, which stays the caller's; its flags are not changed.
  public convenience init(
    _ loop: EventLoop, descriptor: Int32, name: String, writable: @escaping () -> Void
  ) throws(FileError) {
    try self.init(loop, descriptor, name, owned: false, writable)
  }

  /// Opens a file for writing; a missing one is made with `mode` (less the umask), an existing one emptied.
  public convenience init(
    _ loop: EventLoop, path: String, mode: mode_t = 0o666, writable: @escaping () -> Void
  ) throws(FileError) {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, mode)
    guard descriptor >= 0 else { throw .from(path, code: errno) }
    do throws(FileError) {
      try self.init(loop, descriptor, path, owned: true, writable)
    } catch {
      Glibc.close(descriptor)
      throw error
    }
  }

  /// `folder` is where shared descriptions are opened anew; not everywhere can they be.
  init(
    _ loop: EventLoop, _ descriptor: Int32, _ name: String, owned: Bool,
    folder: String = FileAccess.descriptorFolder, _ writable: @escaping () -> Void
  ) throws(FileError) {
    access = try FileAccess(descriptor, access: O_WRONLY, name: name, folder: folder)
    original = descriptor
    ownsOriginal = owned
    watcher = loop.watch(access.descriptor) { _ in writable() }
  }

  deinit { try? close() }

  /// Writes as much as goes now and says how much that was; 0 when it would block.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    guard isOpen else { throw .from(access.name, code: EBADF) }
    var written = 0
    while written < bytes.count {
      guard access.isReady(POLLOUT) else { return written }
      var step = bytes.count - written
      if access.mode == .polled { step = min(step, FileAccess.atomicStep) }
      let start = bytes.baseAddress.map { $0 + written }
      let count =
        access.mode == .socket
        ? send(access.descriptor, start, step, Int32(MSG_DONTWAIT | MSG_NOSIGNAL))
        : Glibc.write(access.descriptor, start, step)
      if count >= 0 {
        written += count
      } else if errno == EAGAIN {
        return written
      } else if errno != EINTR {
        let code = errno
        // What went before counts; the error comes again with the next call.
        if written > 0 { return written }
        throw .from(access.name, code: code)
      }
    }
    return written
  }

  /// Ends the output: closes what was opened here and reports what only closing shows (a full disk or quota
  /// on a network file system). Standard output itself stays open until the process ends.
  public func close() throws(FileError) {
    guard isOpen else { return }
    isOpen = false
    watcher?.cancel()
    access.close()
    if ownsOriginal, Glibc.close(original) != 0 { throw .from(access.name, code: errno) }
  }
}
