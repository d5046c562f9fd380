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

  /// Whether a line that is no comment holds the key. Type and key stand side by side wherever options end, so no option
  /// has to be understood; a line that only names the key inside a quoted option would count, too, and nothing would be
  /// lost but a line.
  static func holds(_ key: SSHPublicKey, in content: [UInt8]) -> Bool {
    let base64 = Base64.encode(key.blob, .standard)
    return content.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }).contains { line in
      let words = line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 })
      guard let first = words.first, first.first != UInt8(ascii: "#") else { return false }
      return zip(words, words.dropFirst()).contains { type, blob in
        type.elementsEqual(key.kind.rawValue.utf8) && blob.elementsEqual(base64.utf8)
      }
    }
  }
}
