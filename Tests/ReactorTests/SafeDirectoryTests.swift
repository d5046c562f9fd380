import Foundation
import Testing
import Wire

@testable import Reactor

@Suite("A directory that nothing leaves")
struct SafeDirectoryTests {
  private func path(_ text: String) throws -> RelativePath { try RelativePath(Array(text.utf8)) }
  private let time = FileTime(seconds: 77, nanoseconds: 5)

  // SFT-8
  @Test("a new file is its owner's alone until it is complete, then has its mode less the umask")
  func modes() throws {
    let scratch = try Scratch()
    let directory = try SafeDirectory(path: scratch.path)
    // Not by umask(2), which would set another one for the tests that run beside this one.
    let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("Umask:") })
    let mask = try #require(mode_t(line.dropFirst(7), radix: 8))
    let file = try directory.makeFile(path("f"))
    try "abc".utf8.withContiguousStorageIfAvailable { try file.append(UnsafeRawBufferPointer($0)) }
    #expect(scratch.mode("f") == 0o600)
    try file.finish(mode: 0o7777, modified: time)
    #expect(scratch.mode("f") == 0o777 & ~mask)
    #expect(scratch.status("f")?.st_mtim.tv_sec == 77)
    try directory.makeDirectory(path("d"))
    #expect(scratch.mode("d") == 0o700)
    try directory.settleDirectory(path("d"), mode: 0o7777, modified: time)
    #expect(scratch.mode("d") == 0o777 & ~mask)
    // A mode that does not hold is noticed: nothing is permitted here, and nothing may be there.
    let secret = try directory.makeFile(path("s"))
    try SafeDirectory.apply(0o644, permitted: 0, to: secret.descriptor, title: "s")
    #expect(scratch.mode("s") == 0)
  }

  // SFT-8
  @Test("a file that somebody else writes to is not taken for complete")
  func meddling() throws {
    let scratch = try Scratch()
    let file = try SafeDirectory(path: scratch.path).makeFile(path("f"))
    truncate(scratch.at("f"), 5)
    #expect(throws: FileError.content("\(scratch.path)/f: somebody else changed it")) {
      try file.finish(mode: 0o644, modified: time)
    }
  }

  // SFT-11
  @Test("nothing is reached through a link in any part")
  func links() throws {
    let scratch = try Scratch()
    for name in ["in", "outside", "outside/d"] { scratch.makeDirectory(name) }
    scratch.put("outside/f", "secret")
    scratch.link("in/l", "../outside")
    scratch.link("in/f", "../outside/f")
    let directory = try SafeDirectory(path: scratch.at("in"))
    #expect(throws: FileError.self) { try directory.makeFile(path("l/x"), existing: .replace) }
    #expect(throws: FileError.self) { try directory.makeDirectory(path("l/x"), existing: .replace) }
    #expect(throws: FileError.self) {
      try directory.makeLink(
        path("l/x"), target: LinkTarget(Array("y".utf8), of: path("l/x")), modified: time, existing: .replace)
    }
    #expect(throws: FileError.self) { try directory.settleDirectory(path("l/d"), mode: 0, modified: time) }
    #expect(throws: FileError.self) { try directory.settleDirectory(path("l"), mode: 0, modified: time) }
    #expect(throws: FileError.self) { try directory.directory(path("l")) }
    #expect(throws: FileError.self) { try directory.openFile(path("f")) }
    #expect(throws: FileError.self) { try directory.openFile(path("l/f")) }
    #expect(throws: FileError.self) { try directory.status(path("l/f")) }
    #expect(try directory.status(path("f")).map { $0.st_mode & S_IFMT } == S_IFLNK)
    #expect(try directory.status(path("none")) == nil)
    #expect(scratch.list("outside") == ["d", "f"])
    #expect(scratch.mode("outside/d") == 0o755)
  }

  @Test("only a file of one's own with one name is taken up again")
  func reopening() throws {
    let scratch = try Scratch()
    scratch.put("own", "abc")
    scratch.put("linked", "abc")
    link(scratch.at("linked"), scratch.at("other"))
    mkfifo(scratch.at("pipe"), 0o600)
    scratch.makeDirectory("d")
    let directory = try SafeDirectory(path: scratch.path)
    let own = try directory.openFile(path("own"), forWriting: true)
    close(own)
    close(try directory.openFile(path("linked")))
    for name in ["linked", "pipe", "d", "none"] {
      #expect(throws: FileError.self, "\(name)") { try directory.openFile(path(name), forWriting: true) }
    }
  }

  // SFT-12
  @Test("a final name is given once, and replaces only when told to")
  func renaming() throws {
    let scratch = try Scratch()
    let directory = try SafeDirectory(path: scratch.path)
    for name in ["f", "taken"] { scratch.put(name, name) }
    for name in ["d", "full"] { scratch.makeDirectory(name) }
    scratch.put("d/x", "new")
    scratch.put("full/y")
    scratch.link("l", "f")
    for (name, final) in [
      ("f", "taken"), ("f", "full"), ("f", "l"), ("d", "taken"), ("d", "full"), ("d", "l"),
    ] {
      #expect(throws: FileError.self, "\(name) \(final)") {
        try directory.rename(FileName(name), to: FileName(final))
      }
    }
    #expect(throws: FileError.self) {
      try directory.rename(FileName("d"), to: FileName("full"), existing: .replace)
    }
    #expect(throws: FileError.self) {
      try directory.rename(FileName("f"), to: FileName("full"), existing: .replace)
    }
    #expect(scratch.list() == ["d", "d/x", "f", "full", "full/y", "l", "taken"])
    try directory.rename(FileName("f"), to: FileName("g"))
    try directory.rename(FileName("g"), to: FileName("taken"), existing: .replace)
    #expect(scratch.text("taken") == "f")
    try directory.rename(FileName("d"), to: FileName("e"))
    try directory.rename(FileName("e"), to: FileName("l"), existing: .replace)
    #expect(scratch.list() == ["full", "full/y", "l", "l/x", "taken"])
    #expect(scratch.status("l").map { $0.st_mode & S_IFMT } == S_IFDIR)
  }
}
