import Basics

/// What a client wants changed in the source of the answer (CHANGE-REQUEST, RFC 5780, section 7.2): an answer that
/// comes from elsewhere tells what the NAT lets in. Servers that do not know the attribute answer as always.
public struct STUNChange: OptionSet, Hashable, Sendable {
  public let rawValue: UInt32

  public init(rawValue: UInt32) { self.rawValue = rawValue }

  /// Answer from another port.
  public static let port = STUNChange(rawValue: 2)
  /// Answer from another address.
  public static let address = STUNChange(rawValue: 4)
}

extension STUNMessage {
  static let bindingError: UInt16 = 0x0111

  /// What a request wants changed; empty for one without CHANGE-REQUEST or with one that is malformed.
  public static func change(of request: UnsafeRawBufferPointer) -> STUNChange {
    var reader = ByteReader(request)
    guard reader.take(headerLength) != nil else { return [] }
    while reader.remaining > 0 {
      guard let attribute = try? nextAttribute(&reader) else { return [] }
      guard attribute.type == Attribute.changeRequest else { continue }
      guard attribute.value.count == 4 else { return [] }
      return STUNChange(
        rawValue: UInt32(bigEndian: attribute.value.loadUnaligned(as: UInt32.self))
      ).intersection([.port, .address])
    }
    return []
  }

  /// The request that an error response refuses; nil when the datagram is none (RFC 8489, section 6.3.4).
  public static func parseRefusal(_ packet: UnsafeRawBufferPointer) -> STUNTransactionID? {
    var reader = ByteReader(packet)
    guard isSTUN(packet), reader.integer() == bindingError, reader.take(6) != nil else { return nil }
    return reader.take(STUNTransactionID.count).flatMap { STUNTransactionID($0) }
  }
}
