/// A path below a directory that was chosen, each part of which is a safe name (SFT-1 to SFT-4).
public struct RelativePath: Sendable {
  /// The most bytes of a path (PATH_MAX of Linux).
  public static let longest = 4_096
  /// The most parts.
  public static let deepest = 128

  /// The parts, separated by `/`.
  public let text: String

  /// Checks a path of a peer.
  public init(_ bytes: some Collection<UInt8>) throws(NameError) {
    guard bytes.count <= Self.longest else { throw .pathTooLong }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidUTF8 }
    guard text.utf8.first != UInt8(ascii: "/") else { throw .absolute }
    var depth = 0
    for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      depth += 1
      guard depth <= Self.deepest else { throw .tooDeep }
      try FileName.check(Substring(part))
    }
    self.text = text
  }

  public init(_ name: FileName) { text = name.text }

  private init(checked text: String) { self.text = text }

  /// The path of something in this directory.
  public func appending(_ name: FileName) throws(NameError) -> RelativePath {
    guard text.utf8.count + 1 + name.text.utf8.count <= Self.longest else { throw .pathTooLong }
    guard depth < Self.deepest else { throw .tooDeep }
    return RelativePath(checked: text + "/" + name.text)
  }

  /// The parts, from the outermost on; there is at least one.
  public var parts: [FileName] {
    text.utf8.split(separator: UInt8(ascii: "/")).map { FileName(checked: Substring($0)) }
  }

  /// How many parts there are.
  public var depth: Int { text.utf8.count { $0 == UInt8(ascii: "/") } + 1 }

  /// The last part.
  public var name: FileName {
    let start = text.utf8.lastIndex(of: UInt8(ascii: "/")).map { text.utf8.index(after: $0) }
    return FileName(checked: text[(start ?? text.startIndex)...])
  }

  /// The directory that it is in; nil for the one that was chosen.
  public var parent: RelativePath? {
    text.utf8.lastIndex(of: UInt8(ascii: "/")).map { RelativePath(checked: String(text[..<$0])) }
  }
}

extension RelativePath: Hashable, CustomStringConvertible {
  public static func == (left: RelativePath, right: RelativePath) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
  }

  public var description: String { text }
}
