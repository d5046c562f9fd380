import Glibc
import Wire

/// Takes a tar archive from the loop and extracts it on a thread of its own.
///
/// At most a pipe of bytes is under way. Dropping it stops the thread at its next step; what was extracted stays.
public final class TarStreamReader: PayloadOutput {
  /// What the thread has done.
  public let progress = FileProgress()
  public var writable: () -> Void = {}
  public var wantsWrite = false {
    didSet { watcher?.interest = wantsWrite && result == nil ? .writable : [] }
  }
  public var placementStart: UInt64? { nil }
  /// Is called once when extraction fails, unless `finish` reports it.
  public var failed: (FileError) -> Void = { _ in }
  private let thread: HelperThread<Result<Void, FileError>>
  private var end: PipeEnd?
  private var watcher: IOWatcher?
  private var result: Result<Void, FileError>?
  private var done: ((Result<Void, FileError>) -> Void)?

  /// Starts to extract below `directory`.
  ///
  /// - Parameters:
  ///   - entries: What was announced, all of it; held against `TreeCheck` before.
  ///   - wanted: The places in `entries` of those that the archive holds, rising. The others are there already.
  public init(
    _ loop: EventLoop, into directory: SafeDirectory, existing: SafeDirectory.Existing, entries: [TreeEntry],
    wanted: [Int]
  ) throws(FileError) {
    thread = try helperThread(loop)
    let pipe = try ArchivePipe()
    end = pipe.writing
    Socket.setNonBlocking(pipe.writing.descriptor)
    let isStarted = thread.submit { [progress, reading = pipe.reading] in
      defer { reading.close() }
      let extraction = TarExtraction(
        entries: entries, wanted: wanted,
        target: DirectoryExtraction(into: directory, existing: existing), progress: progress)
      return Result { () throws(FileError) in try extraction.run(PipeInput(reading, progress)) }
    } finished: { [weak self] result in
      self?.finished(result)
    }
    guard isStarted else { throw .from("thread", code: EAGAIN) }
    watcher = loop.watch(pipe.writing.descriptor) { [weak self] _ in self?.writable() }
  }

  deinit {
    progress.cancel()
    closePipe()
  }

  public func write(_ bytes: UnsafeRawBufferPointer) throws(FileError) -> Int {
    if case .failure(let error) = result { throw error }
    guard let end, let start = bytes.baseAddress, !bytes.isEmpty else { return 0 }
    while true {
      let count = Glibc.write(end.descriptor, start, bytes.count)
      if count >= 0 { return count }
      switch errno {
      case EINTR: continue
      case EAGAIN: return 0
      case EPIPE:
        // The thread gave up; why, its result is about to tell.
        watcher?.interest = []
        return 0
      default: throw .from("pipe", code: errno)
      }
    }
  }

  /// Bytes of an archive come in order only.
  public func place(_ bytes: UnsafeRawBufferPointer, at offset: UInt64) throws(FileError) -> Bool { false }

  /// Lets the thread read to the end and make links and the final modes; then calls `done`.
  public func finish(_ done: @escaping (Result<Void, FileError>) -> Void) {
    closePipe()
    if let result {
      done(result)
    } else {
      self.done = done
    }
  }

  private func finished(_ result: Result<Void, FileError>) {
    self.result = result
    watcher?.interest = []
    if let done {
      self.done = nil
      done(result)
    } else if case .failure(let error) = result {
      failed(error)
      if wantsWrite { writable() }
    }
  }

  private func closePipe() {
    watcher?.cancel()
    watcher = nil
    end?.close()
    end = nil
  }
}
