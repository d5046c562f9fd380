import Glibc
import Wire

/// What a sender was told to send, as it was found: the list that is announced, and how to open each file later.
///
/// Making one reads every directory, so it may take a while. Nothing of it changes afterwards.
public final class SourceTree: Sendable {
  public enum Shape: Sendable {
    /// One file; the only item bears its name.
    case file
    /// One directory; the items are what it holds.
    case directory
    /// Several files or directories; the first part of each path is the name of one of them.
    case several
  }

  public struct Options: Sendable {
    /// Patterns as in a `.gitignore` file of each directory that is named.
    public var excluded: [String] = []
    /// Whether the `.gitignore` files of the tree count; then `.git` is left out, too.
    public var honoursGitignore = false

    public init() {}
  }

  /// Something that is sent.
  public struct Item: Sendable {
    public let entry: TreeEntry
    let identity: FileIdentity
    /// Which of the named arguments it belongs to.
    let root: Int
  }

  public let shape: Shape
  /// What the file or directory is called; empty for several.
  public let name: String
  /// The bits for reading, writing and executing of the one directory, and when it was last changed.
  public let mode: UInt16
  public let modified: FileTime
  /// Depth first, names in the order of their bytes, each directory before what it holds.
  public let items: [Item]
  /// The sum of the files' sizes.
  public let bytes: UInt64
  /// What was left out without being asked to, a line each.
  public let notices: [String]
  private let roots: [SourceRoot]

  /// Looks at everything that `paths` name. A path itself may be a link; below it none is followed.
  ///
  /// - Throws: for what cannot be read, and for what a receiver would refuse (`specs/safety.md`), before anything
  ///   is sent.
  public init(_ paths: [String], options: Options = Options()) throws(FileError) {
    var walk = TreeWalk(options: options)
    var roots: [SourceRoot] = []
    for path in paths {
      let root = try SourceRoot(path)
      if roots.contains(where: { $0.name == root.name }) {
        throw .content("two of the files are called \(root.name)")
      }
      roots.append(root)
    }
    guard let first = roots.first else { throw .content("nothing to send") }
    shape = roots.count > 1 ? .several : first.isDirectory ? .directory : .file
    name = roots.count > 1 ? "" : first.name.text
    mode = UInt16(first.status.st_mode & 0o777)
    modified = FileTime(first.status.st_mtim)
    for (index, root) in roots.enumerated() { try walk.add(root, index, isAlone: roots.count == 1) }
    self.roots = roots
    items = walk.items
    bytes = walk.check.bytes
    notices = walk.notices
  }

  /// Opens a file for reading and makes sure that it is the one that was seen (SFT-15); the caller closes it.
  public func open(_ item: Item) throws(FileError) -> Int32 {
    let root = roots[item.root]
    var parts = item.entry.path.parts[...]
    // The path of an item below several begins with the root's name, and a file is its own root.
    if shape != .directory { parts.removeFirst() }
    let descriptor = try root.open(parts)
    do throws(FileError) {
      try confirm(descriptor, item)
    } catch {
      close(descriptor)
      throw error
    }
    return descriptor
  }

  /// Throws when an open file is no longer what was announced; to be asked before and after it is read (SFT-15).
  public func confirm(_ descriptor: Int32, _ item: Item) throws(FileError) {
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .from(item.entry.path.text, code: errno) }
    guard FileIdentity(status) == item.identity, UInt64(status.st_size) == item.entry.size else {
      throw .content("\(item.entry.path) changed while it was read")
    }
  }
}

/// What tells that a file is still the same and was not written to.
struct FileIdentity: Hashable, Sendable {
  let device: UInt64
  let inode: UInt64
  let modified: FileTime
  let changed: FileTime

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    modified = FileTime(status.st_mtim)
    changed = FileTime(status.st_ctim)
  }
}

extension FileTime {
  init(_ time: timespec) {
    self.init(seconds: Int64(time.tv_sec), nanoseconds: UInt32(truncatingIfNeeded: time.tv_nsec))
  }
}

/// A file or directory that the user named.
struct SourceRoot: Sendable {
  let path: String
  let name: FileName
  let status: stat
  var isDirectory: Bool { status.st_mode & S_IFMT == S_IFDIR }

  init(_ path: String) throws(FileError) {
    self.path = path
    var status = stat()
    guard stat(path, &status) == 0 else { throw .from(path, code: errno) }
    self.status = status
    guard [S_IFDIR, S_IFREG].contains(status.st_mode & S_IFMT) else {
      throw .content("\(path) is neither a file nor a directory")
    }
    var last = path.utf8.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
    if last.isEmpty || last == Array(".".utf8) || last == Array("..".utf8) {
      // The name that the directory has in its parent.
      guard let full = realpath(path, nil) else { throw .from(path, code: errno) }
      defer { free(full) }
      last = Array(String(cString: full).utf8.split(separator: UInt8(ascii: "/")).last ?? [])
    }
    do {
      name = try FileName(last)
    } catch {
      throw .content("\(NameCharacters.escaped(Array(path.utf8))) cannot be sent: \(error)")
    }
  }

  /// Opens what the user named, or what lies below it at `parts`, without following a link on the way.
  func open(_ parts: ArraySlice<FileName>, directory: Bool = false) throws(FileError) -> Int32 {
    let flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC
    let isFirst = parts.isEmpty && !directory
    var current = Glibc.open(path, flags | (isFirst ? 0 : O_DIRECTORY))
    guard current >= 0 else { throw .from(path, code: errno) }
    var opened = stat()
    guard fstat(current, &opened) == 0, opened.st_ino == status.st_ino, opened.st_dev == status.st_dev else {
      close(current)
      throw .content("\(path) was exchanged meanwhile")
    }
    for (index, part) in parts.enumerated() {
      let isLast = index == parts.count - 1 && !directory
      let next = openat(current, part.text, flags | O_NOFOLLOW | (isLast ? 0 : O_DIRECTORY))
      let code = errno
      close(current)
      guard next >= 0 else { throw .from("\(path): \(part)", code: code) }
      current = next
    }
    return current
  }
}
