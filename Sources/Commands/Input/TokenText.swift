import Wire

/// Finds the token in what a person pasted: a token alone, a whole command line, the URL of a QR code, all of that with
/// line breaks where a mail program put them.
enum TokenText {
  /// The most words that are looked at; a command line has fewer.
  private static let mostWords = 64
  /// Shorter text is no session token: the shortest has 175 characters.
  private static let shortest = 160

  /// The token in a text. When nothing in it is one, what comes closest, so that decoding says what is wrong.
  static func token(in text: String) -> String {
    let words = Self.words(in: text)
    for start in words.indices {
      var joined = ""
      for word in words[start...] {
        guard word.utf8.allSatisfy(isTokenByte), joined.utf8.count <= SessionToken.maximumTextLength else {
          break
        }
        joined += word
        if isWhole(joined) { return joined }
      }
    }
    return words.first(where: isDerptun) ?? words.max { $0.utf8.count < $1.utf8.count } ?? ""
  }

  /// Whether a text holds a whole token, expired or not.
  static func isComplete(_ text: String) -> Bool {
    let token = token(in: text)
    return isDerptun(token) || isWhole(token)
  }

  /// Whether a token is one of derptun's.
  static func isDerptun(_ text: String) -> Bool {
    ["DT1", "DT2", "DT3", "dts"].contains { text.hasPrefix($0) }
  }

  private static func isWhole(_ text: String) -> Bool {
    guard text.utf8.count >= shortest else { return false }
    // Nothing has expired at the beginning of time.
    return (try? SessionToken.decode(text, nowUnixSeconds: 0)) != nil
  }

  /// What stands between white space, quotation marks and the punctuation of URLs and of sentences.
  private static func words(in text: String) -> [String] {
    text.utf8.split { !isTokenByte($0) }.prefix(mostWords).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The alphabet of tokens (RFC 4648, table 2).
  private static func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
