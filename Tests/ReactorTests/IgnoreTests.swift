import Testing

@testable import Reactor

@Suite("Patterns of what is left out")
struct IgnoreTests {
  private func parts(_ path: String) -> [[UInt8]] { path.utf8.split(separator: 0x2f).map(Array.init) }

  @Test(
    "a pattern as in gitignore(5)",
    arguments: [
      // pattern, paths that match, paths that do not; a slash at the end marks a directory
      ("*.o", "a.o d/a.o .o", "a.oo a o/ d.o/x"), ("build", "build build/ d/build", "builds rebuild"),
      ("build/", "build/ d/build/", "build d/build"), ("/build", "build build/", "d/build"),
      ("d/x", "d/x d/x/", "x e/d/x"), ("/d/x", "d/x", "e/d/x"), ("d/*", "d/x d/.x d/x/", "d d/ d/x/y x"),
      ("**/x", "x d/x d/e/x", "xx d/xx"), ("d/**", "d/x d/e/x d/e/", "d d/ x"),
      ("d/**/x", "d/x d/e/x d/e/f/x", "x d/xx e/d/x"), ("**", "a d/a d/", ""), ("**/", "d/ d/e/", "a d/a"),
      ("a**z", "az abcz d/az", "a/z az1"), ("/**", "a d/a", ""), ("**/d/**", "d/x e/d/x e/d/f/x", "d e/d x"),
      ("*", "a .a d/a", ""), ("?", "a d/b", "ab"), ("?x", "ax", "x"), ("[ab]", "a b", "c ab"),
      ("[!ab]", "c", "a b"), ("[^ab]", "c", "a b"), ("[a-c]x", "ax bx cx", "dx x"), ("[]a]", "] a", "b"),
      ("[a-]", "a -", "b"), ("[[:digit:]]", "1 9", "a"), ("[[:upper:][:digit:]]x", "Ax 1x", "ax"),
      ("[\\]]", "]", "a \\"), ("[ab", "", "a b [ab"), ("a/[b/c]", "", "a/b a/c"), ("\\*", "*", "a"),
      ("\\#a", "#a", "a"), ("\\!a", "!a", "a"), ("!a", "a", "b"), ("a\\", "", "a a\\"),
      ("[[:no:]]", "", "a n"),
      ("*a*b*c*", "abc xaybzc", "acb"), ("a*", "a ab", "ba"), ("é*", "éa", "e"), ("[z-a]", "", "a z m"),
    ])
  func pattern(_ text: String, _ matching: String, _ others: String) throws {
    let pattern = try #require(IgnorePattern(Array(text.utf8)))
    for path in matching.split(separator: " ") {
      #expect(pattern.matches(parts(String(path))[...], isDirectory: path.hasSuffix("/")), "\(text) \(path)")
    }
    for path in others.split(separator: " ") {
      #expect(!pattern.matches(parts(String(path))[...], isDirectory: path.hasSuffix("/")), "\(text) \(path)")
    }
  }

  @Test("lines without a pattern", arguments: ["", "   ", "# a", "#", "\r", "/", "!"])
  func nothing(_ line: String) {
    #expect(IgnorePattern(Array(line.utf8)) == nil)
  }

  @Test("spaces at the end count only behind a backslash")
  func spaces() throws {
    let plain = try #require(IgnorePattern(Array("a  \r".utf8)))
    #expect(plain.matches([[0x61]], isDirectory: false))
    let kept = try #require(IgnorePattern(Array("a\\ ".utf8)))
    #expect(kept.matches([Array("a ".utf8)], isDirectory: false))
    #expect(!kept.matches([[0x61]], isDirectory: false))
  }

  @Test("stars do not make it slow")
  func stars() {
    let pattern = Array(String(repeating: "a*", count: 100).utf8) + [0x62]
    let name = [UInt8](repeating: 0x61, count: 250)
    #expect(!Glob.matches(pattern, name))
    let deep = IgnorePattern(Array((String(repeating: "**/a/", count: 50) + "b").utf8))
    let path = Array(repeating: [UInt8(0x61)], count: 120)
    #expect(deep?.matches(path[...], isDirectory: false) == false)
  }

  @Test("the last match decides, the nearest file first, the user before all")
  func precedence() {
    var rules = IgnoreRules(excluded: ["*.tmp", "!keep.tmp"])
    rules.enter(Array("\u{feff}*.log\n!a.log\n/top\n*.tmp\n".utf8))
    rules.enter(Array("a.log\n!b.log\n/top2\n".utf8))
    let table: [(String, Bool)] = [
      ("d/a.log", true), ("d/b.log", false), ("d/c.log", true), ("d/top", false), ("d/top2", true),
      ("d/x.tmp", true),
      ("d/keep.tmp", false),
    ]
    for (path, isIgnored) in table {
      #expect(rules.isIgnored(parts(path), isDirectory: false) == isIgnored, "\(path)")
    }
    rules.leave()
    for (path, isIgnored) in [("a.log", false), ("b.log", true), ("top", true), ("top2", false)] {
      #expect(rules.isIgnored(parts(path), isDirectory: false) == isIgnored, "\(path)")
    }
  }
}
