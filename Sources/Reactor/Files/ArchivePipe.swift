import Glibc
import Synchronization

/// A pipe between the loop and a thread that works with an archive: the loop's end never blocks, the thread's does.
struct ArchivePipe {
  let reading: PipeEnd
  let writing: PipeEnd
  /// As much as an unprivileged process may have by default (/proc/sys/fs/pipe-max-size).
  private static let size: Int32 = 1 << 20
  // <fcntl.h> shows it only to GNU sources.
  private static let setPipeSize: Int32 = 1_031

  init() throws(FileError) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { throw .from("pipe", code: errno) }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    _ = fcntl(ends[0], Self.setPipeSize, Self.size)
    (reading, writing) = (PipeEnd(ends[0]), PipeEnd(ends[1]))
  }
}

/// An end of a pipe. Closed when nobody has it any more, at the latest: a job that never ran leaves none open.
final class PipeEnd: Sendable {
  let descriptor: Int32
  private let isClosed = Atomic<Bool>(false)

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  deinit { close() }

  func close() {
    if !isClosed.exchange(true, ordering: .relaxed) { _ = Glibc.close(descriptor) }
  }
}

/// The thread's end of a pipe that an archive is read from.
final class PipeInput: ArchiveInput {
  private let end: PipeEnd
  private let progress: FileProgress
  private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)

  init(_ end: PipeEnd, _ progress: FileProgress) {
    self.end = end
    self.progress = progress
  }

  deinit { buffer.deallocate() }

  func next() throws(FileError) -> UnsafeRawBufferPointer {
    while true {
      let count = read(end.descriptor, buffer.baseAddress, buffer.count)
      if progress.isCancelled { throw .content("cancelled") }
      if count >= 0 { return UnsafeRawBufferPointer(rebasing: buffer[..<count]) }
      guard errno == EINTR else { throw .from("pipe", code: errno) }
    }
  }
}

/// The thread's end of a pipe that an archive is written to.
final class PipeOutput: ArchiveOutput {
  private let end: PipeEnd
  private let progress: FileProgress

  init(_ end: PipeEnd, _ progress: FileProgress) {
    self.end = end
    self.progress = progress
  }

  func put(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes
    while let start = rest.baseAddress, !rest.isEmpty {
      let count = write(end.descriptor, start, rest.count)
      if progress.isCancelled { throw .content("cancelled") }
      if count < 0 {
        guard errno == EINTR else { throw .from("pipe", code: errno) }
        continue
      }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }
}
