/// What a symbolic link may name so that it cannot lead out of the tree that it belongs to (SFT-9).
///
/// `..` may stand at the beginning only, at most as often as there are directories above the link. After a name it
/// could follow that name's own link upwards and out, although the text looks as if it stayed inside. So no chain of
/// such links leaves the tree: each goes up through real directories and then down.
public struct LinkTarget: Hashable, Sendable, CustomStringConvertible {
  public let text: String

  /// Checks the target of the link at `path`.
  public init(_ bytes: some Collection<UInt8>, of path: RelativePath) throws(NameError) {
    guard bytes.count < RelativePath.longest else { throw .pathTooLong }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw .invalidUTF8 }
    guard text.utf8.first != UInt8(ascii: "/") else { throw .linkLeavesTree }
    var climbs = 0
    var hasName = false
    for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
      if part.elementsEqual(".".utf8) { continue }
      if part.elementsEqual("..".utf8) {
        climbs += 1
        guard !hasName, climbs < path.depth else { throw .linkLeavesTree }
      } else if part.isEmpty {
        // A separator at the end, or two in a row; a target of nothing is none.
        guard !text.isEmpty else { throw .empty }
      } else {
        hasName = true
        try FileName.check(Substring(part))
      }
    }
    self.text = text
  }

  public static func == (left: LinkTarget, right: LinkTarget) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
  }

  public var description: String { text }
}
