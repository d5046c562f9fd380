/// A moment as file systems keep it.
public struct FileTime: Hashable, Sendable {
  /// Since 1970, negative before.
  public var seconds: Int64
  /// Below 1,000,000,000.
  public var nanoseconds: UInt32

  public init(seconds: Int64, nanoseconds: UInt32) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }
}

/// One file, directory or link of a tree that is sent.
public struct TreeEntry: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    case directory
    case file
    case link(LinkTarget)
  }

  public var path: RelativePath
  public var kind: Kind
  /// In bytes; 0 for all but files.
  public var size: UInt64
  /// The bits for reading, writing and executing: nothing above 0o777 (SFT-8).
  public var mode: UInt16
  /// When it was last changed.
  public var modified: FileTime

  public init(path: RelativePath, kind: Kind, size: UInt64, mode: UInt16, modified: FileTime) {
    self.path = path
    self.kind = kind
    self.size = size
    self.mode = mode & 0o777
    self.modified = modified
  }
}

/// Why a list of entries is refused. The words never hold a name.
public enum TreeError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A path whose directory was not announced just before, as a directory.
  case noParent
  /// Two names in a directory that a file system may not tell apart.
  case duplicate
  /// More than `TreeCheck.mostEntries`.
  case tooManyEntries
  /// Sizes whose sum is beyond `TreeCheck.mostBytes`, or a size or time that cannot be.
  case impossible

  public var description: String {
    switch self {
    case .noParent: "an entry whose directory was not announced before it"
    case .duplicate: "two names that differ at most by case or spelling"
    case .tooManyEntries: "more than \(TreeCheck.mostEntries) entries"
    case .impossible: "sizes or times that cannot be"
    }
  }
}

/// Checks the entries of a tree one after the other (SFT-5, SFT-6): depth first, every directory before what it
/// holds, no two names alike. So nothing can lie below a link or a file.
///
/// It remembers the names of the directories that are open, no more.
public struct TreeCheck: Sendable {
  public static let mostEntries = 1_000_000
  /// What `off_t` takes.
  public static let mostBytes = UInt64(Int64.max)

  /// How many entries there were.
  public private(set) var count = 0
  /// The sum of the files' sizes.
  public private(set) var bytes: UInt64 = 0
  /// The directories that the last entry is in, and the keys of what they hold so far; first the chosen one.
  private var open: [(path: String, keys: Set<String>)] = [("", [])]

  public init() {}

  /// Takes the next entry; throws when the list must be refused.
  public mutating func add(_ entry: TreeEntry) throws(TreeError) {
    guard count < Self.mostEntries else { throw .tooManyEntries }
    let parent = entry.path.parent?.text ?? ""
    while let last = open.last, !last.path.utf8.elementsEqual(parent.utf8) {
      guard open.count > 1 else { throw .noParent }
      open.removeLast()
    }
    let isNew = open[open.count - 1].keys.insert(entry.path.name.collisionKey).inserted
    guard isNew else { throw .duplicate }
    guard entry.kind == .file || entry.size == 0, entry.modified.nanoseconds < 1_000_000_000,
      entry.size <= Self.mostBytes - bytes
    else { throw .impossible }
    bytes += entry.size
    count += 1
    if entry.kind == .directory { open.append((entry.path.text, [])) }
  }
}
