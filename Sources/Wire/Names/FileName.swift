/// One part of a path that is safe to create and to show: see the rules SFT-1 to SFT-3 of `specs/safety.md`.
///
/// Two names are equal when their bytes are; whether a file system may take them for the same is another question,
/// which `collisionKey` answers.
public struct FileName: Sendable {
  /// The most bytes of a name that Linux file systems take (NAME_MAX).
  public static let longest = 255
  /// What the names of incomplete files and directories end with.
  public static let partialSuffix = ".derphole-partial"

  public let text: String

  /// Checks a name of a peer.
  public init(_ bytes: some Collection<UInt8>) throws(NameError) {
    guard bytes.count <= Self.longest else { throw .nameTooLong }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidUTF8 }
    try self.init(text)
  }

  /// Checks a name that is known to be UTF-8.
  public init(_ text: some StringProtocol) throws(NameError) {
    try Self.check(text)
    self.text = String(text)
  }

  /// For a part of a path that was checked.
  init(checked text: Substring) { self.text = String(text) }

  /// What the incomplete file or directory of this name is called: a name that no peer may give.
  public var partial: FileName {
    var stem = text[...]
    while stem.utf8.count + Self.partialSuffix.utf8.count > Self.longest { stem = stem.dropLast() }
    return FileName(checked: stem + Self.partialSuffix)
  }

  /// The same for names that a file system may not tell apart (SFT-5): by case, by normalisation, by characters
  /// that have no form, by spaces and dots at the end. To be compared as `String`, which is by canonical equivalence.
  public var collisionKey: String {
    var key = text
    if !text.utf8.allSatisfy({ $0 < 0x80 }) {
      key.unicodeScalars.removeAll { NameCharacters.isIgnorable($0) }
      // Upper case first: it unites what lower case alone keeps apart, such as ß and ss, or both small sigmas.
      key = key.uppercased()
    }
    key = key.lowercased()
    while let last = key.unicodeScalars.last, last == " " || last == "." { key.unicodeScalars.removeLast() }
    while key.unicodeScalars.first == " " { key.unicodeScalars.removeFirst() }
    // A name of dots and spaces alone is still a name.
    return key.isEmpty ? text : key
  }

  static func check(_ text: some StringProtocol) throws(NameError) {
    var count = 0
    var isASCII = true
    for byte in text.utf8 {
      count += 1
      if byte < 0x20 || byte == 0x7f { throw .control }
      if byte == UInt8(ascii: "/") { throw .separator }
      if byte >= 0x80 { isASCII = false }
    }
    guard count > 0 else { throw .empty }
    guard count <= longest else { throw .nameTooLong }
    if count < 3, text.utf8.allSatisfy({ $0 == UInt8(ascii: ".") }) { throw .reserved }
    if !isASCII { try NameCharacters.check(text) }
    if count >= partialSuffix.utf8.count, isPartial(text) { throw .partial }
  }

  private static func isPartial(_ text: some StringProtocol) -> Bool {
    text.utf8.suffix(partialSuffix.utf8.count).elementsEqual(partialSuffix.utf8) {
      ($0 >= UInt8(ascii: "A") && $0 <= UInt8(ascii: "Z") ? $0 | 0x20 : $0) == $1
    }
  }
}

extension FileName: Hashable, CustomStringConvertible {
  public static func == (left: FileName, right: FileName) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
  }

  public var description: String { text }
}
