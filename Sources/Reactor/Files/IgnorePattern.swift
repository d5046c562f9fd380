/// One line of a `.gitignore` file, or one `--exclude`: gitignore(5) says what it means.
struct IgnorePattern {
  /// A part between separators; nil stands for `**`, which takes any number of parts.
  private typealias Part = [UInt8]?

  /// Whether what matches is taken in again.
  let isNegated: Bool
  private let onlyDirectories: Bool
  /// Whether it names a path from the file's directory on, and not only a last part.
  private let isAnchored: Bool
  private let parts: [Part]

  /// Nil for lines that hold no pattern: empty ones, comments, and what can never match.
  init?(_ line: some Collection<UInt8>) {
    var text = Array(line)
    if text.last == UInt8(ascii: "\r") { text.removeLast() }
    Self.trimSpaces(&text)
    guard let first = text.first, first != UInt8(ascii: "#") else { return nil }
    isNegated = first == UInt8(ascii: "!")
    if isNegated { text.removeFirst() }
    onlyDirectories = text.last == Self.slash
    if onlyDirectories { text.removeLast() }
    isAnchored = text.contains(Self.slash)
    if text.first == Self.slash { text.removeFirst() }
    guard !text.isEmpty else { return nil }
    parts = text.split(separator: Self.slash, omittingEmptySubsequences: false).map {
      $0.elementsEqual("**".utf8) ? nil : Array($0)
    }
  }

  private static let slash = UInt8(ascii: "/")

  /// Spaces at the end do not count, unless a backslash stands before them.
  private static func trimSpaces(_ text: inout [UInt8]) {
    while text.last == UInt8(ascii: " ") {
      let backslashes = text.dropLast().reversed().prefix { $0 == UInt8(ascii: "\\") }.count
      if backslashes % 2 == 1 { return }
      text.removeLast()
    }
  }

  /// Whether it matches a path, given as its parts below the directory of the pattern.
  func matches(_ path: ArraySlice<[UInt8]>, isDirectory: Bool) -> Bool {
    guard let name = path.last, isDirectory || !onlyDirectories else { return false }
    // Without a separator `**` is a star like any other.
    guard isAnchored else { return parts[0].map { Glob.matches($0, name) } ?? true }
    return matchesParts(path)
  }

  /// `**` among parts is what `*` is among bytes: when a match fails, only the last one takes one more.
  private func matchesParts(_ path: ArraySlice<[UInt8]>) -> Bool {
    var part = 0
    var place = path.startIndex
    var retry: (part: Int, place: Int)?
    while place < path.endIndex {
      if part < parts.count {
        if let pattern = parts[part] {
          if Glob.matches(pattern, path[place]) {
            part += 1
            place += 1
            continue
          }
        } else {
          retry = (part + 1, place)
          part += 1
          // At the end it stands for what is inside, so for one part at least.
          if part == parts.count { return true }
          continue
        }
      }
      guard let (again, from) = retry else { return false }
      retry = (again, from + 1)
      part = again
      place = from + 1
    }
    return part == parts.count
  }
}

/// Patterns of one part of a path: `*`, `?`, `[…]` and backslashes.
enum Glob {
  /// Whether all of `name` matches. Takes at most the product of both lengths.
  static func matches(_ pattern: [UInt8], _ name: [UInt8]) -> Bool {
    var at = 0
    var place = 0
    var retry: (at: Int, place: Int)?
    while place < name.count {
      if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
        at += 1
        retry = (at, place)
        continue
      }
      if at < pattern.count, let next = step(pattern, at, name[place]) {
        at = next
        place += 1
        continue
      }
      guard let (again, from) = retry else { return false }
      retry = (again, from + 1)
      at = again
      place = from + 1
    }
    return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
  }

  /// Where the pattern goes on when what stands at `at` takes this byte; nil when it does not.
  private static func step(_ pattern: [UInt8], _ at: Int, _ byte: UInt8) -> Int? {
    switch pattern[at] {
    case UInt8(ascii: "?"): return at + 1
    case UInt8(ascii: "["): return bracket(pattern, at + 1, byte)
    case UInt8(ascii: "\\"):
      guard at + 1 < pattern.count, pattern[at + 1] == byte else { return nil }
      return at + 2
    default: return pattern[at] == byte ? at + 1 : nil
    }
  }

  /// The set that begins at `start`, behind its bracket. One without an end matches nothing.
  private static func bracket(_ pattern: [UInt8], _ start: Int, _ byte: UInt8) -> Int? {
    var at = start
    var isNegated = false
    if at < pattern.count, pattern[at] == UInt8(ascii: "!") || pattern[at] == UInt8(ascii: "^") {
      isNegated = true
      at += 1
    }
    var isIn = false
    var isFirst = true
    while at < pattern.count {
      if pattern[at] == UInt8(ascii: "]"), !isFirst { return isIn != isNegated ? at + 1 : nil }
      isFirst = false
      if let (test, next) = namedClass(pattern, at) {
        if test(byte) { isIn = true }
        at = next
        continue
      }
      guard let low = member(pattern, &at) else { return nil }
      var high = low
      if at + 1 < pattern.count, pattern[at] == UInt8(ascii: "-"), pattern[at + 1] != UInt8(ascii: "]") {
        at += 1
        guard let end = member(pattern, &at) else { return nil }
        high = end
      }
      if low <= byte, byte <= high { isIn = true }
    }
    return nil
  }

  private static func member(_ pattern: [UInt8], _ at: inout Int) -> UInt8? {
    if pattern[at] == UInt8(ascii: "\\") { at += 1 }
    guard at < pattern.count else { return nil }
    defer { at += 1 }
    return pattern[at]
  }

  /// `[:name:]` within a set, of ASCII characters.
  private static func namedClass(_ pattern: [UInt8], _ at: Int) -> (test: (UInt8) -> Bool, next: Int)? {
    guard pattern[at...].starts(with: "[:".utf8),
      let end = pattern[(at + 2)...].firstIndex(of: UInt8(ascii: ":")), end + 1 < pattern.count,
      pattern[end + 1] == UInt8(ascii: "]")
    else { return nil }
    let name = String(decoding: pattern[(at + 2)..<end], as: UTF8.self)
    return (classes[name] ?? { _ in false }, end + 2)
  }

  private static let classes: [String: @Sendable (UInt8) -> Bool] = [
    "alpha": isLetter, "digit": isDigit, "alnum": { isLetter($0) || isDigit($0) },
    "upper": { (0x41...0x5a).contains($0) }, "lower": { (0x61...0x7a).contains($0) },
    "space": { $0 == 0x20 || (9...13).contains($0) }, "blank": { $0 == 0x20 || $0 == 9 },
    "punct": { (0x21...0x7e).contains($0) && !isLetter($0) && !isDigit($0) },
    "xdigit": { isDigit($0) || (0x61...0x66).contains($0 | 0x20) }, "cntrl": { $0 < 0x20 || $0 == 0x7f },
    "print": { (0x20...0x7e).contains($0) }, "graph": { (0x21...0x7e).contains($0) },
  ]

  @Sendable private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
  @Sendable private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}
