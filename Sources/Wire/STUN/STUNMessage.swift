import Basics

/// The twelve bytes that tie a STUN response to its request.
public struct STUNTransactionID: Hashable, Sendable {
  /// Bytes of an identifier.
  public static let count = 12

  let high: UInt64
  let low: UInt32

  /// Draws an identifier.
  public init(random generator: inout some RandomNumberGenerator) {
    high = generator.next()
    low = UInt32(truncatingIfNeeded: generator.next())
  }

  /// Copies twelve bytes; nil when `bytes` holds another number of them.
  public init?(_ bytes: some Collection<UInt8>) {
    guard bytes.count == Self.count else { return nil }
    high = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
    low = bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt32($1) }
  }

  /// The bytes.
  public var array: [UInt8] {
    var bytes: [UInt8] = []
    bytes.append(bigEndian: high)
    bytes.append(bigEndian: low)
    return bytes
  }
}

/// STUN binding requests and responses (RFC 8489) in the form that Tailscale's servers and clients agree on.
public enum STUNMessage {
  /// Bytes of a request that wants nothing changed.
  public static let requestLength = 40
  /// Bytes of a STUN header.
  static let headerLength = 20
  static let cookie: UInt32 = 0x2112_A442
  static let bindingRequest: UInt16 = 0x0001
  static let bindingResponse: UInt16 = 0x0101
  static let fingerprintMask: UInt32 = 0x5354_554E
  static let fingerprintLength = 8
  static let software = Array("tailnode".utf8)

  enum Attribute {
    static let mappedAddress: UInt16 = 0x0001
    static let changeRequest: UInt16 = 0x0003
    static let xorMappedAddress: UInt16 = 0x0020
    /// Some servers number XOR-MAPPED-ADDRESS this way.
    static let xorMappedAddressOld: UInt16 = 0x8020
    static let software: UInt16 = 0x8022
    static let fingerprint: UInt16 = 0x8028
  }

  /// Whether a datagram is STUN at all: its length, two clear bits and the cookie say so.
  public static func isSTUN(_ packet: UnsafeRawBufferPointer) -> Bool {
    packet.count >= headerLength && packet[0] & 0xC0 == 0
      && UInt32(bigEndian: packet.loadUnaligned(fromByteOffset: 4, as: UInt32.self)) == cookie
  }

  /// A binding request with the software name and the fingerprint that servers insist on: 40 bytes, 48 when the
  /// answer is to come from elsewhere.
  public static func request(_ id: STUNTransactionID, change: STUNChange = []) -> [UInt8] {
    let length = requestLength + (change.isEmpty ? 0 : 8)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(length)
    bytes.append(bigEndian: bindingRequest)
    bytes.append(bigEndian: UInt16(length - headerLength))
    bytes.append(bigEndian: cookie)
    bytes += id.array
    bytes.append(bigEndian: Attribute.software)
    bytes.append(bigEndian: UInt16(software.count))
    bytes += software
    if !change.isEmpty {
      bytes.append(bigEndian: Attribute.changeRequest)
      bytes.append(bigEndian: UInt16(4))
      bytes.append(bigEndian: change.rawValue)
    }
    let fingerprint = CRC32.checksum(bytes) ^ fingerprintMask
    bytes.append(bigEndian: Attribute.fingerprint)
    bytes.append(bigEndian: UInt16(4))
    bytes.append(bigEndian: fingerprint)
    return bytes
  }

  /// Reads a binding request as Tailscale's servers do: the software name must be there and the fingerprint
  /// must be last and right.
  public static func parseRequest(
    _ packet: UnsafeRawBufferPointer
  ) throws(STUNError) -> STUNTransactionID {
    guard isSTUN(packet) else { throw .notSTUN }
    var reader = ByteReader(packet)
    guard reader.integer() == bindingRequest, reader.take(6) != nil else { throw .notBindingRequest }
    guard let id = reader.take(STUNTransactionID.count).flatMap({ STUNTransactionID($0) }) else {
      throw .notSTUN
    }
    var isSoftwareRight = false
    var last: (type: UInt16, value: UnsafeRawBufferPointer)?
    while reader.remaining > 0 {
      let attribute = try nextAttribute(&reader)
      if attribute.type == Attribute.software, attribute.value.elementsEqual(software) {
        isSoftwareRight = true
      }
      last = attribute
    }
    guard isSoftwareRight else { throw .wrongSoftware }
    guard let last, last.type == Attribute.fingerprint, last.value.count == 4 else { throw .noFingerprint }
    let covered = CRC32.checksum(packet.dropLast(fingerprintLength)) ^ fingerprintMask
    guard covered == UInt32(bigEndian: last.value.loadUnaligned(as: UInt32.self)) else {
      throw .wrongFingerprint
    }
    return id
  }

  /// The next attribute, its padding skipped.
  static func nextAttribute(
    _ reader: inout ByteReader
  ) throws(STUNError) -> (type: UInt16, value: UnsafeRawBufferPointer) {
    guard let type = reader.integer(UInt16.self), let length = reader.integer(UInt16.self) else {
      throw .malformedAttributes
    }
    guard let padded = reader.take((Int(length) + 3) & ~3) else { throw .malformedAttributes }
    return (type, UnsafeRawBufferPointer(rebasing: padded.prefix(Int(length))))
  }
}

/// Why a datagram is not the STUN message that was expected.
public enum STUNError: Error, Hashable, Sendable, CaseIterable {
  case notSTUN
  case notBindingRequest
  case wrongSoftware
  case noFingerprint
  case wrongFingerprint
  case notResponse
  case malformedAttributes
}

extension STUNError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notSTUN: "response is not a STUN packet"
    case .notBindingRequest: "STUN request is not a binding request"
    case .wrongSoftware: "STUN request came from non-Tailscale software"
    case .noFingerprint: "STUN request didn't end in fingerprint"
    case .wrongFingerprint: "STUN request had bogus fingerprint"
    case .notResponse: "STUN packet is not a response"
    case .malformedAttributes: "STUN response has malformed attributes"
    }
  }
}
