import CArchive
import Glibc
import Wire

/// Takes an archive's bytes piece by piece.
protocol ArchiveOutput: AnyObject {
  /// Takes all of `bytes`. May wait.
  func put(_ bytes: UnsafeRawBufferPointer) throws(FileError)
}

/// Writes items of a tree as a tar archive, in the plainest form that holds their names (ustar, else pax).
struct TarArchive {
  /// What one read of a file asks for.
  private static let step = 1 << 18

  let tree: SourceTree
  /// The places in `tree.items` of those to write, rising.
  let wanted: [Int]
  let progress: FileProgress

  /// Writes everything; a source that changed meanwhile is an error (SFT-15).
  func write(to output: some ArchiveOutput) throws(FileError) {
    guard let archive = archive_write_new(), let header = archive_entry_new() else {
      throw .system(SystemError("tar", code: ENOMEM))
    }
    defer {
      archive_write_free(archive)
      archive_entry_free(header)
    }
    let sink = ArchiveSink(output)
    // BINARY: names travel as the bytes they are. The library would turn them into another form of Unicode.
    let isOpen =
      archive_write_set_format_pax_restricted(archive) == ARCHIVE_OK
      && archive_write_set_format_option(archive, "pax", "hdrcharset", "BINARY") == ARCHIVE_OK
      && archive_write_set_bytes_per_block(archive, Int32(Self.step)) == ARCHIVE_OK
      && archive_write_set_bytes_in_last_block(archive, 1) == ARCHIVE_OK
      && archive_write_open(
        archive, Unmanaged.passUnretained(sink).toOpaque(), nil,
        { _, context, bytes, count in
          guard let context, let bytes else { return -1 }
          return Unmanaged<ArchiveSink>.fromOpaque(context).takeUnretainedValue()
            .take(UnsafeRawBufferPointer(start: bytes, count: count))
        }, nil) == ARCHIVE_OK
    guard isOpen else { throw .content("the archive cannot be made") }
    do throws(FileError) {
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.step, alignment: 16)
      defer { buffer.deallocate() }
      for index in wanted { try write(tree.items[index], archive, header, sink, buffer) }
      try require(archive_write_close(archive) == ARCHIVE_OK, archive, sink)
    } catch {
      // What is not complete must not look as if it were: the library would write the end when it is freed.
      archive_write_fail(archive)
      throw error
    }
    withExtendedLifetime(sink) {}
  }

  private func write(
    _ item: SourceTree.Item, _ archive: OpaquePointer, _ header: OpaquePointer, _ sink: ArchiveSink,
    _ buffer: UnsafeMutableRawBufferPointer
  ) throws(FileError) {
    let entry = item.entry
    archive_entry_clear(header)
    archive_entry_set_pathname(header, entry.path.text)
    archive_entry_set_perm(header, mode_t(entry.mode))
    archive_entry_set_mtime(header, Int(entry.modified.seconds), 0)
    archive_entry_set_size(header, Int64(entry.size))
    switch entry.kind {
    case .directory: archive_entry_set_filetype(header, S_IFDIR as mode_t)
    case .file: archive_entry_set_filetype(header, S_IFREG as mode_t)
    case .link(let target):
      archive_entry_set_filetype(header, S_IFLNK as mode_t)
      archive_entry_set_symlink(header, target.text)
    }
    if progress.isCancelled { throw .content("cancelled") }
    // Opened first: a header whose file is gone would only have to be regretted.
    let descriptor = entry.kind == .file ? try tree.open(item) : -1
    defer { if descriptor >= 0 { close(descriptor) } }
    try require(archive_write_header(archive, header) == ARCHIVE_OK, archive, sink)
    if descriptor >= 0 {
      var rest = entry.size
      while rest > 0 {
        if progress.isCancelled { throw .content("cancelled") }
        let count = read(descriptor, buffer.baseAddress, Int(min(UInt64(buffer.count), rest)))
        if count < 0, errno == EINTR { continue }
        guard count >= 0 else { throw .from(entry.path.text, code: errno) }
        guard count > 0 else { throw .content("\(entry.path) changed while it was read") }
        try require(archive_write_data(archive, buffer.baseAddress, count) == count, archive, sink)
        rest -= UInt64(count)
        progress.add(bytes: count)
      }
      try tree.confirm(descriptor, item)
    }
    progress.addEntry()
  }

  private func require(_ isDone: Bool, _ archive: OpaquePointer, _ sink: ArchiveSink) throws(FileError) {
    guard !isDone else { return }
    throw sink.failure ?? .content("the archive cannot be made")
  }
}

/// Stands between the library's callback and the output.
private final class ArchiveSink {
  private let output: any ArchiveOutput
  private(set) var failure: FileError?

  init(_ output: any ArchiveOutput) { self.output = output }

  func take(_ bytes: UnsafeRawBufferPointer) -> Int {
    do throws(FileError) {
      try output.put(bytes)
      return bytes.count
    } catch {
      failure = error
      return -1
    }
  }
}
