import Wire

/// Where the entries of an archive go, after they were held against what was announced.
public protocol ExtractionTarget: AnyObject {
  /// Makes a directory that can be filled.
  func makeDirectory(_ entry: TreeEntry) throws(FileError)
  /// Begins a file; `append` and `endFile` follow.
  func beginFile(_ entry: TreeEntry) throws(FileError)
  /// The next bytes of the file.
  func append(_ bytes: UnsafeRawBufferPointer) throws(FileError)
  /// The file has all its bytes.
  func endFile(_ entry: TreeEntry) throws(FileError)
  /// Makes a link, after all files.
  func makeLink(_ entry: TreeEntry, to target: LinkTarget) throws(FileError)
  /// Gives a directory its mode and time, after all that is in it.
  func settleDirectory(_ entry: TreeEntry) throws(FileError)
}

/// Puts the entries into a directory on the disk.
public final class DirectoryExtraction: ExtractionTarget {
  private let directory: SafeDirectory
  private let existing: SafeDirectory.Existing
  private var file: NewFile?

  public init(into directory: SafeDirectory, existing: SafeDirectory.Existing) {
    self.directory = directory
    self.existing = existing
  }

  public func makeDirectory(_ entry: TreeEntry) throws(FileError) {
    try directory.makeDirectory(entry.path, existing: existing)
  }

  public func beginFile(_ entry: TreeEntry) throws(FileError) {
    file = try directory.makeFile(entry.path, existing: existing)
  }

  public func append(_ bytes: UnsafeRawBufferPointer) throws(FileError) {
    try file?.append(bytes)
  }

  public func endFile(_ entry: TreeEntry) throws(FileError) {
    try file?.finish(mode: entry.mode, modified: entry.modified)
    file = nil
  }

  public func makeLink(_ entry: TreeEntry, to target: LinkTarget) throws(FileError) {
    try directory.makeLink(entry.path, target: target, modified: entry.modified, existing: existing)
  }

  public func settleDirectory(_ entry: TreeEntry) throws(FileError) {
    try directory.settleDirectory(entry.path, mode: entry.mode, modified: entry.modified)
  }
}
