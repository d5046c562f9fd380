import Basics

/// A part of the list of what a directory holds, in the order in which it is sent.
///
/// Body: for each entry kind (1: directory 0, file 1, link 2), permission bits (2), size (8), time of change in seconds
/// (8) and nanoseconds (4), the path's length (2) and the path, and for a link its target's length (2) and the target.
public struct TransferManifest: Hashable, Sendable {
  /// A sender begins another message when this many bytes are reached.
  public static let preferredLength = 64 << 10

  public var entries: [TreeEntry]

  public init(entries: [TreeEntry]) { self.entries = entries }

  static func parse(_ body: UnsafeRawBufferPointer) throws(TransferError) -> TransferManifest {
    var reader = ByteReader(body)
    var entries: [TreeEntry] = []
    while reader.remaining > 0 { entries.append(try entry(&reader)) }
    return TransferManifest(entries: entries)
  }

  private static func entry(_ reader: inout ByteReader) throws(TransferError) -> TreeEntry {
    guard let kind = reader.integer(UInt8.self), kind <= 2, let mode = reader.integer(UInt16.self),
      mode & ~0o777 == 0, let size = reader.integer(UInt64.self), size <= TransferOffer.mostBytes,
      kind == 1 || size == 0, let seconds = reader.integer(Int64.self),
      let nanoseconds = reader.integer(UInt32.self), nanoseconds < 1_000_000_000,
      let path = text(&reader), kind != 2 || reader.remaining >= 2
    else { throw .malformed }
    let target = kind == 2 ? text(&reader) : nil
    guard (kind == 2) == (target != nil) else { throw .malformed }
    do {
      let checked = try RelativePath(path)
      let shape: TreeEntry.Kind
      if let target {
        shape = .link(try LinkTarget(target, of: checked))
      } else {
        shape = kind == 0 ? .directory : .file
      }
      return TreeEntry(
        path: checked, kind: shape, size: size, mode: mode,
        modified: FileTime(seconds: seconds, nanoseconds: nanoseconds))
    } catch {
      throw .name(error)
    }
  }

  private static func text(_ reader: inout ByteReader) -> UnsafeRawBufferPointer? {
    reader.integer(UInt16.self).flatMap { reader.take(Int($0)) }
  }

  func append(to bytes: inout [UInt8]) {
    for entry in entries { Self.append(entry, to: &bytes) }
  }

  private static func append(_ entry: TreeEntry, to bytes: inout [UInt8]) {
    var target: String?
    switch entry.kind {
    case .directory: bytes.append(0)
    case .file: bytes.append(1)
    case .link(let link):
      bytes.append(2)
      target = link.text
    }
    bytes.append(bigEndian: entry.mode)
    bytes.append(bigEndian: entry.size)
    bytes.append(bigEndian: entry.modified.seconds)
    bytes.append(bigEndian: entry.modified.nanoseconds)
    for text in [entry.path.text, target] {
      guard let text else { continue }
      bytes.append(bigEndian: UInt16(text.utf8.count))
      bytes += text.utf8
    }
  }

  /// How many bytes an entry takes in a message.
  public static func length(of entry: TreeEntry) -> Int {
    var length = 25 + entry.path.text.utf8.count
    if case .link(let target) = entry.kind { length += 2 + target.text.utf8.count }
    return length
  }
}
