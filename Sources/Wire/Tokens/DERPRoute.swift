/// A relay of one's own, as tokens of version 6 carry it.
public struct DERPRoute: Hashable, Sendable {
  /// The STUN port that a route has unless told otherwise.
  public static let defaultSTUNPort: UInt16 = 3478
  /// The region number of a token with a route.
  public static let regionID: UInt16 = 900
  /// The longest host, in bytes.
  public static let maximumHostLength = 253

  /// The host: an IP literal in its canonical text, or a name in lower case without a final dot.
  public let host: String
  /// The relay's TCP port, never 0.
  public let derpPort: UInt16
  /// The UDP port of its STUN responder, never 0.
  public let stunPort: UInt16

  /// Makes a route, turning `host` into its canonical form.
  public init(
    host: String, derpPort: UInt16, stunPort: UInt16 = DERPRoute.defaultSTUNPort
  ) throws(DERPRouteError) {
    self.host = try Self.canonicalHost(host)
    guard derpPort != 0, stunPort != 0 else { throw .portInvalid }
    self.derpPort = derpPort
    self.stunPort = stunPort
  }

  /// Whether the host is an IPv6 literal, which URLs write in brackets.
  public var isIPv6Literal: Bool { host.utf8.contains(UInt8(ascii: ":")) }

  /// Where to connect to. The port is left out when it is the scheme's own, except behind an IPv6 literal.
  public func serverURL(plainHTTP: Bool = false) -> String {
    let name = isIPv6Literal ? "[\(host)]" : host
    let isDefault = derpPort == (plainHTTP ? 80 : 443)
    let port = isDefault && !isIPv6Literal ? "" : ":\(derpPort)"
    return "\(plainHTTP ? "http" : "https")://\(name)\(port)\(DERPUpgrade.path)"
  }

  /// The canonical form of a host: an IP literal's own text, else a checked DNS name. No IDNA.
  static func canonicalHost(_ text: some StringProtocol) throws(DERPRouteError) -> String {
    guard !text.isEmpty else { throw .hostMissing }
    if let address = IPAddress(text) { return address.description }
    guard !text.utf8.contains(UInt8(ascii: "%")) else { throw .zone }
    var name = Array(text.utf8)
    if name.last == UInt8(ascii: ".") { name.removeLast() }
    guard (1...maximumHostLength).contains(name.count) else { throw .hostLength }
    var canonical: [UInt8] = []
    for label in name.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      guard (1...63).contains(label.count) else { throw .labelLength }
      guard label.first != UInt8(ascii: "-"), label.last != UInt8(ascii: "-") else { throw .labelCharacters }
      if !canonical.isEmpty { canonical.append(UInt8(ascii: ".")) }
      for character in label {
        switch character {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
          UInt8(ascii: "-"):
          canonical.append(character)
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): canonical.append(character | 0x20)
        default: throw .labelCharacters
        }
      }
    }
    return String(decoding: canonical, as: UTF8.self)
  }
}
