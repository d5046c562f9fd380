/// Why bytes of a lane are no chunk.
public enum LaneChunkError: Error, Hashable, Sendable {
  /// The lane ended inside a chunk.
  case truncated
  /// A chunk claims to have more bytes than a chunk may.
  case tooLong
}

/// What stands before the bytes of each chunk on a lane (UPS-13): its place among the chunks of its direction, whichever
/// lanes they take, and its length.
public struct LaneChunk: Hashable, Sendable {
  /// How many bytes stand before the content.
  public static let headerLength = 12
  /// The most bytes of content.
  public static let maximumLength = 262_144
  /// What each of several lanes begins with: no content, and no place among the others.
  public static let warmUp = LaneChunk(unchecked: .max, 0)

  /// The place among all chunks of the direction, from 0 on.
  public let sequence: UInt64
  /// How many bytes of content follow.
  public let length: Int

  private init(unchecked sequence: UInt64, _ length: Int) {
    self.sequence = sequence
    self.length = length
  }

  /// A chunk of `length` bytes.
  public init(sequence: UInt64, length: Int) throws(LaneChunkError) {
    guard 0...Self.maximumLength ~= length else { throw .tooLong }
    self.init(unchecked: sequence, length)
  }

  /// Whether the chunk means nothing.
  public var isWarmUp: Bool { self == Self.warmUp }

  /// Reads what stands before the content; the content may not have come yet.
  public static func parse(_ bytes: UnsafeRawBufferPointer) throws(LaneChunkError) -> LaneChunk {
    var reader = ByteReader(bytes)
    guard let sequence: UInt64 = reader.integer(), let length: UInt32 = reader.integer() else {
      throw .truncated
    }
    return try LaneChunk(sequence: sequence, length: Int(length))
  }

  /// The same of an array.
  public static func parse(_ bytes: [UInt8]) throws(LaneChunkError) -> LaneChunk {
    try bytes.lend { (raw) throws(LaneChunkError) in try parse(raw) }
  }

  /// Puts it into the first bytes of `buffer`, which must have room for it.
  public func store(into buffer: UnsafeMutableRawBufferPointer) {
    buffer.storeBytes(of: sequence.bigEndian, as: UInt64.self)
    buffer.storeBytes(of: UInt32(length).bigEndian, toByteOffset: 8, as: UInt32.self)
  }

  /// The same as bytes.
  public func serialized() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.headerLength) { buffer, count in
      store(into: UnsafeMutableRawBufferPointer(buffer))
      count = Self.headerLength
    }
  }
}
