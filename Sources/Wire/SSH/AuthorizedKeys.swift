/// What a key may be used for, as options of a line of authorized_keys (sshd(8)).
public struct AuthorizedKeyOptions: Hashable, Sendable {
  /// No forwarding of any kind and no user's rc file; a shell on a terminal stays possible.
  public var isRestricted = false
  /// When the key stops to be accepted: `YYYYMMDDHHMMSSZ`, UTC.
  public var expiry: String?

  public init(isRestricted: Bool = false, expiry: String? = nil) {
    self.isRestricted = isRestricted
    self.expiry = expiry
  }

  /// The options as they stand before the key, with a space behind them; empty without any.
  var prefix: String {
    var options: [String] = []
    // `restrict` takes the terminal, too, without which nobody can work.
    if isRestricted { options += ["restrict", "pty"] }
    if let expiry { options.append("expiry-time=\"\(expiry)\"") }
    return options.isEmpty ? "" : options.joined(separator: ",") + " "
  }
}

/// Changes of an authorized_keys file, as bytes.
public enum AuthorizedKeys {
  /// The longest file that is changed, in bytes.
  public static let longestFile = 4 << 20

  /// The file with one more line; nil when it has the key already, with whatever options (AUK-5).
  public static func adding(
    _ key: SSHPublicKey, _ options: AuthorizedKeyOptions, to content: [UInt8]
  ) -> [UInt8]? {
    guard !holds(key, in: content) else { return nil }
    var result = content
    // A last line without an end would swallow the new one.
    if let last = result.last, last != 0x0A { result.append(0x0A) }
    result += Array((options.prefix + key.line + "\n").utf8)
    return result
  }

  /// Whether a line gives the key access, read as sshd reads it: the key, or options and the key. A line that only
  /// trusts it as an authority over certificates, or names it in an option or a comment, does not.
  static func holds(_ key: SSHPublicKey, in content: [UInt8]) -> Bool {
    let type = Array(key.kind.rawValue.utf8)
    let base64 = Array(Base64.encode(key.blob, .standard).utf8)
    func begins(_ text: ArraySlice<UInt8>) -> Bool {
      let words = text.split(maxSplits: 2, whereSeparator: isBlank).prefix(2)
      return words.elementsEqual([type[...], base64[...]])
    }
    return content.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).contains { line in
      let text = line.drop(while: isBlank)
      guard text.first != UInt8(ascii: "#") else { return false }
      if begins(text) { return true }
      let (options, rest) = splitOptions(text)
      return begins(rest.drop(while: isBlank))
        && !options.contains { String(decoding: $0, as: UTF8.self).lowercased() == "cert-authority" }
    }
  }

  private static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }

  /// The options at the start of a line, which commas separate, and what follows. Blanks and commas in quotes are text,
  /// and so is a quote behind a backslash.
  private static func splitOptions(
    _ text: ArraySlice<UInt8>
  ) -> (options: [ArraySlice<UInt8>], rest: ArraySlice<UInt8>) {
    var options: [ArraySlice<UInt8>] = []
    var start = text.startIndex
    var index = start
    var isQuoted = false
    while index < text.endIndex, isQuoted || !isBlank(text[index]) {
      switch text[index] {
      case UInt8(ascii: "\\") where text[index...].dropFirst().first == UInt8(ascii: "\""): index += 1
      case UInt8(ascii: "\""): isQuoted.toggle()
      case UInt8(ascii: ",") where !isQuoted:
        options.append(text[start..<index])
        start = index + 1
      default: break
      }
      index += 1
    }
    options.append(text[start..<index])
    return (options, text[index...])
  }
}
