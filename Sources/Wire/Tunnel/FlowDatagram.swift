/// Why a QUIC datagram is no datagram of a flow.
public enum FlowDatagramError: Error, Hashable, Sendable {
  /// It ends before the number of its flow does.
  case truncated
  /// It carries more than UDP can.
  case tooLong
}

/// What the payload of a QUIC DATAGRAM frame (RFC 9221) is between two of our own: the number of a flow as a
/// variable-length integer, then the payload of one UDP datagram, which may be empty (DGR-1). RFC 9221, section 5, leaves
/// it to the application to tell flows apart in this way.
public struct FlowDatagram {
  /// The largest number of a flow.
  public static let maximumFlow = QUICInteger.maximum
  /// The most bytes of the number.
  public static let maximumHeaderLength = QUICInteger.maximumLength
  /// The most bytes of a UDP datagram's payload: 65,535 less 8 of the header. IPv4 carries 20 less.
  public static let maximumPayload = 65_527

  /// Which flow it belongs to.
  public var flow: UInt64
  /// What the UDP datagram carries, borrowed.
  public var payload: UnsafeRawBufferPointer

  /// How many bytes stand before the payload of a flow.
  public static func headerLength(of flow: UInt64) -> Int { QUICInteger.length(of: flow) }

  /// Puts the number of a flow right before a payload that lies at `payloadStart` of `buffer`, so that the payload need
  /// not be moved; where the whole begins. `maximumHeaderLength` bytes of room are always enough.
  public static func prepend(
    _ flow: UInt64, to buffer: UnsafeMutableRawBufferPointer, payloadStart: Int
  ) -> Int {
    let start = payloadStart - headerLength(of: flow)
    QUICInteger.store(flow, into: UnsafeMutableRawBufferPointer(rebasing: buffer[start..<payloadStart]))
    return start
  }

  /// Reads what arrived.
  public static func parse(_ bytes: UnsafeRawBufferPointer) throws(FlowDatagramError) -> FlowDatagram {
    guard let (flow, length) = QUICInteger.load(bytes) else { throw .truncated }
    guard bytes.count - length <= maximumPayload else { throw .tooLong }
    return FlowDatagram(flow: flow, payload: UnsafeRawBufferPointer(rebasing: bytes[length...]))
  }

  /// The whole as bytes.
  public func serialized() -> [UInt8] {
    let header = Self.headerLength(of: flow)
    return [UInt8](unsafeUninitializedCapacity: header + payload.count) { buffer, count in
      let raw = UnsafeMutableRawBufferPointer(buffer)
      QUICInteger.store(flow, into: raw)
      UnsafeMutableRawBufferPointer(rebasing: raw[header...]).copyMemory(from: payload)
      count = header + payload.count
    }
  }
}
