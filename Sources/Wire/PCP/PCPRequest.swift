import Basics

/// What a client asks of a gateway (RFC 6887, sections 7.1, 11.1 and 14.1).
public struct PCPRequest: Hashable, Sendable {
  public enum Operation: Hashable, Sendable {
    /// Asks for nothing; the answer tells that there is a server, and its epoch.
    case announce
    /// Makes or renews a mapping, or removes it when the lifetime is 0.
    case map(PCPMapping)
  }

  public var operation: Operation
  /// How long the mapping shall live, in seconds; 0 for ANNOUNCE.
  public var lifetime: UInt32
  /// The sender's own address. A server refuses when the packet came from another one: there is a NAT between.
  public var client: IPAddress

  public init(_ operation: Operation, lifetime: UInt32 = 0, client: IPAddress) {
    self.operation = operation
    self.lifetime = lifetime
    self.client = client.unmapped
  }

  /// The datagram: 24 or 60 bytes.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = [PCP.version]
    bytes.reserveCapacity(PCP.mapLength)
    switch operation {
    case .announce: bytes.append(PCP.announceOpcode)
    case .map: bytes.append(PCP.mapOpcode)
    }
    bytes += [0, 0]
    bytes.append(bigEndian: lifetime)
    bytes.append(client.bytes)
    if case .map(let mapping) = operation { mapping.append(to: &bytes) }
    return bytes
  }

  /// Reads a request as a server would. Options are skipped unread.
  public static func parse(_ packet: UnsafeRawBufferPointer) throws(PCPError) -> PCPRequest {
    var reader = ByteReader(packet)
    guard let version = reader.integer(UInt8.self) else { throw .badLength }
    guard version == PCP.version else { throw .unsupportedVersion }
    guard packet.count <= PCP.maximumLength, packet.count % 4 == 0,
      let opcode = reader.integer(UInt8.self), reader.take(2) != nil,
      let lifetime = reader.integer(UInt32.self), let client = reader.bytes16()
    else { throw .badLength }
    guard opcode & PCP.responseBit == 0 else { throw .wrongDirection }
    let operation: Operation
    switch opcode {
    case PCP.announceOpcode: operation = .announce
    case PCP.mapOpcode:
      guard let mapping = PCPMapping(&reader) else { throw .badLength }
      operation = .map(mapping)
    default: throw .unknownOpcode
    }
    return PCPRequest(operation, lifetime: lifetime, client: IPAddress(ipv6: client))
  }
}
