import Basics

/// Why text is no public key that may be given access.
public enum SSHKeyError: Error, Hashable, Sendable, CustomStringConvertible {
  /// More bytes than any key has.
  case tooLong
  /// More than one line, or bytes that no line of text holds.
  case notOneLine
  /// Not `TYPE BASE64 [COMMENT]`; options before the type are not taken from anybody.
  case malformed
  /// It is, or begins like, a private key.
  case privateKey
  /// A type that is not known, or no longer safe.
  case unsupportedType
  /// The encoded key does not fit its type.
  case badKey
  /// An RSA key below 2,048 bits, or above 16,384.
  case badSize

  public var description: String {
    switch self {
    case .tooLong: "the key is too long"
    case .notOneLine: "a public key is exactly one line of text"
    case .malformed: "this is no OpenSSH public key"
    case .privateKey: "this is a private key; never give it away"
    case .unsupportedType: "the key's type is not accepted"
    case .badKey: "the key is damaged"
    case .badSize: "an RSA key needs 2,048 to 16,384 bits"
    }
  }
}

/// An OpenSSH public key (RFC 4253, section 6.6; RFC 5656; RFC 8709; OpenSSH's PROTOCOL.u2f), checked inside (AUK-1).
public struct SSHPublicKey: Hashable, Sendable {
  /// What a key may be.
  public enum Kind: String, CaseIterable, Sendable {
    case ed25519 = "ssh-ed25519"
    case ecdsa256 = "ecdsa-sha2-nistp256"
    case ecdsa384 = "ecdsa-sha2-nistp384"
    case ecdsa521 = "ecdsa-sha2-nistp521"
    case rsa = "ssh-rsa"
    case securityKeyEd25519 = "sk-ssh-ed25519@openssh.com"
    case securityKeyECDSA256 = "sk-ecdsa-sha2-nistp256@openssh.com"
  }

  /// The longest line that is taken, in bytes.
  public static let longestLine = 16_384
  /// The longest comment that is kept, in characters.
  public static let longestComment = 128

  public let kind: Kind
  /// The key as the wire format has it.
  public let blob: [UInt8]
  /// Who it belongs to, in its owner's words: printable, one line, no quotes needed. May be empty.
  public let comment: String

  /// Reads one line, with or without its end.
  public static func parse(_ bytes: [UInt8]) throws(SSHKeyError) -> SSHPublicKey {
    guard bytes.count <= longestLine else { throw .tooLong }
    var line = bytes[...]
    while let last = line.last, last == 0x0A || last == 0x0D { line.removeLast() }
    guard let text = String(validating: Array(line), as: UTF8.self) else { throw .notOneLine }
    guard !text.contains("PRIVATE KEY") else { throw .privateKey }
    guard !line.contains(where: { $0 < 0x20 && $0 != 0x09 || $0 == 0x7F }) else { throw .notOneLine }
    let words = text.split(maxSplits: 2, omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" }
    guard words.count >= 2 else { throw .malformed }
    guard let kind = Kind(rawValue: String(words[0])) else {
      throw words[0].allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || "-@.".contains($0)) })
        ? .unsupportedType : .malformed
    }
    guard let blob = try? Base64.decode(String(words[1]), .standard),
      Base64.encode(blob, .standard) == words[1]
    else { throw .malformed }
    try check(blob, kind)
    return SSHPublicKey(kind: kind, blob: blob, comment: words.count > 2 ? clean(words[2]) : "")
  }

  /// `TYPE BASE64 COMMENT`, as a line of authorized_keys has it, without its end.
  public var line: String {
    "\(kind.rawValue) \(Base64.encode(blob, .standard))" + (comment.isEmpty ? "" : " \(comment)")
  }

  /// `SHA256:` and the digest in base64, as ssh-keygen shows it.
  ///
  /// - Parameter digest: SHA-256 of `blob`.
  public static func fingerprint(of digest: Bytes32) -> String {
    "SHA256:" + Base64.encode(digest.array, .standard).filter { $0 != "=" }
  }

  /// What may stand in a comment is what can be seen, in one line.
  private static func clean(_ text: Substring) -> String {
    let visible = text.unicodeScalars.filter { DisplayText.isVisible($0) }
    return String(String(String.UnicodeScalarView(visible)).prefix(longestComment))
      .split(separator: " ").joined(separator: " ")
  }

  private static func check(_ blob: [UInt8], _ kind: Kind) throws(SSHKeyError) {
    var fields = SSHFields(blob)
    guard fields.next() == Array(kind.rawValue.utf8)[...] else { throw .badKey }
    switch kind {
    case .ed25519:
      guard fields.next()?.count == 32 else { throw .badKey }
    case .securityKeyEd25519:
      guard fields.next()?.count == 32, let application = fields.next(), !application.isEmpty else {
        throw .badKey
      }
    case .ecdsa256: try fields.checkPoint("nistp256", length: 65)
    case .ecdsa384: try fields.checkPoint("nistp384", length: 97)
    case .ecdsa521: try fields.checkPoint("nistp521", length: 133)
    case .securityKeyECDSA256:
      try fields.checkPoint("nistp256", length: 65)
      guard let application = fields.next(), !application.isEmpty else { throw .badKey }
    case .rsa:
      guard let exponent = fields.next().flatMap(SSHFields.bits), (2...64).contains(exponent),
        let modulus = fields.next().flatMap(SSHFields.bits)
      else { throw .badKey }
      guard (2_048...16_384).contains(modulus) else { throw .badSize }
    }
    guard fields.isEmpty else { throw .badKey }
  }
}

/// The fields of a key's wire format: each with its length (4, big-endian) before it (RFC 4251, section 5).
private struct SSHFields {
  private var rest: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { rest = bytes[...] }

  var isEmpty: Bool { rest.isEmpty }

  /// The next field; nil when there is none, or less of it than it says.
  mutating func next() -> ArraySlice<UInt8>? {
    guard rest.count >= 4 else { return nil }
    let length = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
    guard length <= rest.count - 4 else { return nil }
    let field = rest.dropFirst(4).prefix(length)
    rest = rest.dropFirst(4 + length)
    return field
  }

  /// A curve's name and an uncompressed point on it (RFC 5656, section 3.1).
  mutating func checkPoint(_ curve: String, length: Int) throws(SSHKeyError) {
    guard next() == Array(curve.utf8)[...], let point = next(), point.count == length, point.first == 4 else {
      throw .badKey
    }
  }

  /// The size of a positive number in its shortest form; nil for anything else.
  static func bits(_ number: ArraySlice<UInt8>) -> Int? {
    guard let first = number.first, first < 0x80 else { return nil }
    guard first == 0 else { return number.count * 8 - first.leadingZeroBitCount }
    guard let second = number.dropFirst().first, second >= 0x80 else { return nil }
    return (number.count - 1) * 8
  }
}
