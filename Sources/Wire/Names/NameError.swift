/// Why a name or path of a peer is refused. The words never hold a part of the name: it may be made to deceive.
public enum NameError: Error, Hashable, Sendable, CustomStringConvertible {
  /// Nothing stands where a name belongs; also two separators in a row, or one at the end.
  case empty
  /// More than `FileName.longest` bytes.
  case nameTooLong
  /// More than `RelativePath.longest` bytes.
  case pathTooLong
  /// More than `RelativePath.deepest` parts.
  case tooDeep
  case invalidUTF8
  /// A separator within a name.
  case separator
  /// A path that does not begin in the directory that was chosen.
  case absolute
  /// `.` or `..`, which name a directory that exists already.
  case reserved
  /// A control character, NUL included.
  case control
  /// A character without a form of its own, which changes how others are shown or hides that names differ.
  case invisible
  /// A name as this program gives to what is not complete.
  case partial
  /// A link that names an absolute path or a place above the tree that it belongs to.
  case linkLeavesTree

  public var description: String {
    switch self {
    case .empty: "an empty name"
    case .nameTooLong: "a name of more than \(FileName.longest) bytes"
    case .pathTooLong: "a path of more than \(RelativePath.longest) bytes"
    case .tooDeep: "a path of more than \(RelativePath.deepest) parts"
    case .invalidUTF8: "a name that is not UTF-8"
    case .separator: "a name with a separator"
    case .absolute: "an absolute path"
    case .reserved: "a name that stands for another directory"
    case .control: "a name with a control character"
    case .invisible: "a name with an invisible character"
    case .partial: "a name that is kept for incomplete files"
    case .linkLeavesTree: "a link that leads out of the directory"
    }
  }
}
