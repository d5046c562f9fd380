import Basics
import Testing
import Wire

@Suite("Lists of revocations")
struct RevocationListTests {
  private let first = Bytes16(high: 0x0123_4567_89AB_CDEF, low: 1)
  private let second = Bytes16(high: 7, low: 8)
  private let other = Bytes16(high: 9, low: 9)

  private func parse(_ text: String) throws(RevocationListError) -> RevocationList {
    try Array(text.utf8).withUnsafeBufferPointer { (bytes) throws(RevocationListError) in
      try RevocationList.parse(UnsafeRawBufferPointer(bytes))
    }
  }

  @Test("clients and tokens are found, nothing else is")
  func contents() throws {
    let list = try parse(
      "# lost laptop\n\(first.hex.uppercased())\n\n \t\(second.hex)  # Bob\r\n#\(other.hex)\n   \n")
    #expect(list.ids == [first, second])
    #expect(list.contains(clientID: first, tokenID: other))
    #expect(list.contains(clientID: other, tokenID: second))
    #expect(!list.contains(clientID: other, tokenID: other))
    #expect(try parse("") == RevocationList())
    // A last line needs no end.
    #expect(try parse(first.hex).ids == [first])
  }

  @Test(
    "a bad line makes the list bad, by its number",
    arguments: [
      ("xyz", 1), ("\n\n# remark\n0123", 4), ("0123456789abcdef0123456789abcdef\nclient-01234567\n", 2),
      ("0123456789abcdef0123456789abcdef 0123456789abcdef0123456789abcdef", 1),
      ("0123456789abcdef0123456789abcdef00", 1), ("0123456789abcdef\r0123456789abcdef", 1),
    ])
  func badLines(text: String, line: Int) {
    #expect(throws: RevocationListError.badLine(line)) { try parse(text) }
    #expect("\(RevocationListError.badLine(line))".contains("line \(line) "))
  }

  @Test("a list that is too long is not read")
  func length() throws {
    let limit = RevocationList.maximumLength
    #expect(try parse(String(repeating: "#", count: limit)) == RevocationList())
    #expect(throws: RevocationListError.tooLong) { try parse(String(repeating: "#", count: limit + 1)) }
  }
}
