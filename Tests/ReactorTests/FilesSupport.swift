import Foundation
import Wire

@testable import Reactor

/// A directory for one test, and how to look at it.
final class Scratch {
  let path: String

  init() throws {
    path = FileManager.default.temporaryDirectory.appendingPathComponent("files-" + UUID().uuidString).path
    guard mkdir(path, 0o700) == 0 else { throw SystemError("mkdir", code: errno) }
  }

  deinit {
    // What a test left unwritable is made writable, for users that are not root.
    for name in FileManager.default.enumerator(atPath: path) ?? .init() {
      if let name = name as? String, status(name)?.st_mode ?? 0 & S_IFMT == S_IFDIR { chmod(at(name), 0o700) }
    }
    try? FileManager.default.removeItem(atPath: path)
  }

  func at(_ name: String) -> String { "\(path)/\(name)" }

  func put(_ name: String, _ content: String = "", mode: mode_t = 0o644) {
    _ = FileManager.default.createFile(atPath: at(name), contents: Data(content.utf8))
    chmod(at(name), mode)
  }

  func makeDirectory(_ name: String) { mkdir(at(name), 0o755) }
  func link(_ name: String, _ target: String) { symlink(target, at(name)) }
  func text(_ name: String) -> String? { try? String(contentsOfFile: at(name), encoding: .utf8) }

  /// Without following a link.
  func status(_ name: String) -> stat? {
    var status = stat()
    return lstat(at(name), &status) == 0 ? status : nil
  }

  func mode(_ name: String) -> mode_t? { status(name).map { $0.st_mode & 0o7777 } }
  func target(_ name: String) -> String? {
    try? FileManager.default.destinationOfSymbolicLink(atPath: at(name))
  }

  /// Everything below `name`, sorted.
  func list(_ name: String = "") -> [String] {
    (FileManager.default.enumerator(atPath: at(name)) ?? .init()).compactMap { $0 as? String }.sorted()
  }
}

extension TreeEntry {
  static func file(_ path: String, _ size: UInt64, mode: UInt16 = 0o644) throws -> TreeEntry {
    try TreeEntry(
      path: RelativePath(Array(path.utf8)), kind: .file, size: size, mode: mode,
      modified: FileTime(seconds: 1_000_000_000, nanoseconds: 123_456_789))
  }

  static func directory(_ path: String, mode: UInt16 = 0o755) throws -> TreeEntry {
    var entry = try file(path, 0, mode: mode)
    entry.kind = .directory
    return entry
  }

  static func link(_ path: String, _ target: String) throws -> TreeEntry {
    var entry = try file(path, 0)
    entry.kind = .link(try LinkTarget(Array(target.utf8), of: entry.path))
    return entry
  }
}

/// Archives made by hand, so that they can say anything.
enum HandmadeTar {
  /// A header block of ustar and what follows it, padded.
  static func entry(
    _ name: String, _ content: String = "", type: Character = "0", size: Int? = nil, mode: Int = 0o644,
    link: String = ""
  ) -> [UInt8] {
    var block = [UInt8](repeating: 0, count: 512)
    func set(_ text: String, at offset: Int) {
      for (index, byte) in text.utf8.enumerated() where offset + index < 512 { block[offset + index] = byte }
    }
    func octal(_ value: Int, _ digits: Int) -> String {
      let text = String(value, radix: 8)
      return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
    set(String(name.prefix(100)), at: 0)
    set(octal(mode, 7), at: 100)
    set(octal(0, 7), at: 108)
    set(octal(0, 7), at: 116)
    set(octal(size ?? content.utf8.count, 11), at: 124)
    set(octal(0, 11), at: 136)
    set("        ", at: 148)
    set(String(type), at: 156)
    set(String(link.prefix(100)), at: 157)
    set("ustar\u{0}00", at: 257)
    let sum = block.reduce(0) { $0 + Int($1) }
    set(octal(sum, 6) + "\u{0}", at: 148)
    let body = Array(content.utf8)
    return block + body + [UInt8](repeating: 0, count: (512 - body.count % 512) % 512)
  }

  static let end = [UInt8](repeating: 0, count: 1_024)
}

/// Bytes in memory, in pieces of a given size.
final class MemoryInput: ArchiveInput {
  private let bytes: UnsafeMutableRawBufferPointer
  private let step: Int
  private var place = 0

  init(_ content: [UInt8], step: Int = 700) {
    bytes = .allocate(byteCount: content.count, alignment: 1)
    bytes.copyBytes(from: content)
    self.step = step
  }

  deinit { bytes.deallocate() }

  func next() throws(FileError) -> UnsafeRawBufferPointer {
    let end = min(place + step, bytes.count)
    defer { place = end }
    return UnsafeRawBufferPointer(rebasing: bytes[place..<end])
  }
}

final class MemoryOutput: ArchiveOutput {
  private(set) var bytes: [UInt8] = []
  func put(_ more: UnsafeRawBufferPointer) throws(FileError) { bytes += more }
}
