/// An address and a port, written `a.b.c.d:port` or `[v6]:port`.
public struct IPEndpoint: Hashable, Sendable {
  /// The address.
  public var address: IPAddress
  /// The port.
  public var port: UInt16

  public init(address: IPAddress, port: UInt16) {
    self.address = address
    self.port = port
  }

  /// Reads the canonical spelling and no other: no leading zeros, no upper case, IPv6 as RFC 5952 has it.
  public init?(_ text: String) {
    guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return nil }
    let host = text[..<colon]
    let digits = text[text.utf8.index(after: colon)...]
    guard digits.utf8.count <= 5, let port = UInt16(digits) else { return nil }
    let isBracketed = host.hasPrefix("[") && host.hasSuffix("]") && host.utf8.count > 2
    guard let address = IPAddress(isBracketed ? host.dropFirst().dropLast() : host) else { return nil }
    self.init(address: address, port: port)
    // Swift compares strings by canonical equivalence; the spelling has to agree byte for byte.
    guard description.utf8.elementsEqual(text.utf8) else { return nil }
  }
}

extension IPEndpoint: CustomStringConvertible {
  public var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
