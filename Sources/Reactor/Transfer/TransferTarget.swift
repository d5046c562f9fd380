import CSockets
import Glibc
import Wire

/// Where a file or directory goes: a directory, a name in it, and beside that name what is not complete yet.
///
/// The incomplete file or directory is locked, so that two receivers do not write into one.
public final class TransferTarget: Sendable {
  /// How many names are tried when the one that the sender gave is taken.
  private static let mostNames = 1_000

  /// The directory that everything happens in.
  let folder: SafeDirectory
  /// What the complete file or directory is called.
  public let name: FileName
  let existing: SafeDirectory.Existing
  /// The open file of the partial, or its directory.
  let partial: SharedDescriptor
  /// The partial of a directory.
  let tree: SafeDirectory?

  /// How the user calls it.
  public var path: String { folder.title == "." ? name.text : "\(folder.title)/\(name)" }

  private init(
    _ folder: SafeDirectory, _ name: FileName, _ existing: SafeDirectory.Existing,
    _ partial: SharedDescriptor,
    _ tree: SafeDirectory?
  ) {
    self.folder = folder
    self.name = name
    self.existing = existing
    self.partial = partial
    self.tree = tree
  }

  /// Opens what is to become `name` in `folder`, whatever there is of it already.
  ///
  /// - Parameters:
  ///   - isOffered: whether the sender gave the name, so that another one will do when it is taken.
  ///   - isForced: whether something of that name is replaced.
  public static func open(
    in folder: String, name: FileName, isDirectory: Bool, isOffered: Bool, isForced: Bool
  ) throws(FileError) -> TransferTarget {
    let folder = try SafeDirectory(path: folder.isEmpty ? "." : folder)
    for number in 0..<mostNames {
      guard let candidate = numbered(name, number, isDirectory: isDirectory) else { break }
      let isLast = isForced || !isOffered
      if let status = try folder.status(RelativePath(candidate)) {
        guard isForced || !isLast else {
          throw .content("\(candidate) exists already; --force replaces it")
        }
        if !isForced { continue }
        guard !isDirectory && status.st_mode & S_IFMT != S_IFDIR else {
          throw .content("\(candidate) exists already, and a directory is not replaced")
        }
      }
      if let target = try lock(folder, candidate, isDirectory: isDirectory, isForced: isForced) {
        return target
      }
      guard !isLast else { throw .content("another process receives \(candidate) right now") }
    }
    throw .content("there is no free name for \(name)")
  }

  /// `name`, `name-1.ext`, `name-2.ext`, …
  static func numbered(_ name: FileName, _ number: Int, isDirectory: Bool) -> FileName? {
    guard number > 0 else { return name }
    var stem = name.text[...]
    var suffix = ""[...]
    if !isDirectory, let dot = name.text.utf8.lastIndex(of: UInt8(ascii: ".")), dot > name.text.startIndex {
      stem = name.text[..<dot]
      suffix = name.text[dot...]
    }
    let end = "-\(number)\(suffix)"
    while stem.utf8.count + end.utf8.count > FileName.longest, !stem.isEmpty { stem = stem.dropLast() }
    return try? FileName(stem + end)
  }

  private static func lock(
    _ folder: SafeDirectory, _ name: FileName, isDirectory: Bool, isForced: Bool
  ) throws(FileError) -> TransferTarget? {
    let path = RelativePath(name.partial)
    var tree: SafeDirectory?
    let partial: SharedDescriptor
    if isDirectory {
      if try folder.status(path) == nil { try folder.makeDirectory(path) }
      let directory = try folder.directory(path)
      tree = directory
      let copy = fcntl(directory.descriptor, F_DUPFD_CLOEXEC, 0)
      guard copy >= 0 else { throw .from(name.text, code: errno) }
      partial = SharedDescriptor(copy)
    } else {
      if try folder.status(path) == nil { _ = try folder.makeFile(path) }
      partial = SharedDescriptor(try folder.openFile(path, forWriting: true))
    }
    guard flock(partial.number, LOCK_EX | LOCK_NB) == 0 else { return nil }
    // Whoever held the lock may have completed it meanwhile.
    var opened = stat()
    guard fstat(partial.number, &opened) == 0, let there = try folder.status(path),
      there.st_ino == opened.st_ino
    else { return nil }
    return TransferTarget(folder, name, isForced ? .replace : .refuse, partial, tree)
  }

  /// How many bytes of a file are there, whatever they are worth.
  var partialSize: UInt64 {
    var status = stat()
    guard fstat(partial.number, &status) == 0 else { return 0 }
    return UInt64(max(0, status.st_size))
  }

  /// Removes a partial that nothing was written to; what the user calls it when something was.
  public func keptPartial() -> String? {
    removeIfEmpty()
    guard let found = try? folder.status(RelativePath(name.partial)), found.st_mode != 0 else { return nil }
    return folder.title == "." ? name.partial.text : "\(folder.title)/\(name.partial)"
  }

  private func removeIfEmpty() {
    if tree != nil {
      unlinkat(folder.descriptor, name.partial.text, AT_REMOVEDIR)
    } else if partialSize == 0 {
      unlinkat(folder.descriptor, name.partial.text, 0)
    }
  }

  /// On a helper thread: cuts the file to its length, gives it mode and time, and its name when it is on the disk.
  func completeFile(size: UInt64, offer: TransferOffer) throws(FileError) {
    guard ftruncate(partial.number, off_t(size)) == 0 else { throw .from(path, code: errno) }
    guard futimens(partial.number, SafeDirectory.times(offer.modified)) == 0 else {
      throw .from(path, code: errno)
    }
    try SafeDirectory.apply(offer.mode, permitted: folder.permitted, to: partial.number, title: path)
    // Whoever loses power must find the whole file under its name, or none.
    guard fsync(partial.number) == 0 else { throw .from(path, code: errno) }
    try folder.rename(name.partial, to: name, existing: existing)
  }

  /// On a helper thread: gives a directory mode, time and name.
  func completeTree(offer: TransferOffer) throws(FileError) {
    if offer.kind == .directory {
      try folder.settleDirectory(RelativePath(name.partial), mode: offer.mode, modified: offer.modified)
    } else {
      // Made here rather than sent: the umask decides.
      try SafeDirectory.apply(0o777, permitted: folder.permitted, to: partial.number, title: path)
    }
    let synced = derphole_sync_filesystem(partial.number)
    guard synced == 0 else { throw .from(path, code: -synced) }
    try folder.rename(name.partial, to: name, existing: existing)
  }
}
