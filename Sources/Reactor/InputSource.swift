import Glibc

/// Bytes from a file, pipe, terminal or socket, such as standard input, read on the loop.
public final class InputSource: PayloadSource {
  private let access: FileAccess
  private var watcher: IOWatcher?
  private var isOpen = true
  private let ownsOriginal: Bool
  private let original: Int32

  /// Is called while there is something to read, if that is wanted.
  public var readable: () -> Void

  /// The size of a regular file in bytes as it was when opened; nil for anything else.
  public let size: Int64?

  /// Whether `readable` is called while there is something to read (the end and errors included).
  public var wantsRead: Bool {
    get { watcher?.interest == .readable }
    set { watcher?.interest = newValue ? .readable : [] }
  }

  /// Uses an open descriptor, which stays the caller's; its flags are not changed.
  public convenience init(
    _ loop: EventLoop, descriptor: Int32, name: String, readable: @escaping () -> Void = {}
  ) throws(FileError) {
    try self.init(loop, descriptor, name, owned: false, readable)
  }

  /// Opens a file for reading.
  public convenience init(_ loop: EventLoop, path: String, readable: @escaping () -> Void) throws(FileError) {
    // Without O_NONBLOCK opening a FIFO would wait for its writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
    guard descriptor >= 0 else { throw .from(path, code: errno) }
    do throws(FileError) {
      try self.init(loop, descriptor, path, owned: true, readable)
    } catch {
      Glibc.close(descriptor)
      throw error
    }
  }

  /// `folder` is where shared descriptions are opened anew; not everywhere can they be.
  init(
    _ loop: EventLoop, _ descriptor: Int32, _ name: String, owned: Bool,
    folder: String = FileAccess.descriptorFolder, _ readable: @escaping () -> Void
  ) throws(FileError) {
    access = try FileAccess(descriptor, access: O_RDONLY, name: name, folder: folder)
    original = descriptor
    ownsOriginal = owned
    var status = stat()
    fstat(descriptor, &status)
    size = status.st_mode & S_IFMT == S_IFREG ? Int64(status.st_size) : nil
    self.readable = readable
    watcher = loop.watch(access.descriptor) { [unowned self] _ in self.readable() }
  }

  deinit { close() }

  /// Reads what is there, up to the buffer's size; 256 KiB and more make good steps.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> ReadResult {
    guard isOpen else { throw .from(access.name, code: EBADF) }
    guard access.isReady(POLLIN), !buffer.isEmpty else { return .wouldBlock }
    while true {
      let count =
        access.mode == .socket
        ? recv(access.descriptor, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
        : Glibc.read(access.descriptor, buffer.baseAddress, buffer.count)
      if count > 0 { return .bytes(count) }
      if count == 0 { return .end }
      switch errno {
      case EINTR: continue
      case EAGAIN: return .wouldBlock
      // A terminal whose other side is gone.
      case EIO where isatty(access.descriptor) == 1: return .end
      case let code: throw .from(access.name, code: code)
      }
    }
  }

  /// Stops reading for good.
  public func close() {
    guard isOpen else { return }
    isOpen = false
    watcher?.cancel()
    access.close()
    if ownsOriginal { Glibc.close(original) }
  }
}
