import Basics

/// A message of the transfer protocol: type (1), length of the body (4, big-endian), body.
///
/// The sender of a transfer writes `offer`, `manifest`, `digests`, `content` and `trailer`; raw bytes follow each
/// `content`. The receiver answers with `holdings` and `wants`.
public enum TransferMessage: Hashable, Sendable {
  case offer(TransferOffer)
  case manifest(TransferManifest)
  case digests(TransferDigests)
  /// So many bytes of content follow, at least one.
  case content(length: UInt64)
  /// The content is complete and its source did not change; with its SHA-256 when that was asked for.
  case trailer(digest: Bytes32?)
  /// What the receiver has already, unverified: bytes of a file, or entries of a manifest.
  case holdings(TransferRanges)
  /// What the receiver needs, in the same terms.
  case wants(TransferRanges)

  /// The types, and how long their bodies may be.
  public enum Kind: UInt8, Sendable, CaseIterable {
    case offer = 1
    case manifest = 2
    case digests = 3
    case content = 4
    case trailer = 5
    case holdings = 0x81
    case wants = 0x82

    /// The longest body in bytes.
    public var longestBody: Int {
      switch self {
      case .offer: TransferOffer.fixedLength + FileName.longest
      // One entry beyond the preferred length: a link with the longest path and target.
      case .manifest: TransferManifest.preferredLength + 27 + 2 * RelativePath.longest
      case .digests: 12 + Bytes32.count * TransferDigests.mostDigests
      case .content: 8
      case .trailer: 1 + Bytes32.count
      case .holdings, .wants: 1 + 16 * TransferRanges.mostRanges
      }
    }
  }

  /// How many bytes stand before the body.
  public static let headerLength = 5
  /// The longest trailer with its header.
  public static let longestTrailer = headerLength + Kind.trailer.longestBody

  public var kind: Kind {
    switch self {
    case .offer: .offer
    case .manifest: .manifest
    case .digests: .digests
    case .content: .content
    case .trailer: .trailer
    case .holdings: .holdings
    case .wants: .wants
    }
  }

  /// Reads a header: the type and the body's length.
  public static func parseHeader(
    _ bytes: UnsafeRawBufferPointer
  ) throws(TransferError) -> (kind: Kind, length: Int) {
    var reader = ByteReader(bytes)
    guard let type = reader.integer(UInt8.self) else { throw .malformed }
    guard let kind = Kind(rawValue: type) else { throw .unknownType(type) }
    guard let length = reader.integer(UInt32.self) else { throw .malformed }
    guard length <= kind.longestBody else { throw .tooLong }
    return (kind, Int(length))
  }

  /// Reads a whole body.
  public static func parse(
    _ kind: Kind, _ body: UnsafeRawBufferPointer
  ) throws(TransferError) -> TransferMessage {
    guard body.count <= kind.longestBody else { throw .tooLong }
    switch kind {
    case .offer: return .offer(try TransferOffer.parse(body))
    case .manifest: return .manifest(try TransferManifest.parse(body))
    case .digests: return .digests(try TransferDigests.parse(body))
    case .holdings: return .holdings(try TransferRanges.parse(body))
    case .wants: return .wants(try TransferRanges.parse(body))
    case .content:
      var reader = ByteReader(body)
      guard body.count == 8, let length = reader.integer(UInt64.self), length > 0,
        length <= TransferOffer.mostBytes
      else { throw .malformed }
      return .content(length: length)
    case .trailer:
      var reader = ByteReader(body)
      let flag = reader.integer(UInt8.self)
      if flag == 0, reader.remaining == 0 { return .trailer(digest: nil) }
      guard flag == 1, reader.remaining == Bytes32.count else { throw .malformed }
      return .trailer(digest: reader.bytes32())
    }
  }

  /// Header and body.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = [kind.rawValue, 0, 0, 0, 0]
    switch self {
    case .offer(let offer): offer.append(to: &bytes)
    case .manifest(let manifest): manifest.append(to: &bytes)
    case .digests(let digests): digests.append(to: &bytes)
    case .content(let length): bytes.append(bigEndian: length)
    case .trailer(let digest):
      bytes.append(digest == nil ? 0 : 1)
      if let digest { bytes += digest.array }
    case .holdings(let ranges), .wants(let ranges): ranges.append(to: &bytes)
    }
    let length = UInt32(bytes.count - Self.headerLength)
    for index in 0..<4 { bytes[1 + index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * UInt32(index))) }
    return bytes
  }
}

/// Finds messages in a stream of bytes that comes in pieces of any size. Keeps at most one message.
public struct TransferMessageReader: Sendable {
  private var kept: [UInt8] = []

  public init() {}

  /// Whether a message has begun that is not complete.
  public var isWithinMessage: Bool { !kept.isEmpty }

  /// Takes bytes up to the end of the next message and says how many those were; the message when it is complete.
  /// After an error the stream is of no use.
  public mutating func next(
    _ bytes: UnsafeRawBufferPointer
  ) throws(TransferError) -> (taken: Int, message: TransferMessage?) {
    var taken = 0
    take(bytes, until: TransferMessage.headerLength, &taken)
    guard kept.count >= TransferMessage.headerLength else { return (taken, nil) }
    let (kind, length) = try kept.lend { (raw) throws(TransferError) in try TransferMessage.parseHeader(raw) }
    take(bytes, until: TransferMessage.headerLength + length, &taken)
    guard kept.count == TransferMessage.headerLength + length else { return (taken, nil) }
    let message = try kept.lend { (raw) throws(TransferError) in
      try TransferMessage.parse(
        kind, UnsafeRawBufferPointer(rebasing: raw[TransferMessage.headerLength...]))
    }
    kept.removeAll(keepingCapacity: true)
    return (taken, message)
  }

  private mutating func take(_ bytes: UnsafeRawBufferPointer, until count: Int, _ taken: inout Int) {
    let step = min(max(0, count - kept.count), bytes.count - taken)
    kept.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[taken..<taken + step]))
    taken += step
  }
}
