import Glibc
import Wire

/// A file that was just made and is written from beginning to end.
public final class NewFile {
  public let descriptor: Int32
  private let title: String
  private let permitted: mode_t
  /// How many bytes were written.
  public private(set) var size: UInt64 = 0

  init(owning descriptor: Int32, title: String, permitted: mode_t) {
    self.descriptor = descriptor
    self.title = title
    self.permitted = permitted
  }

  deinit { close(descriptor) }

  /// Writes all of `bytes`; may wait for the disk.
  public func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    var rest = bytes
    while let start = rest.baseAddress, !rest.isEmpty {
      let count = write(descriptor, start, rest.count)
      if count < 0 {
        guard errno == EINTR else { throw .from(title, code: errno) }
        continue
      }
      size += UInt64(count)
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }

  /// Gives the file its final mode and time, and looks whether it is what it should be (SFT-8).
  public func finish(mode: UInt16, modified: FileTime) throws(FileError) {
    guard futimens(descriptor, SafeDirectory.times(modified)) == 0 else { throw .from(title, code: errno) }
    try SafeDirectory.apply(mode, permitted: permitted, to: descriptor, title: title)
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .from(title, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG, UInt64(status.st_size) == size else {
      throw .content("\(title): somebody else changed it")
    }
  }
}
