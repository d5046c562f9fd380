import Wire

enum NameProperties {
  /// The input is a path, and the target of a link in it.
  static func path(_ input: UnsafeRawBufferPointer) -> String? {
    let halves = input.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    return firstViolation(
      { name(input) }, { path(bytes: halves[0], target: halves[halves.count - 1]) }, { tree(input) })
  }

  private static func name(_ input: UnsafeRawBufferPointer) -> String? {
    guard let name = try? FileName(input) else { return nil }
    guard name.text.utf8.elementsEqual(input), (1...255).contains(input.count) else {
      return "not the name given"
    }
    if input.contains(where: { $0 < 0x20 || $0 == 0x7f || $0 == 0x2f }) {
      return "a byte that no name may hold"
    }
    for scalar in name.text.unicodeScalars {
      let category = scalar.properties.generalCategory
      if category == .control || category == .lineSeparator || category == .paragraphSeparator {
        return "a control character"
      }
      if (0x202a...0x202e).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value) {
        return "a turn"
      }
    }
    let key = name.collisionKey
    if key.isEmpty { return "an empty key" }
    if let again = try? FileName(key), again.collisionKey != key { return "a key with another key" }
    return nil
  }

  private static func path(bytes: Slice<UnsafeRawBufferPointer>, target: Slice<UnsafeRawBufferPointer>)
    -> String?
  {
    guard let path = try? RelativePath(bytes) else { return nil }
    let parts = path.parts
    guard parts.count == path.depth, parts.count <= RelativePath.deepest, bytes.count <= RelativePath.longest,
      parts.map(\.text).joined(separator: "/").utf8.elementsEqual(bytes)
    else { return "not the path given" }
    for part in parts where part.text == "." || part.text == ".." || (try? FileName(part.text)) == nil {
      return "a part that is no name"
    }
    if let parent = path.parent, (try? parent.appending(path.name)) != path { return "not its parent's" }
    guard let link = try? LinkTarget(target, of: path) else { return nil }
    // However it is resolved, it never rises above the tree.
    var depth = path.depth - 1
    for part in link.text.utf8.split(separator: 0x2f) where !part.elementsEqual(".".utf8) {
      depth += part.elementsEqual("..".utf8) ? -1 : 1
      if depth < 0 { return "a link that leaves the tree" }
    }
    return link.text.utf8.first == 0x2f ? "an absolute link" : nil
  }

  /// The input is a list of paths, a line each; a slash at the end stands for a directory.
  private static func tree(_ input: UnsafeRawBufferPointer) -> String? {
    var check = TreeCheck()
    var directories: Set<RelativePath> = []
    var seen: Set<RelativePath> = []
    for line in input.split(separator: 0x0a) {
      let isDirectory = line.last == 0x2f
      guard let path = try? RelativePath(isDirectory ? line.dropLast() : line) else { continue }
      let entry = TreeEntry(
        path: path, kind: isDirectory ? .directory : .file, size: isDirectory ? 0 : 1, mode: 0,
        modified: FileTime(seconds: 0, nanoseconds: 0))
      guard (try? check.add(entry)) != nil else { return nil }
      if let parent = path.parent, !directories.contains(parent) { return "an entry without its directory" }
      if !seen.insert(path).inserted { return "an entry twice" }
      if isDirectory { directories.insert(path) }
      guard check.count == seen.count, check.bytes == UInt64(seen.count - directories.count) else {
        return "miscounted"
      }
    }
    return nil
  }
}
