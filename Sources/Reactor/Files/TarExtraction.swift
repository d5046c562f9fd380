import CArchive
import Glibc
import Wire

/// Gives an archive's bytes piece by piece.
protocol ArchiveInput: AnyObject {
  /// The next piece, valid until the next call; empty at the end. May wait.
  func next() throws(FileError) -> UnsafeRawBufferPointer
}

/// Reads a tar archive and holds every entry against what was announced (SFT-7, SFT-10, SFT-14).
///
/// The archive decides nothing: names, kinds, sizes, modes, times and targets are those of the list, and an archive
/// that says otherwise is refused.
struct TarExtraction {
  /// More padding than this behind the end is none.
  private static let mostPadding = 1 << 20

  let entries: [TreeEntry]
  /// The places in `entries` of those that the archive holds, rising.
  let wanted: [Int]
  let target: any ExtractionTarget
  let progress: FileProgress

  /// Reads all of `input` and makes what it holds; returns when everything is in place.
  func run(_ input: some ArchiveInput) throws(FileError) {
    guard let archive = archive_read_new() else { throw .system(SystemError("tar", code: ENOMEM)) }
    defer { archive_read_free(archive) }
    let source = ArchiveSource(input)
    let isOpen =
      archive_read_support_format_tar(archive) == ARCHIVE_OK
      && archive_read_open(
        archive, Unmanaged.passUnretained(source).toOpaque(), nil,
        { _, context, place in
          guard let context, let place else { return -1 }
          return Unmanaged<ArchiveSource>.fromOpaque(context).takeUnretainedValue().deliver(place)
        }, nil) == ARCHIVE_OK
    guard isOpen else { throw source.failure ?? .content("the archive is damaged") }
    try readEntries(archive, source)
    try source.checkPadding(consumed: archive_filter_bytes(archive, -1), most: Self.mostPadding)
    // Links last, so that no file can go through one (SFT-9); then directories, the deepest first (SFT-13).
    for index in wanted {
      if case .link(let link) = entries[index].kind { try target.makeLink(entries[index], to: link) }
    }
    for entry in entries.reversed() where entry.kind == .directory {
      try target.settleDirectory(entry)
    }
    withExtendedLifetime(source) {}
  }

  private func readEntries(_ archive: OpaquePointer, _ source: ArchiveSource) throws(FileError) {
    for index in wanted {
      var header: OpaquePointer?
      let result = archive_read_next_header(archive, &header)
      if result == ARCHIVE_EOF { throw source.failure ?? .content("the archive ends too early") }
      guard result == ARCHIVE_OK, let header else {
        throw source.failure ?? .content("the archive is damaged")
      }
      let entry = entries[index]
      guard agrees(header, with: entry) else {
        throw .content("the archive holds something that was not announced")
      }
      switch entry.kind {
      case .directory: try target.makeDirectory(entry)
      case .file: try readFile(entry, archive, source)
      case .link: break
      }
      progress.addEntry()
    }
    var header: OpaquePointer?
    switch archive_read_next_header(archive, &header) {
    case ARCHIVE_EOF: if let failure = source.failure { throw failure }
    case ARCHIVE_OK, ARCHIVE_WARN: throw .content("the archive holds something that was not announced")
    default: throw source.failure ?? .content("the archive is damaged")
    }
  }

  private func readFile(
    _ entry: TreeEntry, _ archive: OpaquePointer, _ source: ArchiveSource
  ) throws(FileError) {
    try target.beginFile(entry)
    var size: UInt64 = 0
    while true {
      var start: UnsafeRawPointer?
      var count = 0
      var offset: la_int64_t = 0
      let result = archive_read_data_block(archive, &start, &count, &offset)
      if result == ARCHIVE_EOF { break }
      guard result == ARCHIVE_OK else { throw source.failure ?? .content("the archive is damaged") }
      // A gap would be a hole, which sparse files have and which was not announced.
      guard offset == Int64(size), UInt64(count) <= entry.size - size else {
        throw .content("the archive holds a file that is not as announced")
      }
      try target.append(UnsafeRawBufferPointer(start: start, count: count))
      size += UInt64(count)
      progress.add(bytes: count)
    }
    guard size == entry.size else { throw .content("the archive holds a file that is not as announced") }
    try target.endFile(entry)
  }

  /// Whether a header announces exactly this entry.
  private func agrees(_ header: OpaquePointer, with entry: TreeEntry) -> Bool {
    guard archive_entry_hardlink(header) == nil, archive_entry_sparse_count(header) == 0,
      let path = archive_entry_pathname(header)
    else { return false }
    let type = archive_entry_filetype(header)
    switch entry.kind {
    case .directory:
      return type == S_IFDIR && (equal(path, entry.path.text + "/") || equal(path, entry.path.text))
    case .file:
      return type == S_IFREG && equal(path, entry.path.text) && archive_entry_size_is_set(header) != 0
        && archive_entry_size(header) == Int64(entry.size)
    case .link(let target):
      guard let link = archive_entry_symlink(header) else { return false }
      return type == S_IFLNK && equal(path, entry.path.text) && equal(link, target.text)
        && archive_entry_size(header) == 0
    }
  }

  private func equal(_ bytes: UnsafePointer<CChar>, _ text: String) -> Bool { strcmp(bytes, text) == 0 }
}

/// Stands between the library's callback and the input.
private final class ArchiveSource {
  private let input: any ArchiveInput
  private var last = UnsafeRawBufferPointer(start: nil, count: 0)
  private var delivered: Int64 = 0
  private var isAtEnd = false
  /// Why the input gave up; the library's own error would only say that it did.
  private(set) var failure: FileError?

  init(_ input: any ArchiveInput) { self.input = input }

  func deliver(_ place: UnsafeMutablePointer<UnsafeRawPointer?>) -> Int {
    do throws(FileError) {
      let piece = try next()
      place.pointee = piece.baseAddress
      return piece.count
    } catch {
      failure = error
      return -1
    }
  }

  private func next() throws(FileError) -> UnsafeRawBufferPointer {
    if isAtEnd { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let piece = try input.next()
    delivered += Int64(piece.count)
    isAtEnd = piece.isEmpty
    if !isAtEnd { last = piece }
    return piece
  }

  /// Reads to the end. Behind the archive stand zeros only: what the library read ahead, which is at the end of the
  /// last piece, and what follows.
  func checkPadding(consumed: Int64, most: Int) throws(FileError) {
    var count = Int(delivered - consumed)
    guard count <= last.count else { throw .content("the archive is damaged") }
    var piece = UnsafeRawBufferPointer(rebasing: last.suffix(count))
    while true {
      guard count <= most, piece.allSatisfy({ $0 == 0 }) else {
        throw .content("the archive holds something that was not announced")
      }
      piece = try next()
      if piece.isEmpty { return }
      count += piece.count
    }
  }
}
