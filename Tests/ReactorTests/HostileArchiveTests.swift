import Foundation
import Testing
import Wire

@testable import Reactor

@Suite("Archives that lie, and directories that change")
struct HostileArchiveTests {
  /// Extracts into `out` of the scratch directory; what went wrong, in words, or nil.
  private func extract(
    _ archive: [UInt8], _ entries: [TreeEntry], in scratch: Scratch,
    existing: SafeDirectory.Existing = .refuse, wanted: [Int]? = nil,
    before: (_ count: Int, _ settled: TreeEntry?) -> Void = { _, _ in }
  ) throws -> String? {
    scratch.makeDirectory("out")
    let directory = try SafeDirectory(path: scratch.at("out"))
    return withoutActuallyEscaping(before) { before in
      let target = Watched(DirectoryExtraction(into: directory, existing: existing), before)
      let extraction = TarExtraction(
        entries: entries, wanted: wanted ?? Array(entries.indices), target: target, progress: FileProgress())
      do throws(FileError) {
        try extraction.run(MemoryInput(archive))
        return nil
      } catch { return error.description }
    }
  }

  /// Calls a test before each entry is made.
  private final class Watched: ExtractionTarget {
    let inner: DirectoryExtraction
    let before: (Int, TreeEntry?) -> Void
    private var count = 0

    init(_ inner: DirectoryExtraction, _ before: @escaping (Int, TreeEntry?) -> Void) {
      self.inner = inner
      self.before = before
    }

    private func next(_ settled: TreeEntry? = nil) {
      before(count, settled)
      count += 1
    }

    func makeDirectory(_ entry: TreeEntry) throws(FileError) {
      next()
      try inner.makeDirectory(entry)
    }
    func beginFile(_ entry: TreeEntry) throws(FileError) {
      next()
      try inner.beginFile(entry)
    }
    func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) { try inner.append(bytes) }
    func endFile(_ entry: TreeEntry) throws(FileError) { try inner.endFile(entry) }
    func makeLink(_ entry: TreeEntry, to target: LinkTarget) throws(FileError) {
      next()
      try inner.makeLink(entry, to: target)
    }
    func settleDirectory(_ entry: TreeEntry) throws(FileError) {
      next(entry)
      try inner.settleDirectory(entry)
    }
  }

  private let unannounced = "the archive holds something that was not announced"

  @Test("what was announced is made, with the modes and times announced")
  func honest() throws {
    let scratch = try Scratch()
    let entries = try [
      TreeEntry.directory("d", mode: 0o500), .file("d/f", 3, mode: 0o400), .link("d/l", "f"), .file("e", 0),
    ]
    let archive =
      HandmadeTar.entry("d/", type: "5", mode: 0o777) + HandmadeTar.entry("d/f", "abc", mode: 0o6777)
      + HandmadeTar.entry("d/l", type: "2", link: "f") + HandmadeTar.entry("e") + HandmadeTar.end
    #expect(try extract(archive, entries, in: scratch) == nil)
    #expect(scratch.list("out") == ["d", "d/f", "d/l", "e"])
    #expect(scratch.text("out/d/f") == "abc")
    #expect(scratch.target("out/d/l") == "f")
    // SFT-8, SFT-13: modes of the announcement, and a directory that is not writable was filled.
    #expect(scratch.mode("out/d") == 0o500)
    #expect(scratch.mode("out/d/f") == 0o400)
    for name in ["out/d", "out/d/f", "out/d/l", "out/e"] {
      let time = scratch.status(name)?.st_mtim
      #expect(time?.tv_sec == 1_000_000_000 && time?.tv_nsec == 123_456_789, "\(name)")
    }
  }

  // SFT-7, SFT-10
  @Test(
    "nothing but what was announced",
    arguments: [
      ("../a", "0", "abc", ""), ("/a", "0", "abc", ""), ("a/../../a", "0", "abc", ""),
      ("./a", "0", "abc", ""),
      ("b", "0", "abc", ""), ("A", "0", "abc", ""), ("a\u{301}", "0", "abc", ""),
      ("a", "1", "", "/etc/passwd"),
      ("a", "1", "abc", "a"), ("a", "2", "", "/etc/passwd"), ("a", "3", "", ""), ("a", "4", "", ""),
      ("a", "6", "", ""), ("a", "7", "abcd", ""), ("a", "5", "", ""), ("a", "0", "abcd", ""),
      ("a", "0", "ab", ""),
      (String(repeating: "a", count: 100), "0", "abc", ""), ("a/", "0", "abc", ""),
    ])
  func lies(_ name: String, _ type: String, _ content: String, _ link: String) throws {
    let scratch = try Scratch()
    let archive =
      HandmadeTar.entry(name, content, type: Character(type), mode: 0o6755, link: link) + HandmadeTar.end
    #expect(try extract(archive, [.file("a", 3)], in: scratch) == unannounced)
    #expect(scratch.list() == ["out"])
  }

  // SFT-10
  @Test("a hard link is no empty file")
  func hardLink() throws {
    let scratch = try Scratch()
    scratch.put("secret", "abc")
    let archive = HandmadeTar.entry("a", type: "1", link: "../secret") + HandmadeTar.end
    #expect(try extract(archive, [.file("a", 0)], in: scratch) == unannounced)
    // pax lets a hard link carry content like a file.
    let pax =
      HandmadeTar.entry("p", "13 comment=a\n", type: "x")
      + HandmadeTar.entry("a", "abc", type: "1", link: "../secret")
      + HandmadeTar.end
    #expect(try extract(pax, [.file("a", 3)], in: scratch) == unannounced)
    #expect(scratch.list() == ["out", "secret"])
  }

  // SFT-7
  @Test("an archive holds each entry once, in order, and nothing more")
  func order() throws {
    let a = HandmadeTar.entry("a", "abc")
    let b = HandmadeTar.entry("b", "abc")
    let entries = try [TreeEntry.file("a", 3), .file("b", 3)]
    for archive in [b + a, a + a, a + b + a, a + b + HandmadeTar.entry("c", type: "5")] {
      let scratch = try Scratch()
      #expect(try extract(archive + HandmadeTar.end, entries, in: scratch) == unannounced)
    }
    let fewer = try Scratch()
    #expect(try extract(a + HandmadeTar.end, entries, in: fewer) == "the archive ends too early")
    let only = try Scratch()
    #expect(try extract(b + HandmadeTar.end, entries, in: only, wanted: [1]) == nil)
    #expect(only.list("out") == ["b"])
  }

  // SFT-14
  @Test("damaged, short and overlong archives are errors")
  func damage() throws {
    let entries = try [TreeEntry.file("a", 3), .file("b", 1_000)]
    let whole =
      HandmadeTar.entry("a", "abc") + HandmadeTar.entry("b", String(repeating: "x", count: 1_000))
      + HandmadeTar.end
    for padding in [0, 1, 512, 9_000] {
      let scratch = try Scratch()
      let padded = whole + [UInt8](repeating: 0, count: padding)
      #expect(try extract(padded, entries, in: scratch) == nil)
    }
    // Up to the last byte of content it is short.
    for length in stride(from: 0, to: 512 * 3 + 1_000, by: 61) {
      let scratch = try Scratch()
      #expect(try extract(Array(whole[..<length]), entries, in: scratch) != nil, "\(length)")
    }
    for tail in [[1], [UInt8](repeating: 0, count: 5_000) + [1], [UInt8](repeating: 0, count: 2 << 20)] {
      let scratch = try Scratch()
      #expect(try extract(whole + tail, entries, in: scratch) == unannounced)
    }
    var flipped = whole
    flipped[10] ^= 1
    let gzip: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]
    let zip = Array("PK\u{3}\u{4}".utf8) + [UInt8](repeating: 0, count: 600)
    for garbage in [flipped, gzip, zip, Array(repeating: 0x41, count: 5_000)] {
      let scratch = try Scratch()
      #expect(try extract(garbage, entries, in: scratch) != nil)
      #expect(scratch.list("out").isEmpty)
    }
  }

  // SFT-10
  @Test("sparse files have holes that nobody sent")
  func sparse() throws {
    let scratch = try Scratch()
    let records = "24 GNU.sparse.size=1000\n26 GNU.sparse.map=900,100\n"
    let archive =
      HandmadeTar.entry("p", records, type: "x") + HandmadeTar.entry("a", String(repeating: "x", count: 100))
      + HandmadeTar.end
    #expect(try extract(archive, [.file("a", 1_000)], in: scratch) != nil)
    #expect(scratch.text("out/a") == nil)
  }

  // SFT-9
  @Test("links come after all files, so nothing goes through one")
  func linkThenFile() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("outside")
    // The list itself is refused by TreeCheck; even so nothing may leave the directory.
    let entries = try [TreeEntry.link("l", "d"), .file("l/f", 3)]
    let archive =
      HandmadeTar.entry("l", type: "2", link: "d") + HandmadeTar.entry("l/f", "abc") + HandmadeTar.end
    #expect(try extract(archive, entries, in: scratch)?.contains("No such file") == true)
    let other = HandmadeTar.entry("l", type: "2", link: "../outside") + HandmadeTar.end
    #expect(try extract(other, [.link("l", "d")], in: scratch) == unannounced)
    #expect(scratch.list() == ["out", "outside"])
  }

  // SFT-11
  @Test("a link that is swapped in during extraction is an error", arguments: [2, 3, 4])
  func swapped(_ moment: Int) throws {
    let scratch = try Scratch()
    scratch.makeDirectory("outside")
    let entries = try [
      TreeEntry.directory("d"), .file("d/a", 1), .file("d/b", 1), .link("d/l", "a"), .directory("e"),
    ]
    let archive =
      HandmadeTar.entry("d/", type: "5") + HandmadeTar.entry("d/a", "1") + HandmadeTar.entry("d/b", "2")
      + HandmadeTar.entry("d/l", type: "2", link: "a") + HandmadeTar.entry("e/", type: "5") + HandmadeTar.end
    // Before d/b, before the link, before the mode of a directory is set.
    let failure = try extract(archive, entries, in: scratch) { count, _ in
      guard count == moment else { return }
      rename(scratch.at("out/d"), scratch.at("away"))
      symlink("../outside", scratch.at("out/d"))
    }
    #expect(failure?.contains("Not a directory") == true)
    #expect(scratch.list("outside").isEmpty)
    #expect(scratch.mode("outside") == 0o755)
  }

  // SFT-12
  @Test("what is there stays, unless it is to be replaced, and then it is not written through")
  func existing() throws {
    let archive = HandmadeTar.entry("a", "new") + HandmadeTar.end
    for kind in ["file", "link", "hard link", "dangling"] {
      let scratch = try Scratch()
      scratch.makeDirectory("out")
      scratch.put("victim", "old", mode: 0o666)
      switch kind {
      case "file": scratch.put("out/a", "old")
      case "link": scratch.link("out/a", "../victim")
      case "hard link": link(scratch.at("victim"), scratch.at("out/a"))
      default: scratch.link("out/a", "../made")
      }
      #expect(try extract(archive, [.file("a", 3)], in: scratch)?.contains("File exists") == true, "\(kind)")
      #expect(scratch.text("out/a") != "new")
      #expect(try extract(archive, [.file("a", 3)], in: scratch, existing: .replace) == nil, "\(kind)")
      #expect(scratch.text("out/a") == "new")
      #expect(scratch.status("out/a").map { $0.st_mode & S_IFMT } == S_IFREG)
      #expect(scratch.text("victim") == "old")
      #expect(scratch.status("made") == nil)
    }
    let scratch = try Scratch()
    scratch.makeDirectory("out")
    scratch.makeDirectory("out/a")
    scratch.put("out/a/x")
    #expect(try extract(archive, [.file("a", 3)], in: scratch, existing: .replace) != nil)
    #expect(scratch.list("out") == ["a", "a/x"])
  }

  // SFT-11, SFT-12
  @Test("a directory that is a link is not entered, even by force")
  func linkedDirectory() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("out")
    scratch.makeDirectory("outside")
    scratch.link("out/d", "../outside")
    let entries = try [TreeEntry.directory("d"), .file("d/f", 1)]
    let archive = HandmadeTar.entry("d/", type: "5") + HandmadeTar.entry("d/f", "1") + HandmadeTar.end
    #expect(try extract(archive, entries, in: scratch)?.contains("File exists") == true)
    #expect(try extract(archive, entries, in: scratch, existing: .replace) == nil)
    #expect(scratch.list("outside").isEmpty)
    #expect(scratch.text("out/d/f") == "1")
  }

  // SFT-13
  @Test("nested directories that are not writable are filled, and once more")
  func readOnly() throws {
    let scratch = try Scratch()
    let entries = try [
      TreeEntry.directory("a", mode: 0o555), .directory("a/b", mode: 0o555), .file("a/b/f", 1, mode: 0o444),
    ]
    let archive =
      HandmadeTar.entry("a/", type: "5") + HandmadeTar.entry("a/b/", type: "5")
      + HandmadeTar.entry("a/b/f", "1")
      + HandmadeTar.end
    for existing in [SafeDirectory.Existing.refuse, .replace] {
      var settled: [String] = []
      let failure = try extract(archive, entries, in: scratch, existing: existing) { _, entry in
        if let entry { settled.append(entry.path.text) }
      }
      #expect(failure == nil)
      // The deepest first: behind a directory that may not be entered nothing could be set any more.
      #expect(settled == ["a/b", "a"])
      #expect(scratch.mode("out/a") == 0o555)
      #expect(scratch.mode("out/a/b") == 0o555)
      #expect(scratch.mode("out/a/b/f") == 0o444)
    }
  }

  // SFT-4
  @Test("errors about what an archive holds never repeat it")
  func words() throws {
    let scratch = try Scratch()
    let archive = HandmadeTar.entry("zqx\u{1b}[2J", "abc") + HandmadeTar.end
    #expect(try extract(archive, [.file("a", 3)], in: scratch)?.contains("zqx") == false)
  }
}
