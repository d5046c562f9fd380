import Glibc
import Reactor
import Wire

/// Where the user wants what comes.
struct Placement {
  /// What several files without a common name are put into.
  private static let nameOfSeveral = "received"

  /// An existing directory, or what the file or directory is to be called; nil: the current directory.
  var path: String?
  /// Whether a file that exists is replaced.
  var isForced: Bool

  /// Opens the destination of an offer.
  func destination(for offer: TransferOffer, _ loop: EventLoop) throws(FileError) -> TransferDestination {
    switch offer.kind {
    case .text: return try standardOutput(loop)
    case .stream:
      guard let path else { return try standardOutput(loop) }
      let file = try PartialFile(path: path, replaces: isForced)
      let output = try StreamOutput(loop, descriptor: file.descriptor, name: path) { () throws(FileError) in
        try file.commit()
      }
      return TransferDestination(content: .output(output), title: path, file: file)
    case .file, .directory, .several:
      let (folder, name, isOffered) = try folderAndName(offer.name)
      let target = try TransferTarget.open(
        in: folder, name: name, isDirectory: offer.kind != .file, isOffered: isOffered, isForced: isForced)
      return TransferDestination(content: .target(target), title: target.path, target: target)
    }
  }

  private func standardOutput(_ loop: EventLoop) throws(FileError) -> TransferDestination {
    let output = try StreamOutput(loop, descriptor: STDOUT_FILENO, name: "standard output")
    return TransferDestination(content: .output(output), title: nil)
  }

  /// The directory, the name in it, and whether the name is the sender's.
  private func folderAndName(
    _ offered: FileName?
  ) throws(FileError) -> (folder: String, name: FileName, isOffered: Bool) {
    let name: FileName
    if let offered { name = offered } else { name = try Self.name(Self.nameOfSeveral) }
    guard let path else { return (".", name, true) }
    var status = stat()
    if stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR { return (path, name, true) }
    guard !path.hasSuffix("/") else { throw .content("there is no directory \(path)") }
    let parts = path.utf8.lastIndex(of: UInt8(ascii: "/"))
    guard let parts else { return (".", try Self.name(path), false) }
    let last = try Self.name(String(path[path.index(after: parts)...]))
    return (parts == path.startIndex ? "/" : String(path[..<parts]), last, false)
  }

  private static func name(_ text: String) throws(FileError) -> FileName {
    var bytes = Array(text.utf8)
    do {
      return try bytes.withUnsafeMutableBytes { try FileName(UnsafeRawBufferPointer($0)) }
    } catch {
      throw .content("\(text) is not a usable name: \(error)")
    }
  }
}

/// Where what comes goes, and what becomes of it afterwards.
struct TransferDestination {
  var content: IncomingTransfer.Destination
  /// What the user calls it; nil for standard output.
  var title: String?
  var file: PartialFile?
  var target: TransferTarget?

  /// The session is over: says what is kept of something incomplete.
  func settle(isComplete: Bool, _ say: (String) -> Void) {
    guard !isComplete else { return }
    file?.discard()
    guard let target else { return }
    if let kept = target.keptPartial() {
      say("what arrived is kept as \(kept): receive the same content there again and it goes on")
    }
  }
}
