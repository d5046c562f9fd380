import Testing
import Wire

@Suite("Text of others on a terminal")
struct DisplayTextTests {
  @Test(
    "what drives a terminal, turns text or hides is seen",
    arguments: [
      "\u{1B}", "\u{7}", "\n", "\r", "\t", "\u{0}", "\u{7F}", "\u{85}", "\u{9B}", "\u{202E}", "\u{2066}",
      "\u{200E}",
      "\u{61C}", "\u{FEFF}", "\u{200B}", "\u{AD}", "\u{2028}", "\u{2029}", "\u{E0041}", "\u{3164}",
      "\u{115F}",
      "\u{2800}", "\u{34F}", "\u{E000}", "\u{FFFF}", "\u{378}", "\u{FFF9}",
    ])
  func replaced(_ text: String) {
    #expect(printable("a\(text)b").unicodeScalars.elementsEqual("a\u{FFFD}b".unicodeScalars))
  }

  @Test(
    "honest text stays", arguments: ["", "a b", "Grüße", "日本語", "שלום", "e\u{301}", "👩", "ệ", "\u{FFFD}"])
  func kept(_ text: String) {
    #expect(printable(text).unicodeScalars.elementsEqual(text.unicodeScalars))
  }

  @Test("joiners and variation selectors go, spaces become one kind")
  func forms() {
    #expect(printable("❤\u{FE0F}").unicodeScalars.elementsEqual("❤".unicodeScalars))
    #expect(printable("می\u{200C}خواهم").unicodeScalars.elementsEqual("میخواهم".unicodeScalars))
    #expect(printable("10.00\u{202F}PM\u{3000}x\u{A0}") == "10.00 PM x ")
  }

  @Test("marks are bounded and need a letter")
  func marks() {
    let shown = printable("\u{301}e" + String(repeating: "\u{301}", count: 6))
    let expected = "\u{FFFD}e\u{301}\u{301}\u{301}\u{301}\u{FFFD}\u{301}"
    #expect(shown.unicodeScalars.elementsEqual(expected.unicodeScalars))
    #expect(printable(" \u{301}").unicodeScalars.elementsEqual(" \u{FFFD}".unicodeScalars))
  }

  @Test("long text is cut visibly")
  func length() {
    let exact = String(repeating: "x", count: 200)
    #expect(printable(exact) == exact)
    #expect(printable(exact + "x") == exact.dropLast() + "…")
    #expect(printable("abc", limit: 1) == "…")
  }

  @Test("wrong UTF-8 is seen")
  func wrongUTF8() {
    #expect(printable(bytes: [0x61, 0xFF, 0x62]) == "a\u{FFFD}b")
    // A surrogate in UTF-8, and a slash in two bytes.
    #expect(!printable(bytes: [0xED, 0xA0, 0x80, 0xC0, 0xAF]).contains { $0 != "\u{FFFD}" })
  }

  @Test("a name cannot leave its quotation marks")
  func quoted() {
    #expect(printableQuoted("a") == "\"a\"")
    #expect(printableQuoted("a\" (5 B) from \"b\\") == "\"a\\\" (5 B) from \\\"b\\\\\"")
  }

  @Test(
    "widths",
    arguments: [
      ("", 0), ("abc", 3), ("é", 1), ("e\u{301}", 1), ("日本", 4), ("ｆ", 2), ("ﾊ", 1), ("한", 2),
      ("\u{1112}\u{1161}\u{11AB}", 2), ("👍", 2), ("❤", 1), ("…", 1), ("█", 1), ("\u{FFFD}", 1), ("⏩", 2),
      ("\u{20000}", 2),
      ("क्षि", 3), ("שלום", 4), ("\u{1F1E9}\u{1F1EA}", 2),
    ])
  func widths(_ text: String, _ cells: Int) {
    #expect(DisplayText.width(text) == cells)
  }

  @Test("cutting never leaves half of a wide character")
  func cut() {
    #expect(DisplayText.cut("日本語", to: 6) == "日本語")
    #expect(DisplayText.cut("日本語", to: 5) == "日本…")
    #expect(DisplayText.cut("日本語", to: 4) == "日…")
    #expect(DisplayText.cut("日本語", to: 1) == "…")
    #expect(DisplayText.cut("日本語", to: 0).isEmpty)
  }
}
