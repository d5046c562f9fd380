extension DERPRoute {
  /// The environment variable whose value `parse(environmentValue:)` reads.
  public static let environmentVariable = "DERPHOLE_DERP_SERVER"

  /// Reads what the environment variable may hold: `https://host[:port]` with the path empty, `/` or `/derp`.
  public static func parse(environmentValue text: String) throws(DERPRouteError) -> DERPRoute {
    let parsed: (route: DERPRoute, isPlainHTTP: Bool)
    do {
      parsed = try parse(url: text)
    } catch .schemeNotHTTP {
      throw .schemeNotHTTPS
    }
    guard !parsed.isPlainHTTP else { throw .schemeNotHTTPS }
    return parsed.route
  }

  /// Reads a relay's URL, `https` or `http`; the port defaults to the scheme's own.
  public static func parse(
    url text: String, stunPort: UInt16 = DERPRoute.defaultSTUNPort
  ) throws(DERPRouteError) -> (route: DERPRoute, isPlainHTTP: Bool) {
    let characters = Array(text.utf8)
    guard characters.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else { throw .malformedURL }
    guard let colon = characters.firstIndex(of: UInt8(ascii: ":")) else { throw .schemeNotHTTP }
    let isPlainHTTP: Bool
    switch String(decoding: characters[..<colon], as: UTF8.self).lowercased() {
    case "https": isPlainHTTP = false
    case "http": isPlainHTTP = true
    default: throw .schemeNotHTTP
    }
    var rest = characters[(colon + 1)...]
    guard !rest.contains(UInt8(ascii: "#")) else { throw .fragment }
    guard !rest.contains(UInt8(ascii: "?")) else { throw .query }
    guard rest.starts(with: "//".utf8) else { throw .hostMissing }
    rest = rest.dropFirst(2)
    let authority = rest.prefix { $0 != UInt8(ascii: "/") }
    guard !authority.contains(UInt8(ascii: "@")) else { throw .userInfo }
    let path = String(decoding: rest[authority.endIndex...], as: UTF8.self)
    guard ["", "/", "/derp"].contains(path) else { throw .path }
    let (host, port) = try split(authority: authority)
    let route = try DERPRoute(
      host: host, derpPort: try port.map(parsePort) ?? (isPlainHTTP ? 80 : 443), stunPort: stunPort)
    return (route, isPlainHTTP)
  }

  /// Splits `host`, `host:port`, `[v6]` or `[v6]:port`; the port's digits are not checked yet.
  private static func split(
    authority: ArraySlice<UInt8>
  ) throws(DERPRouteError) -> (host: String, port: ArraySlice<UInt8>?) {
    guard authority.first == UInt8(ascii: "[") else {
      guard !authority.contains(UInt8(ascii: "%")) else { throw .malformedURL }
      guard let colon = authority.lastIndex(of: UInt8(ascii: ":")) else {
        return (String(decoding: authority, as: UTF8.self), nil)
      }
      return (String(decoding: authority[..<colon], as: UTF8.self), authority[(colon + 1)...])
    }
    guard let bracket = authority.firstIndex(of: UInt8(ascii: "]")) else { throw .malformedURL }
    let literal = authority[(authority.startIndex + 1)..<bracket]
    guard !literal.contains(UInt8(ascii: "%")) else { throw .zone }
    let host = String(decoding: literal, as: UTF8.self)
    guard let address = IPAddress(host), !address.isIPv4 else { throw .malformedURL }
    let tail = authority[(bracket + 1)...]
    if tail.isEmpty { return (host, nil) }
    guard tail.first == UInt8(ascii: ":") else { throw .malformedURL }
    return (host, tail.dropFirst())
  }

  private static func parsePort(_ digits: ArraySlice<UInt8>) throws(DERPRouteError) -> UInt16 {
    guard digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      throw .malformedURL
    }
    guard let port = UInt16(String(decoding: digits, as: UTF8.self)), port != 0 else { throw .portInvalid }
    return port
  }
}
