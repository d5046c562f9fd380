import Basics

/// Why what a stream of an upstream tunnel begins with is no header.
public enum LaneHeaderError: Error, Hashable, Sendable {
  /// The stream ended before the header did.
  case truncated
  case wrongMagic
  case unknownVersion(UInt8)
  /// The lane is none of those that there are to be.
  case laneOutOfRange
  /// The control stream is not lane 0.
  case controlWithLane
}

/// What each stream of an upstream tunnel begins with (UPS-12): which flow it belongs to, and which of the flow's lanes it
/// is; or that it is the control stream.
public struct LaneHeader: Hashable, Sendable {
  /// How many bytes a header has.
  public static let length = 24
  private static let magic = Array("DPTS".utf8)
  private static let version: UInt8 = 1

  /// How many lanes the flow has; 0 for the control stream.
  public let laneCount: UInt8
  /// Which of them this is.
  public let lane: UInt8
  /// The same on all lanes of a flow.
  public let flowID: Bytes16

  /// The header of the control stream.
  public static let control = LaneHeader(laneCount: 0, lane: 0, flowID: .zero)

  private init(laneCount: UInt8, lane: UInt8, flowID: Bytes16) {
    self.laneCount = laneCount
    self.lane = lane
    self.flowID = flowID
  }

  /// The header of a lane.
  public init(lane: UInt8, of laneCount: UInt8, flowID: Bytes16) throws(LaneHeaderError) {
    guard lane < laneCount else { throw .laneOutOfRange }
    self.init(laneCount: laneCount, lane: lane, flowID: flowID)
  }

  /// Whether the stream is the control stream.
  public var isControl: Bool { laneCount == 0 }

  /// Reads the header that `bytes` begin with; what follows it is the stream's.
  public static func parse(_ bytes: UnsafeRawBufferPointer) throws(LaneHeaderError) -> LaneHeader {
    guard bytes.count >= length else { throw .truncated }
    guard bytes[..<4].elementsEqual(magic) else { throw .wrongMagic }
    guard bytes[4] == version else { throw .unknownVersion(bytes[4]) }
    let (count, lane) = (bytes[5], bytes[6])
    // Nobody looks at the byte before the flow's ID.
    guard let flowID = Bytes16(bytes[8..<length]) else { throw .truncated }
    if count == 0 {
      guard lane == 0 else { throw .controlWithLane }
      return LaneHeader(laneCount: 0, lane: 0, flowID: flowID)
    }
    return try LaneHeader(lane: lane, of: count, flowID: flowID)
  }

  /// The same of an array.
  public static func parse(_ bytes: [UInt8]) throws(LaneHeaderError) -> LaneHeader {
    try bytes.lend { (raw) throws(LaneHeaderError) in try parse(raw) }
  }

  /// The header as bytes.
  public func serialized() -> [UInt8] {
    Self.magic + [Self.version, laneCount, lane, 0] + flowID.array
  }
}
