import Glibc
import Wire

/// Reads the files of a tree on a thread of its own and gives them to the loop as a tar archive.
///
/// At most a pipe of bytes is under way. Dropping it stops the thread at its next step.
public final class TarStreamWriter: PayloadSource {
  /// What the thread has done.
  public let progress = FileProgress()
  public var readable: () -> Void = {}
  public var wantsRead = false { didSet { updateInterest() } }
  private let thread: HelperThread<Result<Void, FileError>>
  private let end: PipeEnd
  private var watcher: IOWatcher?
  private var result: Result<Void, FileError>?
  /// Whether the thread has closed its end, so that only its result is missing.
  private var isDrained = false

  /// Starts to read. `wanted` are the places in `tree.items` of what the archive is to hold, rising.
  public init(_ loop: EventLoop, _ tree: SourceTree, wanted: [Int]) throws(FileError) {
    thread = try helperThread(loop)
    let pipe = try ArchivePipe()
    end = pipe.reading
    Socket.setNonBlocking(end.descriptor)
    let archive = TarArchive(tree: tree, wanted: wanted, progress: progress)
    let isStarted = thread.submit { [writing = pipe.writing] in
      let output = PipeOutput(writing, archive.progress)
      defer { writing.close() }
      return Result { () throws(FileError) in try archive.write(to: output) }
    } finished: { [weak self] result in
      self?.finished(result)
    }
    guard isStarted else { throw .from("thread", code: EAGAIN) }
    watcher = loop.watch(end.descriptor) { [weak self] _ in self?.readable() }
  }

  deinit {
    progress.cancel()
    watcher?.cancel()
    end.close()
  }

  /// The next bytes of the archive. Its end is told only when every file was found unchanged.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> ReadResult {
    if !isDrained {
      while true {
        let count = Glibc.read(end.descriptor, buffer.baseAddress, buffer.count)
        if count > 0 { return .bytes(count) }
        if count == 0 { break }
        if errno == EINTR { continue }
        guard errno == EAGAIN else { throw .from("pipe", code: errno) }
        return .wouldBlock
      }
      isDrained = true
      updateInterest()
    }
    guard let result else { return .wouldBlock }
    try result.get()
    return .end
  }

  private func finished(_ result: Result<Void, FileError>) {
    self.result = result
    if wantsRead { readable() }
  }

  private func updateInterest() {
    watcher?.interest = wantsRead && !isDrained ? .readable : []
  }
}

/// A thread for one job.
func helperThread(_ loop: EventLoop) throws(FileError) -> HelperThread<Result<Void, FileError>> {
  do throws(SystemError) {
    return try HelperThread(loop, capacity: 1)
  } catch {
    throw .system(error)
  }
}
