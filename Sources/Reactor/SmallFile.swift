import Glibc

/// Whole small files at once: certificates, maps, caches. Never for user data.
public enum SmallFile {
  /// Reads a file of at most `limit` bytes (EFBIG beyond).
  public static func read(_ path: String, limit: Int) throws(SystemError) -> [UInt8] {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .last(path) }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = Glibc.read(descriptor, &chunk, chunk.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .last(path)
      }
      if count == 0 { return bytes }
      bytes += chunk[..<count]
      guard bytes.count <= limit else { throw SystemError(path, code: EFBIG) }
    }
  }

  /// Writes a file that appears complete or not at all, readable by its owner only; the folder is made (also
  /// for its owner only) when missing.
  public static func replace(_ path: String, with bytes: [UInt8]) throws(SystemError) {
    if let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex {
      try makeFolder(String(path[..<slash]))
    }
    var template = Array("\(path).XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)  // mode 0600
    guard descriptor >= 0 else { throw .last(path) }
    var failure: SystemError?
    var written = 0
    while written < bytes.count, failure == nil {
      let count = bytes.withUnsafeBytes {
        write(descriptor, $0.baseAddress.map { $0 + written }, bytes.count - written)
      }
      if count >= 0 { written += count } else if errno != EINTR { failure = .last(path) }
    }
    if close(descriptor) != 0, failure == nil { failure = .last(path) }
    if failure == nil, rename(template, path) != 0 { failure = .last(path) }
    if let failure {
      unlink(template)
      throw failure
    }
  }

  /// Makes a new file that only its owner may read; it appears complete or not at all, and replaces nothing.
  public static func create(_ path: String, with bytes: [UInt8]) throws(FileError) {
    let file = try PartialFile(path: path, mode: 0o600)
    try WholeWrite.write(bytes, to: file.descriptor, title: path)
    try file.commit()
  }

  /// Makes a folder, and those above it that are missing, for its owner only.
  static func makeFolder(_ path: String) throws(SystemError) {
    if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
    guard errno == ENOENT, let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash > path.startIndex
    else { throw .last(path) }
    try makeFolder(String(path[..<slash]))
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw .last(path) }
  }
}
