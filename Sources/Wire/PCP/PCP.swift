import Basics

/// The Port Control Protocol's constants and what requests and responses have in common (RFC 6887): the
/// opcodes MAP and ANNOUNCE, without options.
public enum PCP {
  /// The UDP port of a gateway that answers PCP and NAT-PMP.
  public static let serverPort: UInt16 = 5_351
  /// The only version in use; 0 is NAT-PMP, 1 was a draft.
  public static let version: UInt8 = 2
  /// The most bytes of a message (RFC 6887, section 7).
  public static let maximumLength = 1_100
  /// Bytes of the header, which is all of an ANNOUNCE message.
  public static let headerLength = 24
  /// Bytes of a MAP message without options.
  public static let mapLength = 60

  static let announceOpcode: UInt8 = 0
  static let mapOpcode: UInt8 = 1
  /// Set in the opcode's byte of a response.
  static let responseBit: UInt8 = 0x80
}

/// The opcode's own part of a MAP message: 36 bytes, the same in requests and responses.
public struct PCPMapping: Hashable, Sendable {
  /// IANA's number of UDP, the protocol that is asked for here.
  public static let udp: UInt8 = 17

  /// Whose mapping it is.
  public var nonce: PCPNonce
  /// The transport protocol by IANA's number.
  public var transport: UInt8
  /// The client's port.
  public var internalPort: UInt16
  /// Wanted in a request (port 0 and address 0.0.0.0: any), assigned in a response. An IPv4 address travels in
  /// its mapped form and is IPv4 here.
  public var external: IPEndpoint

  public init(
    nonce: PCPNonce, transport: UInt8 = Self.udp, internalPort: UInt16,
    external: IPEndpoint = IPEndpoint(address: IPAddress(ipv4: 0), port: 0)
  ) {
    self.nonce = nonce
    self.transport = transport
    self.internalPort = internalPort
    self.external = IPEndpoint(address: external.address.unmapped, port: external.port)
  }

  init?(_ reader: inout ByteReader) {
    guard let nonce = reader.take(PCPNonce.count).flatMap({ PCPNonce($0) }),
      let transport = reader.integer(UInt8.self), reader.take(3) != nil,
      let internalPort = reader.integer(UInt16.self), let externalPort = reader.integer(UInt16.self),
      let address = reader.bytes16()
    else { return nil }
    self.init(
      nonce: nonce, transport: transport, internalPort: internalPort,
      external: IPEndpoint(address: IPAddress(ipv6: address), port: externalPort))
  }

  func append(to bytes: inout [UInt8]) {
    bytes += nonce.array
    bytes += [transport, 0, 0, 0]
    bytes.append(bigEndian: internalPort)
    bytes.append(bigEndian: external.port)
    bytes.append(external.address.bytes)
  }
}

extension Array<UInt8> {
  mutating func append(_ bytes: Bytes16) {
    append(bigEndian: bytes.high)
    append(bigEndian: bytes.low)
  }
}

/// Why a datagram is not the PCP message that was expected. All but `unsupportedVersion` mean: ignore it.
public enum PCPError: Error, Hashable, Sendable, CaseIterable {
  /// Shorter than its opcode demands, longer than 1,100 bytes, or no multiple of four (RFC 6887, section 7).
  case badLength
  /// The sender speaks another version, NAT-PMP's 0 for example.
  case unsupportedVersion
  /// A response where a request belongs, or the reverse.
  case wrongDirection
  /// Neither ANNOUNCE nor MAP.
  case unknownOpcode
  /// A response to something that was not asked: another opcode, nonce, transport or internal port.
  case notMine
}

extension PCPError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .badLength: "PCP message of a wrong length"
    case .unsupportedVersion: "not PCP version 2"
    case .wrongDirection: "PCP message in the wrong direction"
    case .unknownOpcode: "unknown PCP opcode"
    case .notMine: "PCP response to another request"
    }
  }
}
