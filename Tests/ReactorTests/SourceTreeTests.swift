import Foundation
import Testing
import Wire

@testable import Reactor

@Suite("What a sender was told to send")
struct SourceTreeTests {
  private func tree(_ paths: String..., options: SourceTree.Options = .init()) throws -> SourceTree {
    try SourceTree(paths, options: options)
  }

  private func failure(_ paths: String...) -> String? {
    do throws(FileError) {
      _ = try SourceTree(paths)
      return nil
    } catch { return error.description }
  }

  @Test("depth first, names in the order of their bytes")
  func order() throws {
    let scratch = try Scratch()
    for name in ["d", "d/b", "d/b.x", "d/a"] { scratch.makeDirectory(name) }
    for name in ["d/b/z", "d/b/A", "d/b.x/1", "d/C", "d/é", "d/e\u{301}x"] { scratch.put(name, "12") }
    scratch.link("d/a/l", "../C")
    let found = try tree(scratch.at("d"))
    #expect(found.shape == .directory)
    #expect(found.name == "d")
    let expected = ["C", "a", "a/l", "b", "b/A", "b/z", "b.x", "b.x/1", "e\u{301}x", "é"]
    #expect(found.items.map { Array($0.entry.path.text.utf8) } == expected.map { Array($0.utf8) })
    #expect(found.bytes == 12)
    #expect(found.notices.isEmpty)
    #expect(
      found.items[2].entry.kind == .link(try LinkTarget(Array("../C".utf8), of: found.items[2].entry.path)))
  }

  @Test("one file, several things, a root that is a link, a path of dots")
  func shapes() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("d")
    scratch.put("d/f", "abc", mode: 0o6750)
    scratch.link("l", "d")
    scratch.link("m", "d/f")
    let file = try tree(scratch.at("d/f"))
    #expect(file.shape == .file)
    #expect(file.items.map(\.entry.path.text) == ["f"])
    // SFT-8
    #expect(file.items[0].entry.mode == 0o750)
    #expect(try tree(scratch.at("l/")).items.map(\.entry.path.text) == ["f"])
    #expect(try tree(scratch.at("l")).name == "l")
    #expect(try tree(scratch.at("m")).items.map(\.entry.size) == [3])
    #expect(try tree(scratch.at("d/.")).name == "d")
    #expect(try tree(scratch.at("d/..")).name == scratch.path.split(separator: "/").last.map(String.init))
    let several = try tree(scratch.at("d"), scratch.at("m"))
    #expect(several.shape == .several)
    #expect(several.items.map(\.entry.path.text) == ["d", "d/f", "m"])
    for tree in [file, several, try tree(scratch.at("l")), try tree(scratch.at("m"))] {
      for item in tree.items where item.entry.kind == .file { close(try tree.open(item)) }
    }
  }

  @Test("what cannot be sent is told before anything is")
  func refusals() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("d")
    scratch.makeDirectory("e")
    scratch.makeDirectory("e/d")
    #expect(failure(scratch.at("d"), scratch.at("e/d")) == "two of the files are called d")
    #expect(failure(scratch.at("none"))?.contains("No such file") == true)
    mkfifo(scratch.at("pipe"), 0o600)
    #expect(failure(scratch.at("pipe"))?.hasSuffix("is neither a file nor a directory") == true)
    #expect(failure("/") != nil)
    #expect(failure() == "nothing to send")
    let words: [(String, String?)] = [
      ("a\u{1b}b", "a\\u{1b}b cannot be sent: a name with a control character"),
      ("a\u{202e}b", "a\\u{202e}b cannot be sent: a name with an invisible character"),
    ]
    for (name, words) in words {
      scratch.put("d/" + name)
      #expect(failure(scratch.at("d")) == words.map { scratch.at("d/") + $0 })
      unlink(scratch.at("d/" + name))
    }
    // SFT-9
    for target in ["/etc/passwd", "../x", "f/.."] {
      scratch.link("d/l", target)
      #expect(
        failure(scratch.at("d")) == scratch.at("d/l cannot be sent: a link that leads out of the directory"))
      unlink(scratch.at("d/l"))
    }
    // SFT-5
    scratch.put("d/x")
    scratch.put("d/X")
    #expect(failure(scratch.at("d"))?.hasSuffix("two names that differ at most by case or spelling") == true)
  }

  @Test("pipes, sockets and partials are left out and said so")
  func notices() throws {
    let scratch = try Scratch()
    scratch.makeDirectory("d")
    scratch.put("d/f")
    scratch.put("d/f.derphole-partial")
    mkfifo(scratch.at("d/p"), 0o600)
    let found = try tree(scratch.at("d"))
    #expect(found.items.map(\.entry.path.text) == ["f"])
    #expect(found.notices.count == 2)
  }

  @Test("excluded and ignored entries are left out with all that is in them")
  func exclusion() throws {
    let scratch = try Scratch()
    for name in ["d", "d/.git", "d/sub", "d/sub/build", "d/build"] { scratch.makeDirectory(name) }
    for name in ["d/.git/x", "d/a.o", "d/sub/a.o", "d/sub/keep.o", "d/sub/build/x", "d/build/keep.o", "d/c"] {
      scratch.put(name)
    }
    scratch.put("d/.gitignore", "*.o\nbuild/\n")
    scratch.put("d/sub/.gitignore", "!keep.o\n")
    var options = SourceTree.Options()
    options.excluded = ["/c"]
    #expect(try tree(scratch.at("d"), options: options).items.count == 12)
    options.honoursGitignore = true
    let names = try tree(scratch.at("d"), options: options).items.map(\.entry.path.text)
    #expect(names == [".gitignore", "sub", "sub/.gitignore", "sub/keep.o"])
  }

  // SFT-15
  @Test(
    "a file that changed is not opened", arguments: ["size", "time", "exchange", "link", "parent", "gone"])
  func changes(_ how: String) throws {
    let scratch = try Scratch()
    scratch.makeDirectory("d")
    scratch.makeDirectory("d/s")
    scratch.put("d/s/f", "abc")
    let found = try tree(scratch.at("d"))
    let item = found.items[1]
    close(try found.open(item))
    switch how {
    case "size": scratch.put("d/s/f", "abcd")
    case "time": utimes(scratch.at("d/s/f"), [timeval(), timeval()])
    case "exchange":
      scratch.put("d/s/g", "abc")
      rename(scratch.at("d/s/g"), scratch.at("d/s/f"))
    case "link":
      rename(scratch.at("d/s/f"), scratch.at("d/s/g"))
      scratch.link("d/s/f", "g")
    case "parent":
      rename(scratch.at("d/s"), scratch.at("t"))
      scratch.link("d/s", "../t")
    default: unlink(scratch.at("d/s/f"))
    }
    #expect(throws: FileError.self) { try found.open(item) }
  }
}
