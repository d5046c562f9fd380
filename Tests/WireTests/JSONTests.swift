import Testing

@testable import Wire

@Suite("The JSON reader and writer")
struct JSONTests {
  private func parse(_ bytes: [UInt8]) throws(JSONError) -> JSONValue {
    try bytes.lend { (raw) throws(JSONError) in
      try JSONParser.parse(raw, limits: JSONLimits(maximumBytes: 1_000, maximumDepth: 4, maximumValues: 20))
    }
  }

  private func parse(_ text: String) throws(JSONError) -> JSONValue { try parse(Array(text.utf8)) }

  @Test(
    "text that is not JSON is refused",
    arguments: [
      "", " ", "{", "[", "\"", "{}x", "[1,]", "[,1]", "{\"a\":1,}", "{a:1}", "{\"a\"}", "{\"a\":}", "01", "-",
      "-01", "1.", ".5", "1e", "1e+", "+1", "0x1", "tru", "nul", "True", "\"\\x\"", "\"\\u12\"",
      "\"\\u12g4\"",
      "\"\n\"", "\"a", "\"\\", "[1 2]", "NaN", "'a'", "\u{FEFF}1",
    ])
  func malformed(_ text: String) {
    #expect(throws: JSONError.self) { try parse(text) }
  }

  @Test("integers keep 64 bits, and nothing else passes as one")
  func numbers() throws {
    func integer<Value: FixedWidthInteger>(_ text: String, _ type: Value.Type) throws -> Value? {
      guard case .number(let number) = try parse(text) else { return nil }
      return number.integer(as: type)
    }
    #expect(try integer("18446744073709551615", UInt64.self) == .max)
    #expect(try integer("18446744073709551616", UInt64.self) == nil)
    #expect(try integer("9223372036854775807", Int64.self) == .max)
    #expect(try integer("9223372036854775808", Int64.self) == nil)
    #expect(try integer("-9223372036854775808", Int64.self) == .min)
    #expect(try integer("-9223372036854775809", Int64.self) == nil)
    #expect(try integer("-1", UInt64.self) == nil)
    #expect(try integer("-0", UInt8.self) == 0)
    #expect(try integer("256", UInt8.self) == nil)
    #expect(try integer("1.0", Int64.self) == nil)
    #expect(try integer("1e2", Int64.self) == nil)
    #expect(try integer("99999999999999999999999999999999", UInt64.self) == nil)
  }

  @Test("strings are unescaped and repaired as Go does it")
  func strings() throws {
    #expect(try parse(#""\"\\\/\b\f\n\r\t\u00e9\uD83D\uDD11""#) == .string("\"\\/\u{8}\u{C}\n\r\té🔑"))
    #expect(try parse(#""\ud83d""#) == .string("\u{FFFD}"))
    #expect(try parse(#""\ud83dx""#) == .string("\u{FFFD}x"))
    #expect(try parse(#""\udd11\ud83d\u0041""#) == .string("\u{FFFD}\u{FFFD}A"))
    func repaired(_ bytes: [UInt8]) throws -> JSONValue { try parse([0x22] + bytes + [0x22]) }
    #expect(try repaired([0xFF]) == .string("\u{FFFD}"))
    #expect(try repaired([0xE2, 0x82]) == .string("\u{FFFD}\u{FFFD}"))
    #expect(try repaired([0xED, 0xA0, 0x80]) == .string("\u{FFFD}\u{FFFD}\u{FFFD}"))
    #expect(try repaired([0xF4, 0x90, 0x80, 0x80]) == .string("\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"))
    #expect(try repaired([0xC0, 0x80]) == .string("\u{FFFD}\u{FFFD}"))
    #expect(try repaired(Array("€".utf8)) == .string("€"))
  }

  @Test("strings are escaped as Go does it")
  func escapes() {
    var writer = JSONWriter()
    writer.value("\u{0}\u{8}\t\n\u{B}\u{C}\r\u{1F} \"\\/<>&\u{7F}é\u{2027}\u{2028}\u{2029}\u{202A}€🔑")
    let expected =
      #""\u0000\b\t\n\u000b\f\r\u001f \"\\/\u003c\u003e\u0026"#
      + "\u{7F}é\u{2027}" + #"\u2028\u2029"# + "\u{202A}€🔑\""
    #expect(String(decoding: writer.bytes, as: UTF8.self) == expected)
  }

  @Test("limits hold")
  func limits() throws {
    #expect(throws: Never.self) { try parse("[[[[]]]]") }
    #expect(throws: JSONError.tooDeep) { try parse("[[[[[]]]]]") }
    #expect(throws: JSONError.tooDeep) { try parse(#"{"a":[{"b":[[1]]}]}"#) }
    #expect(throws: Never.self) {
      try parse("[" + Array(repeating: "1", count: 19).joined(separator: ",") + "]")
    }
    #expect(throws: JSONError.tooLarge) {
      try parse("[" + Array(repeating: "1", count: 20).joined(separator: ",") + "]")
    }
    #expect(throws: JSONError.tooLarge) { try parse(String(repeating: " ", count: 1_001)) }
    #expect(throws: JSONError.malformed(offset: 3)) { try parse("[1 2]") }
  }

  @Test("repeated members are read over each other, null clears lists and changes nothing else")
  func goRules() throws {
    func progress(_ text: String) throws -> TransferProgress {
      try Array(text.utf8).lend { try TransferProgress(json: $0, limits: Envelope.limits) }
    }
    #expect(
      try progress(#"{"bytes_received":5,"BYTES_RECEIVED":6,"ſequence":7,"sequence":null}"#)
        == TransferProgress(bytesReceived: 6, sequence: 7))
    let merged = try SealedEnvelope.parse(
      Array(#"{"type":"progress","progress":{"sequence":3},"progress":{"bytes_received":4}}"#.utf8))
    #expect(merged.envelope == .progress(TransferProgress(bytesReceived: 4, sequence: 3)))
    #expect(throws: EnvelopeError.missingBody) {
      try SealedEnvelope.parse(Array(#"{"type":"progress","progress":{"sequence":3},"progress":null}"#.utf8))
    }
    let claim = try Array(
      #"{"session_id":[1,2],"candidates":["a"],"candidates":null,"derp_public":null}"#.utf8
    )
    .lend { try Claim(json: $0, limits: Envelope.limits) }
    #expect(claim.sessionID.array == [1, 2] + Array(repeating: 0, count: 14))
    #expect(claim.candidates == [])
    #expect(throws: JSONError.wrongShape) {
      try Array(#"{"session_id":[256]}"#.utf8).lend { try Claim(json: $0, limits: Envelope.limits) }
    }
  }
}
