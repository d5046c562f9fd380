import Glibc
import Wire

/// Collects the items of a `SourceTree`.
struct TreeWalk {
  let options: SourceTree.Options
  private(set) var items: [SourceTree.Item] = []
  private(set) var notices: [String] = []
  /// Holds the list against the rules that the receiver will hold it against.
  private(set) var check = TreeCheck()

  /// A directory that is being read.
  private struct Place {
    let root: Int
    let descriptor: Int32
    /// How the user reaches it.
    let title: String
    /// Its own path in the list; nil for the one that has none.
    let path: RelativePath?
    /// Its parts below the directory that was named.
    let parts: [[UInt8]]
  }

  init(options: SourceTree.Options) { self.options = options }

  /// Takes in what the user named.
  mutating func add(_ root: SourceRoot, _ index: Int, isAlone: Bool) throws(FileError) {
    let path = RelativePath(root.name)
    guard root.isDirectory else {
      guard access(root.path, R_OK) == 0 else { throw .from(root.path, code: errno) }
      return try append(path, .file, root.status, index, title: root.path)
    }
    if !isAlone { try append(path, .directory, root.status, index, title: root.path) }
    let descriptor = try root.open([], directory: true)
    defer { close(descriptor) }
    var rules = IgnoreRules(excluded: options.excluded)
    let place = Place(
      root: index, descriptor: descriptor, title: root.path, path: isAlone ? nil : path, parts: [])
    try walk(place, &rules)
  }

  private mutating func walk(_ place: Place, _ rules: inout IgnoreRules) throws(FileError) {
    rules.enter(options.honoursGitignore ? try gitignore(in: place) : [])
    defer { rules.leave() }
    for bytes in try names(in: place) {
      try visit(bytes, in: place, &rules)
    }
  }

  private mutating func visit(
    _ bytes: [UInt8], in place: Place, _ rules: inout IgnoreRules
  ) throws(FileError) {
    let title = "\(place.title)/\(NameCharacters.escaped(bytes))"
    let raw = bytes.map { CChar(bitPattern: $0) } + [0]
    var status = stat()
    guard fstatat(place.descriptor, raw, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
      throw .from(title, code: errno)
    }
    let type = status.st_mode & S_IFMT
    let parts = place.parts + [bytes]
    if options.honoursGitignore, bytes.elementsEqual(".git".utf8) { return }
    if rules.isIgnored(parts, isDirectory: type == S_IFDIR) { return }
    let path: RelativePath
    do throws(NameError) {
      let name = try FileName(bytes)
      path = try place.path?.appending(name) ?? RelativePath(name)
    } catch {
      if error == .partial {
        notices.append("\(title) is left out: it is an incomplete file")
        return
      }
      throw .content("\(title) cannot be sent: \(error)")
    }
    switch type {
    case S_IFREG:
      guard faccessat(place.descriptor, raw, R_OK, 0) == 0 else { throw .from(title, code: errno) }
      try append(path, .file, status, place.root, title: title)
    case S_IFLNK:
      let target = try linkTarget(raw, in: place, path, title: title)
      try append(path, .link(target), status, place.root, title: title)
    case S_IFDIR:
      try append(path, .directory, status, place.root, title: title)
      let descriptor = openat(place.descriptor, raw, SafeDirectory.directoryFlags)
      guard descriptor >= 0 else { throw .from(title, code: errno) }
      defer { close(descriptor) }
      try walk(
        Place(root: place.root, descriptor: descriptor, title: title, path: path, parts: parts), &rules)
    default:
      notices.append("\(title) is left out: it is neither a file, a directory nor a link")
    }
  }

  private mutating func append(
    _ path: RelativePath, _ kind: TreeEntry.Kind, _ status: stat, _ root: Int, title: String
  ) throws(FileError) {
    let entry = TreeEntry(
      path: path, kind: kind, size: kind == .file ? UInt64(status.st_size) : 0,
      mode: UInt16(truncatingIfNeeded: status.st_mode & 0o777), modified: FileTime(status.st_mtim))
    do {
      try check.add(entry)
    } catch {
      throw .content("\(title) cannot be sent: \(error)")
    }
    items.append(SourceTree.Item(entry: entry, identity: FileIdentity(status), root: root))
  }

  private func linkTarget(
    _ name: [CChar], in place: Place, _ path: RelativePath, title: String
  ) throws(FileError) -> LinkTarget {
    var buffer = [CChar](repeating: 0, count: RelativePath.longest + 1)
    let count = readlinkat(place.descriptor, name, &buffer, buffer.count)
    guard count >= 0 else { throw .from(title, code: errno) }
    do {
      return try LinkTarget(buffer[..<count].map { UInt8(bitPattern: $0) }, of: path)
    } catch {
      throw .content("\(title) cannot be sent: \(error)")
    }
  }

  /// The names in a directory, in the order of their bytes.
  private func names(in place: Place) throws(FileError) -> [[UInt8]] {
    // A description of its own: reading moves its offset, and closing it closes the descriptor.
    let own = openat(place.descriptor, ".", SafeDirectory.directoryFlags)
    guard own >= 0, let directory = fdopendir(own) else { throw .from(place.title, code: errno) }
    defer { closedir(directory) }
    var names: [[UInt8]] = []
    while true {
      errno = 0
      guard let entry = readdir(directory) else { break }
      let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
      names.append(name)
    }
    guard errno == 0 else { throw .from(place.title, code: errno) }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The text of the directory's `.gitignore`; empty when it has none. A link is none, as for git.
  private func gitignore(in place: Place) throws(FileError) -> [UInt8] {
    let title = "\(place.title)/.gitignore"
    let descriptor = openat(place.descriptor, ".gitignore", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
    guard descriptor >= 0 else {
      guard errno == ENOENT || errno == ELOOP else { throw .from(title, code: errno) }
      return []
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw .from(title, code: errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { return [] }
    guard status.st_size <= 1 << 20 else { throw .content("\(title) is larger than 1 MiB") }
    var text = [UInt8](repeating: 0, count: Int(status.st_size))
    let count = read(descriptor, &text, text.count)
    guard count >= 0 else { throw .from(title, code: errno) }
    return Array(text[..<count])
  }
}
