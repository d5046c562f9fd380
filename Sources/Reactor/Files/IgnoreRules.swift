/// What of a tree is left out: the user's patterns, then those of the `.gitignore` files on the way.
struct IgnoreRules {
  /// Those of the user, relative to the root; they go before everything.
  private let excluded: [IgnorePattern]
  /// For every open directory from the root on, the patterns of its file.
  private var levels: [[IgnorePattern]] = []

  /// One pattern each, as in a `.gitignore` file of the root.
  init(excluded: [String]) {
    self.excluded = excluded.compactMap { IgnorePattern(Array($0.utf8)) }
  }

  /// Enters a directory, with the text of its `.gitignore` file, if it has one that counts.
  mutating func enter(_ file: [UInt8]) {
    let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    let text = file.starts(with: mark) ? file.dropFirst(mark.count) : file[...]
    levels.append(text.split(separator: UInt8(ascii: "\n")).compactMap { IgnorePattern($0) })
  }

  /// Leaves the last directory that was entered.
  mutating func leave() { levels.removeLast() }

  /// Whether a path, given as its parts below the root, is left out. Its directory is the last that was entered.
  ///
  /// The last pattern that matches decides, the file nearest to the path before those above it.
  func isIgnored(_ path: [[UInt8]], isDirectory: Bool) -> Bool {
    if let pattern = excluded.last(where: { $0.matches(path[...], isDirectory: isDirectory) }) {
      return !pattern.isNegated
    }
    for (level, patterns) in levels.enumerated().reversed() where level < path.count {
      let below = path[level...]
      if let pattern = patterns.last(where: { $0.matches(below, isDirectory: isDirectory) }) {
        return !pattern.isNegated
      }
    }
    return false
  }
}
