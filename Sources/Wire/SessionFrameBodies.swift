import Basics

/// A closed range of packet numbers.
public struct PacketNumberRange: Hashable, Sendable {
  /// The lowest number of the range.
  public var lower: UInt64
  /// The highest number of the range, included.
  public var upper: UInt64

  @inlinable
  public init(lower: UInt64, upper: UInt64) {
    self.lower = lower
    self.upper = upper
  }
}

/// What the receiver of payload tells its sender: packets that arrived, bytes that are contiguous, and how far
/// it may send.
///
/// Layout, big-endian: contiguous offset (8), window limit (8), delay in microseconds (4), lane (1), number of
/// ranges (1, at most 32), then each range from the highest down as lower (8) and upper (8).
public struct Acknowledgement: Hashable, Sendable {
  /// The most ranges of one acknowledgement; older ones are left to the contiguous offset.
  public static let maximumRanges = 32
  /// The longest serialized form in bytes.
  public static let maximumLength = 22 + 16 * maximumRanges

  /// Every byte below this offset has been received.
  public var contiguousOffset: UInt64
  /// The sender may send bytes below this offset.
  public var windowLimit: UInt64
  /// How long the receiver held the acknowledgement back after its newest packet arrived, in microseconds.
  public var delayMicroseconds: UInt32
  /// The lane whose packet numbers are acknowledged; the frame itself may travel on the other one.
  public var lane: Lane
  /// Received packet numbers, highest range first, disjoint and not adjacent.
  public var ranges: [PacketNumberRange]

  public init(
    contiguousOffset: UInt64, windowLimit: UInt64, delayMicroseconds: UInt32, lane: Lane,
    ranges: [PacketNumberRange]
  ) {
    self.contiguousOffset = contiguousOffset
    self.windowLimit = windowLimit
    self.delayMicroseconds = delayMicroseconds
    self.lane = lane
    self.ranges = ranges
  }

  /// Reads the opened body of an acknowledgement frame.
  ///
  /// - Throws: `SessionFrameError.malformedBody` when the length does not fit the count, when there are too many
  ///   ranges or the lane is unknown, when ranges overlap, touch or are not descending, or when a number exceeds 2^62 - 1.
  public static func parse(_ body: UnsafeRawBufferPointer) throws(SessionFrameError) -> Acknowledgement {
    var result = Acknowledgement.none
    try result.read(body)
    return result
  }

  /// Acknowledges nothing.
  public static var none: Acknowledgement {
    Acknowledgement(contiguousOffset: 0, windowLimit: 0, delayMicroseconds: 0, lane: .relay, ranges: [])
  }

  /// Reads the opened body of an acknowledgement frame into this one, whose memory is used again. After an error its
  /// content is of no use.
  ///
  /// - Throws: as `parse`.
  public mutating func read(_ body: UnsafeRawBufferPointer) throws(SessionFrameError) {
    guard body.count >= 22 else { throw .malformedBody }
    let count = Int(body[21])
    guard count <= Self.maximumRanges, body.count == 22 + 16 * count else { throw .malformedBody }
    guard let lane = Lane(rawValue: body[20]) else { throw .malformedBody }
    func number(at offset: Int) -> UInt64 {
      UInt64(bigEndian: body.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }
    let contiguous = number(at: 0)
    let limit = number(at: 8)
    guard contiguous <= SessionFrameHeader.maximumOffset, limit <= SessionFrameHeader.maximumOffset else {
      throw .malformedBody
    }
    ranges.removeAll(keepingCapacity: true)
    for index in 0..<count {
      let range = PacketNumberRange(lower: number(at: 22 + 16 * index), upper: number(at: 30 + 16 * index))
      guard range.lower <= range.upper, range.upper <= SessionFrameHeader.maximumOffset else {
        throw .malformedBody
      }
      if let higher = ranges.last {
        guard range.upper < higher.lower, higher.lower - range.upper > 1 else { throw .malformedBody }
      }
      ranges.append(range)
    }
    contiguousOffset = contiguous
    windowLimit = limit
    delayMicroseconds = UInt32(bigEndian: body.loadUnaligned(fromByteOffset: 16, as: UInt32.self))
    self.lane = lane
  }

  /// The body's bytes; only the first `maximumRanges` ranges are written.
  public func serialized() -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: Self.maximumLength) { buffer, count in
      count = serialize(into: UnsafeMutableRawBufferPointer(buffer))
    }
  }

  /// Writes the body into the start of `buffer`, which must have room for `maximumLength` bytes, and returns its
  /// length; only the first `maximumRanges` ranges are written.
  public func serialize(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    precondition(buffer.count >= Self.maximumLength)
    buffer.storeBytes(of: contiguousOffset.bigEndian, as: UInt64.self)
    buffer.storeBytes(of: windowLimit.bigEndian, toByteOffset: 8, as: UInt64.self)
    buffer.storeBytes(of: delayMicroseconds.bigEndian, toByteOffset: 16, as: UInt32.self)
    buffer[20] = lane.rawValue
    let count = min(ranges.count, Self.maximumRanges)
    buffer[21] = UInt8(count)
    for index in 0..<count {
      buffer.storeBytes(of: ranges[index].lower.bigEndian, toByteOffset: 22 + 16 * index, as: UInt64.self)
      buffer.storeBytes(of: ranges[index].upper.bigEndian, toByteOffset: 30 + 16 * index, as: UInt64.self)
    }
    return 22 + 16 * count
  }
}

/// The body of a `complete` frame: how many bytes the receiver wrote (8, big-endian).
public struct Completion: Hashable, Sendable {
  /// The whole payload's length in bytes.
  public var bytesReceived: UInt64

  public init(bytesReceived: UInt64) { self.bytesReceived = bytesReceived }

  /// Reads the opened body of a `complete` frame; throws `SessionFrameError.malformedBody` for another length.
  public static func parse(_ body: UnsafeRawBufferPointer) throws(SessionFrameError) -> Completion {
    guard body.count == 8 else { throw .malformedBody }
    return Completion(bytesReceived: UInt64(bigEndian: body.loadUnaligned(as: UInt64.self)))
  }

  /// The body's bytes.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(bytesReceived)
    return bytes
  }
}

/// The body of an `abort` frame: a code (2, big-endian) and a reason in UTF-8.
public struct Abandonment: Hashable, Sendable {
  /// The longest reason in bytes; longer ones are cut when serialized and refused when parsed.
  public static let maximumReasonLength = 256

  /// Why a side gave up.
  public enum Code: UInt16, Sendable, CaseIterable {
    /// The person at that side interrupted it.
    case cancelled = 1
    /// That side could not read its source or write its output.
    case localFailure = 2
    /// That side saw the protocol violated.
    case protocolViolation = 3
    /// Somebody at that side does not want what is offered.
    case declined = 4
    /// A code that this version does not know.
    case other = 0xffff
  }

  public var code: Code
  /// Words for a person. A peer wrote them: escape before printing.
  public var reason: String

  public init(code: Code, reason: String) {
    self.code = code
    self.reason = reason
  }

  /// Reads the opened body of an `abort` frame; throws `SessionFrameError.malformedBody` when it is too short,
  /// too long or not UTF-8.
  public static func parse(_ body: UnsafeRawBufferPointer) throws(SessionFrameError) -> Abandonment {
    guard body.count >= 2, body.count <= 2 + maximumReasonLength else { throw .malformedBody }
    let code = UInt16(bigEndian: body.loadUnaligned(as: UInt16.self))
    guard let reason = String(validating: UnsafeRawBufferPointer(rebasing: body[2...]), as: UTF8.self) else {
      throw .malformedBody
    }
    return Abandonment(code: Code(rawValue: code) ?? .other, reason: reason)
  }

  /// The body's bytes; a reason over the limit is cut at a character's boundary.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.appendBigEndian(code.rawValue)
    for character in reason {
      guard bytes.count - 2 + character.utf8.count <= Self.maximumReasonLength else { break }
      bytes.append(contentsOf: character.utf8)
    }
    return bytes
  }
}

extension [UInt8] {
  /// Appends the bytes of `value`, the most significant first.
  mutating func appendBigEndian<Value: FixedWidthInteger>(_ value: Value) {
    Swift.withUnsafeBytes(of: value.bigEndian) { append(contentsOf: $0) }
  }
}
