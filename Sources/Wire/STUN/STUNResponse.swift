import Basics

extension STUNMessage {
  /// A binding response that says where a request came from, in one XOR-MAPPED-ADDRESS.
  public static func response(_ id: STUNTransactionID, from endpoint: IPEndpoint) -> [UInt8] {
    let address = endpoint.address.unmapped
    var value: [UInt8] = [0, address.isIPv4 ? 1 : 2]
    value.append(bigEndian: endpoint.port ^ UInt16(cookie >> 16))
    if address.isIPv4 {
      value.append(bigEndian: address.ipv4Bits ^ cookie)
    } else {
      value += masked(address.bytes, id).array
    }
    var bytes: [UInt8] = []
    bytes.append(bigEndian: bindingResponse)
    bytes.append(bigEndian: UInt16(4 + value.count))
    bytes.append(bigEndian: cookie)
    bytes += id.array
    bytes.append(bigEndian: Attribute.xorMappedAddress)
    bytes.append(bigEndian: UInt16(value.count))
    return bytes + value
  }

  /// Reads a binding response. Bytes beyond the declared length are ignored; a mapped address counts only when
  /// there is no XOR-mapped one; IPv4-mapped addresses become IPv4.
  public static func parseResponse(
    _ packet: UnsafeRawBufferPointer
  ) throws(STUNError) -> (id: STUNTransactionID, endpoint: IPEndpoint) {
    guard isSTUN(packet) else { throw .notSTUN }
    var header = ByteReader(packet)
    guard header.integer() == bindingResponse, let length = header.integer(UInt16.self) else {
      throw .notResponse
    }
    guard header.take(4) != nil,
      let id = header.take(STUNTransactionID.count).flatMap({ STUNTransactionID($0) })
    else { throw .notSTUN }
    guard let attributes = header.take(Int(length)) else { throw .malformedAttributes }
    var reader = ByteReader(attributes)
    var mapped: IPEndpoint?
    var xorMapped: IPEndpoint?
    while reader.remaining > 0 {
      let attribute = try nextAttribute(&reader)
      switch attribute.type {
      case Attribute.xorMappedAddress, Attribute.xorMappedAddressOld:
        xorMapped = try address(attribute.value, mask: id)
      case Attribute.mappedAddress: mapped = try address(attribute.value, mask: nil)
      default: break
      }
    }
    guard let endpoint = xorMapped ?? mapped else { throw .malformedAttributes }
    return (id, endpoint)
  }

  /// Reads the value of an address attribute (RFC 8489, sections 14.1 and 14.2).
  private static func address(
    _ value: UnsafeRawBufferPointer, mask: STUNTransactionID?
  ) throws(STUNError) -> IPEndpoint {
    var reader = ByteReader(value)
    guard reader.integer(UInt8.self) != nil, let family = reader.integer(UInt8.self),
      let port = reader.integer(UInt16.self)
    else { throw .malformedAttributes }
    let portMask = mask == nil ? 0 : UInt16(cookie >> 16)
    switch family {
    case 1:
      guard let bits = reader.integer(UInt32.self) else { throw .malformedAttributes }
      return IPEndpoint(address: IPAddress(ipv4: mask == nil ? bits : bits ^ cookie), port: port ^ portMask)
    case 2:
      guard let bytes = reader.bytes16() else { throw .malformedAttributes }
      let address = IPAddress(ipv6: mask.map { masked(bytes, $0) } ?? bytes)
      return IPEndpoint(address: address.unmapped, port: port ^ portMask)
    default: throw .malformedAttributes
    }
  }

  /// XORs an IPv6 address with cookie and transaction ID.
  private static func masked(_ bytes: Bytes16, _ id: STUNTransactionID) -> Bytes16 {
    Bytes16(
      high: bytes.high ^ (UInt64(cookie) << 32 | id.high >> 32),
      low: bytes.low ^ (id.high << 32 | UInt64(id.low)))
  }
}
