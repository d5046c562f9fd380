import Basics

/// What became of a request: a number of RFC 6887, section 7.4, or any other byte.
public struct PCPResultCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt8
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  public static let success = PCPResultCode(rawValue: 0)
  public static let unsupportedVersion = PCPResultCode(rawValue: 1)
  public static let notAuthorized = PCPResultCode(rawValue: 2)
  public static let unsupportedOpcode = PCPResultCode(rawValue: 4)
  public static let networkFailure = PCPResultCode(rawValue: 7)
  public static let noResources = PCPResultCode(rawValue: 8)
  public static let addressMismatch = PCPResultCode(rawValue: 12)

  private static let names = [
    "success", "unsupported version", "not authorized", "malformed request", "unsupported opcode",
    "unsupported option", "malformed option", "network failure", "no resources", "unsupported protocol",
    "quota exceeded", "cannot provide external address", "address mismatch", "excessive remote peers",
  ]
}

extension PCPResultCode: CustomStringConvertible {
  public var description: String {
    let index = Int(rawValue)
    return index < Self.names.count ? Self.names[index] : "result code \(rawValue)"
  }
}

/// A gateway's answer (RFC 6887, sections 7.2, 11.1 and 14.1).
public struct PCPResponse: Hashable, Sendable {
  /// What was asked; a MAP answer carries the mapping, as asked for when it was refused.
  public var operation: PCPRequest.Operation
  public var result: PCPResultCode
  /// Seconds that the mapping, or the reason for refusing it, is going to last.
  public var lifetime: UInt32
  /// Seconds since the server lost its mappings, or started.
  public var epoch: UInt32

  public init(
    _ operation: PCPRequest.Operation, result: PCPResultCode, lifetime: UInt32 = 0, epoch: UInt32
  ) {
    self.operation = operation
    self.result = result
    self.lifetime = lifetime
    self.epoch = epoch
  }

  /// The datagram: 24 or 60 bytes.
  public func serialized() -> [UInt8] {
    var bytes: [UInt8] = [PCP.version]
    bytes.reserveCapacity(PCP.mapLength)
    switch operation {
    case .announce: bytes.append(PCP.responseBit | PCP.announceOpcode)
    case .map: bytes.append(PCP.responseBit | PCP.mapOpcode)
    }
    bytes += [0, result.rawValue]
    bytes.append(bigEndian: lifetime)
    bytes.append(bigEndian: epoch)
    bytes += [UInt8](repeating: 0, count: 12)
    if case .map(let mapping) = operation { mapping.append(to: &bytes) }
    return bytes
  }

  /// Reads a response. Options are skipped unread.
  public static func parse(_ packet: UnsafeRawBufferPointer) throws(PCPError) -> PCPResponse {
    var reader = ByteReader(packet)
    guard let version = reader.integer(UInt8.self) else { throw .badLength }
    // Before the length: a NAT-PMP server says in 8 bytes that it is none of PCP (RFC 6887, appendix A).
    guard version == PCP.version else { throw .unsupportedVersion }
    guard packet.count <= PCP.maximumLength, packet.count % 4 == 0,
      let opcode = reader.integer(UInt8.self), reader.take(1) != nil,
      let result = reader.integer(UInt8.self), let lifetime = reader.integer(UInt32.self),
      let epoch = reader.integer(UInt32.self), reader.take(12) != nil
    else { throw .badLength }
    guard opcode & PCP.responseBit != 0 else { throw .wrongDirection }
    let operation: PCPRequest.Operation
    switch opcode & ~PCP.responseBit {
    case PCP.announceOpcode: operation = .announce
    case PCP.mapOpcode:
      guard let mapping = PCPMapping(&reader) else { throw .badLength }
      operation = .map(mapping)
    default: throw .unknownOpcode
    }
    return PCPResponse(
      operation, result: PCPResultCode(rawValue: result), lifetime: lifetime, epoch: epoch)
  }

  /// Reads the response to `request`: one that answers anything else throws `notMine` (RFC 6887, section 8.3
  /// and 11.4: the nonce, transport and internal port must be those of the request).
  public static func parse(
    _ packet: UnsafeRawBufferPointer, to request: PCPRequest
  ) throws(PCPError) -> PCPResponse {
    let response = try parse(packet)
    switch (request.operation, response.operation) {
    case (.announce, .announce): return response
    case (.map(let asked), .map(let answered))
    where asked.nonce == answered.nonce && asked.transport == answered.transport
      && asked.internalPort == answered.internalPort:
      return response
    default: throw .notMine
    }
  }
}
