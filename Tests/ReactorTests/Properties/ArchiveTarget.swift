import Wire

@testable import Reactor

/// What reads archives, and what must hold for every input. The fuzzer and the unit tests share these.
enum ArchiveTarget: String, CaseIterable, Sendable {
  case tar = "tar"

  /// What an input breaks; nil when all holds.
  ///
  /// The first byte is a flag: when it is odd, the checksums of the headers are put right, so that damage behind
  /// them is reached.
  func violation(_ input: UnsafeRawBufferPointer) -> String? {
    guard let flags = input.first, let entries = Self.announced else { return nil }
    var archive = Array(input.dropFirst())
    if flags & 1 == 1 { Self.repairChecksums(&archive) }
    let recorder = Recorder(entries)
    let extraction = TarExtraction(
      entries: entries, wanted: Array(entries.indices), target: recorder, progress: FileProgress())
    let isWhole = (try? extraction.run(PiecewiseInput(archive))) != nil
    if let violation = recorder.violation { return violation }
    return isWhole && recorder.made != entries.count ? "an end before everything was made" : nil
  }

  /// What `fuzz/make-seeds.py` puts into its archives.
  private static let announced: [TreeEntry]? = {
    func entry(_ path: String, _ kind: TreeEntry.Kind, _ size: UInt64) -> TreeEntry? {
      guard let path = try? RelativePath(Array(path.utf8)) else { return nil }
      return TreeEntry(
        path: path, kind: kind, size: size, mode: 0o644, modified: FileTime(seconds: 0, nanoseconds: 0))
    }
    guard let place = try? RelativePath(Array("d/l".utf8)),
      let target = try? LinkTarget(Array("f".utf8), of: place),
      let directory = entry("d", .directory, 0), let file = entry("d/f", .file, 3),
      let link = entry("d/l", .link(target), 0), let other = entry("e", .file, 600)
    else { return nil }
    return [directory, file, link, other]
  }()

  private static func repairChecksums(_ archive: inout [UInt8]) {
    for start in stride(from: 0, to: archive.count - 511, by: 512)
    where archive[(start + 257)...].starts(with: "ustar".utf8) {
      for index in start + 148..<start + 156 { archive[index] = UInt8(ascii: " ") }
      let sum = archive[start..<start + 512].reduce(0) { $0 + Int($1) }
      let digits = String(sum, radix: 8)
      let text = String(repeating: "0", count: 6 - digits.count) + digits + "\u{0}"
      for (index, byte) in text.utf8.enumerated() { archive[start + 148 + index] = byte }
    }
  }
}

/// Makes nothing, and looks whether it could have been made.
private final class Recorder: ExtractionTarget {
  private let entries: [TreeEntry]
  private var next = 0
  private var file: (entry: TreeEntry, size: UInt64)?
  private(set) var made = 0
  private(set) var violation: String?

  init(_ entries: [TreeEntry]) { self.entries = entries }

  /// Directories and files come as they were announced; links, which come last, are passed over.
  private func begin(_ entry: TreeEntry) {
    while next < entries.count, case .link = entries[next].kind { next += 1 }
    if next >= entries.count || entries[next] != entry { violation = "an entry that was not announced next" }
    if file != nil { violation = "an entry within a file" }
    next += 1
  }

  func makeDirectory(_ entry: TreeEntry) throws(FileError) {
    begin(entry)
    made += 1
  }

  func beginFile(_ entry: TreeEntry) throws(FileError) {
    begin(entry)
    file = (entry, 0)
  }

  func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    guard let (entry, size) = file, UInt64(bytes.count) <= entry.size - size else {
      violation = "more bytes than announced"
      return
    }
    file = (entry, size + UInt64(bytes.count))
  }

  func endFile(_ entry: TreeEntry) throws(FileError) {
    if file?.entry != entry || file?.size != entry.size { violation = "a file without all its bytes" }
    file = nil
    made += 1
  }

  func makeLink(_ entry: TreeEntry, to target: LinkTarget) throws(FileError) {
    if next != entries.count || file != nil { violation = "a link before the last file" }
    made += 1
  }

  func settleDirectory(_ entry: TreeEntry) throws(FileError) {
    if made != entries.count { violation = "a directory's mode before everything in it" }
  }
}

private final class PiecewiseInput: ArchiveInput {
  private let bytes: UnsafeMutableRawBufferPointer
  private var place = 0

  init(_ content: [UInt8]) {
    bytes = .allocate(byteCount: content.count, alignment: 1)
    bytes.copyBytes(from: content)
  }

  deinit { bytes.deallocate() }

  func next() throws(FileError) -> UnsafeRawBufferPointer {
    let end = min(place + 1_000, bytes.count)
    defer { place = end }
    return UnsafeRawBufferPointer(rebasing: bytes[place..<end])
  }
}
