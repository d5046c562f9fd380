import Wire

/// Finds a derptun token in what a person pasted: alone, in a command line, broken over several lines.
enum DerptunTokenText {
  /// The most words that are looked at; a command line has fewer.
  private static let mostWords = 64

  /// The token in a text. When nothing in it is one, what comes closest, so that decoding says what is wrong.
  static func token(in text: String) -> String {
    let words = words(in: text)
    for start in words.indices where TokenText.isDerptun(words[start]) {
      var joined = ""
      for word in words[start...] {
        joined += word
        if isWhole(joined) { return joined }
      }
    }
    return words.first(where: TokenText.isDerptun) ?? words.max { $0.utf8.count < $1.utf8.count } ?? ""
  }

  /// Whether a text holds a whole token, expired or not.
  static func isComplete(_ text: String) -> Bool { isWhole(token(in: text)) }

  private static func isWhole(_ text: String) -> Bool {
    // Nothing has expired at the beginning of time.
    (try? DerptunClientToken.decode(text, nowUnixSeconds: .min)) != nil
      || (try? DerptunServerToken.decode(text, nowUnixSeconds: .min)) != nil
  }

  private static let separators = Array("\"'`>=".utf8)

  /// What stands between white space, quotation marks and an option's equals sign. Other punctuation may belong to a
  /// token.
  private static func words(in text: String) -> [String] {
    text.utf8.split { $0 <= 0x20 || separators.contains($0) }.prefix(mostWords)
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
