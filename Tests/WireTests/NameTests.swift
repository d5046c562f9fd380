import Testing

@testable import Wire

@Suite("Names and paths of a peer")
struct NameTests {
  private func fault(_ name: String) -> NameError? {
    do throws(NameError) {
      _ = try FileName(Array(name.utf8))
      return nil
    } catch { return error }
  }

  private func pathFault(_ path: String) -> NameError? {
    do throws(NameError) {
      _ = try RelativePath(Array(path.utf8))
      return nil
    } catch { return error }
  }

  private func linkFault(_ target: String, of path: String) -> NameError? {
    do throws(NameError) {
      _ = try LinkTarget(Array(target.utf8), of: try RelativePath(Array(path.utf8)))
      return nil
    } catch { return error }
  }

  // SFT-1
  @Test(
    "a name is one part",
    arguments: [
      ("", NameError.empty), (".", .reserved), ("..", .reserved), ("a/b", .separator), ("/", .separator),
      (String(repeating: "n", count: 256), .nameTooLong), (String(repeating: "é", count: 128), .nameTooLong),
    ])
  func parts(_ name: String, _ error: NameError) {
    #expect(fault(name) == error)
  }

  // SFT-1, SFT-2
  @Test(
    "ordinary names are taken",
    arguments: [
      "a", "...", "..data", ".gitignore", "a b", " a", "a.", "-rf", "~", "$(x)", "a\\..\\b", "é", "e\u{301}",
      "日本語 　",
      "👩‍👩‍👧", "❤\u{fe0f}", "می‌خواهم", "Screenshot at 3.04\u{202f}PM.png", String(repeating: "n", count: 255),
      "x.partial",
    ])
  func ordinary(_ name: String) {
    #expect(fault(name) == nil)
  }

  // SFT-2
  @Test("no character that a terminal obeys or that cannot be seen")
  func characters() {
    for value: UInt32 in [0, 1, 9, 10, 13, 27, 31, 127, 0x80, 0x9b, 0x9f, 0x2028, 0x2029] {
      #expect(Unicode.Scalar(value).map { fault("a\($0)b") } == .control, "\(value)")
    }
    for value: UInt32 in [
      0xad, 0x61c, 0x200b, 0x200e, 0x200f, 0x202a, 0x202b, 0x202c, 0x202d, 0x202e, 0x2060, 0x2066, 0x2069,
      0xfeff,
      0x3164, 0x115f, 0xffa0, 0xfff9, 0xfffe, 0x34f, 0xe0020, 0xe0001, 0x1fffe,
    ] {
      #expect(Unicode.Scalar(value).map { fault("a\($0)b") } == .invisible, "\(value)")
    }
    for bytes: [UInt8] in [[0xff], [0xc0, 0xaf], [0x61, 0xed, 0xa0, 0x80], [0xe2, 0x82]] {
      #expect(throws: NameError.invalidUTF8) { try FileName(bytes) }
    }
  }

  // SFT-3
  @Test("no name like a temporary's")
  func partials() {
    #expect(fault("a.derphole-partial") == .partial)
    #expect(fault("a.Derphole-PARTIAL") == .partial)
    #expect(fault(".derphole-partial") == .partial)
    #expect(fault("derphole-partial") == nil)
    #expect(pathFault("x.derphole-partial/y") == .partial)
  }

  // SFT-1
  @Test(
    "a path stays below",
    arguments: [
      ("", NameError.empty), ("/", .absolute), ("/a", .absolute), ("a//b", .empty), ("a/", .empty),
      ("./a", .reserved),
      ("a/..", .reserved), ("../a", .reserved), ("a/../b", .reserved), ("a/\u{7}", .control),
      (Array(repeating: "d", count: 129).joined(separator: "/"), .tooDeep),
      (Array(repeating: String(repeating: "n", count: 255), count: 17).joined(separator: "/"), .pathTooLong),
    ])
  func paths(_ path: String, _ error: NameError) {
    #expect(pathFault(path) == error)
  }

  @Test("a path comes apart and together again")
  func pathParts() throws {
    let path = try RelativePath(Array("a/b b/ç".utf8))
    #expect(path.parts.map(\.text) == ["a", "b b", "ç"])
    #expect(path.depth == 3)
    #expect(path.name.text == "ç")
    #expect(path.parent?.parent?.text == "a")
    #expect(path.parent?.parent?.parent == nil)
    #expect(try path.parent?.appending(path.name) == path)
    let deepest = try RelativePath(Array(Array(repeating: "d", count: 128).joined(separator: "/").utf8))
    #expect(throws: NameError.tooDeep) { try deepest.appending(path.name) }
  }

  @Test("names are told apart by their bytes")
  func equality() throws {
    #expect(try FileName("é") != FileName("e\u{301}"))
    #expect(try RelativePath(Array("é".utf8)) != RelativePath(Array("e\u{301}".utf8)))
  }

  // SFT-4
  @Test("words never hold a part of the name")
  func words() {
    let marks = [
      "zqx\u{1b}", "zqx/", String(repeating: "zqx", count: 100), "zqx\u{202e}", "zqx.derphole-partial",
    ]
    for mark in marks {
      #expect(fault(mark).map { !$0.description.contains("zqx") } == true)
    }
    #expect(linkFault("/zqx", of: "a").map { !$0.description.contains("zqx") } == true)
  }

  // SFT-5
  @Test(
    "names that may be the same file",
    arguments: [
      ("a", "A"), ("é", "e\u{301}"), ("É", "e\u{301}"), ("straße", "STRASSE"), ("ς", "Σ"), ("K", "k"),
      ("a", "a\u{200d}"), (".git", ".g\u{200c}it"), ("a", "a."), ("a", "a "), ("x", " x"), ("❤", "❤\u{fe0f}"),
    ])
  func collisions(_ one: String, _ other: String) throws {
    let left = try FileName(one)
    let right = try FileName(other)
    #expect(left.collisionKey == right.collisionKey)
    var check = TreeCheck()
    try check.add(entry(left.text))
    #expect(throws: TreeError.duplicate) { try check.add(entry(right.text)) }
  }

  @Test("names that are not the same file")
  func differences() throws {
    let names = ["a", "b", "ab", "ä", "a.b", "...", "....", "  ", "日", "曰", "ss1"]
    let keys = try Set(names.map { try FileName($0).collisionKey })
    #expect(keys.count == names.count)
  }

  private func entry(_ path: String, _ kind: TreeEntry.Kind = .file, size: UInt64 = 0) throws -> TreeEntry {
    TreeEntry(
      path: try RelativePath(Array(path.utf8)), kind: kind, size: size, mode: 0o644,
      modified: FileTime(seconds: 0, nanoseconds: 0))
  }

  // SFT-6
  @Test("every directory comes before what it holds, and nothing lies below a file or a link")
  func order() throws {
    var check = TreeCheck()
    for path in ["a", "a/b", "a/b/c", "d", "d/b"] {
      try check.add(entry(path, path == "a/b/c" ? .file : .directory, size: path == "a/b/c" ? 7 : 0))
    }
    #expect(check.count == 5)
    #expect(check.bytes == 7)
    // Once it was left, a directory is closed; a file and what was never announced are none.
    for path in ["a/x", "e/x", "d/b/c/x"] {
      var copy = check
      #expect(throws: TreeError.noParent) { try copy.add(entry(path)) }
    }
    var below = TreeCheck()
    try below.add(entry("f"))
    #expect(throws: TreeError.noParent) { try below.add(entry("f/x")) }
    let link = TreeEntry.Kind.link(try LinkTarget(Array("t".utf8), of: try RelativePath(Array("l".utf8))))
    try below.add(entry("l", link))
    #expect(throws: TreeError.noParent) { try below.add(entry("l/x")) }
    #expect(throws: TreeError.impossible) { try below.add(entry("m", .directory, size: 1)) }
    try below.add(entry("n", size: UInt64(Int64.max)))
    #expect(throws: TreeError.impossible) { try below.add(entry("o", size: 1)) }
  }

  // SFT-8
  @Test("an entry's mode holds no special bits")
  func modes() throws {
    let entry = TreeEntry(
      path: try RelativePath([0x61]), kind: .file, size: 0, mode: 0o7755,
      modified: FileTime(seconds: 0, nanoseconds: 0))
    #expect(entry.mode == 0o755)
  }

  // SFT-9
  @Test(
    "a link stays in its tree",
    arguments: [
      ("x", "l", true), ("./x", "l", true), ("../x", "a/l", true), ("../../x/y/", "a/b/l", true),
      (".", "l", true),
      ("..", "a/l", true), ("/x", "l", false), ("/", "l", false), ("..", "l", false), ("../x", "l", false),
      ("../../x", "a/l", false), ("x/..", "a/l", false), ("x/../../y", "a/l", false), ("./..", "l", false),
      ("", "l", false), ("a\u{1b}", "l", false),
    ])
  func links(_ target: String, _ path: String, _ isFine: Bool) {
    #expect((linkFault(target, of: path) == nil) == isFine)
  }

  @Test("names of this machine are shown with numbers in place of what deceives")
  func escaping() {
    #expect(NameCharacters.escaped(Array("a\u{1b}[2J\u{202e}é\\".utf8)) == "a\\u{1b}[2J\\u{202e}é\\u{5c}")
  }
}
