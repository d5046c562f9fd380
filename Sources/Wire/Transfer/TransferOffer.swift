import Basics

/// What a sender offers: the first message of a transfer.
///
/// Body, big-endian: version (1), kind (1), flags (1, bit 0: a digest of the content follows at its end), permission
/// bits (2), number of entries (4), size in bytes (8, all ones: unknown), time of change in seconds (8) and
/// nanoseconds (4), the name's length (1) and the name.
public struct TransferOffer: Hashable, Sendable {
  /// The protocol's version.
  public static let version: UInt8 = 1
  /// Sizes are below this, as `off_t` wants it.
  public static let mostBytes = UInt64(Int64.max)
  static let fixedLength = 30

  public enum Kind: UInt8, Sendable, CaseIterable {
    /// Words for the person at the other side.
    case text = 1
    case file = 2
    /// A directory; the entries are what it holds.
    case directory = 3
    /// Several files and directories without a common name.
    case several = 4
    /// Bytes whose number nobody knows beforehand.
    case stream = 5
  }

  public var kind: Kind
  /// What the file or directory is called; nil for everything else.
  public var name: FileName?
  /// In bytes, the sum for several files; nil for a stream.
  public var size: UInt64?
  /// How many entries the manifest has; 0 for all but directories and several files.
  public var entryCount: UInt32
  /// The bits for reading, writing and executing of a file or directory.
  public var mode: UInt16
  /// When the file or directory was last changed.
  public var modified: FileTime
  /// Whether a digest of the whole content comes at the end.
  public var isVerified: Bool

  public init(
    kind: Kind, name: FileName? = nil, size: UInt64?, entryCount: UInt32 = 0, mode: UInt16 = 0,
    modified: FileTime = FileTime(seconds: 0, nanoseconds: 0), isVerified: Bool = false
  ) {
    self.kind = kind
    self.name = name
    self.size = size
    self.entryCount = entryCount
    self.mode = mode & 0o777
    self.modified = modified
    self.isVerified = isVerified
  }

  /// Whether the content is described by a manifest.
  public var hasEntries: Bool { kind == .directory || kind == .several }

  static func parse(_ body: UnsafeRawBufferPointer) throws(TransferError) -> TransferOffer {
    var reader = ByteReader(body)
    guard let version = reader.integer(UInt8.self) else { throw .malformed }
    guard version == Self.version else { throw .unsupportedVersion(version) }
    guard let kind = reader.integer(UInt8.self).flatMap(Kind.init), let flags = reader.integer(UInt8.self),
      flags & ~1 == 0, let mode = reader.integer(UInt16.self), mode & ~0o777 == 0,
      let entries = reader.integer(UInt32.self), let size = reader.integer(UInt64.self),
      let seconds = reader.integer(Int64.self), let nanoseconds = reader.integer(UInt32.self),
      nanoseconds < 1_000_000_000, let length = reader.integer(UInt8.self), reader.remaining == Int(length)
    else { throw .malformed }
    let isUnknown = size == .max
    guard isUnknown == (kind == .stream), isUnknown || size <= mostBytes else { throw .malformed }
    var name: FileName?
    if length > 0 {
      do {
        name = try FileName(reader.takeRest())
      } catch {
        throw .name(error)
      }
    }
    let offer = TransferOffer(
      kind: kind, name: name, size: isUnknown ? nil : size, entryCount: entries, mode: mode,
      modified: FileTime(seconds: seconds, nanoseconds: nanoseconds), isVerified: flags & 1 != 0)
    guard (name != nil) == (kind == .file || kind == .directory), offer.hasEntries || entries == 0,
      entries <= TreeCheck.mostEntries
    else { throw .malformed }
    return offer
  }

  func append(to bytes: inout [UInt8]) {
    let text = Array((name?.text ?? "").utf8)
    bytes.append(contentsOf: [Self.version, kind.rawValue, isVerified ? 1 : 0])
    bytes.append(bigEndian: mode)
    bytes.append(bigEndian: entryCount)
    bytes.append(bigEndian: size ?? .max)
    bytes.append(bigEndian: modified.seconds)
    bytes.append(bigEndian: modified.nanoseconds)
    bytes.append(UInt8(text.count))
    bytes += text
  }
}
