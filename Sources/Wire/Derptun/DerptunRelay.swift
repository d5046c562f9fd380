/// What credentials say about the relay. Version 1 means the public map, version 2 a route with https, as upstream
/// has them. Version 3 is ours: a route and a byte of flags, of which there is one so far.
enum DerptunRelay {
  /// The flag of a relay that is spoken to without TLS.
  static let plainHTTPFlag: UInt8 = 1

  /// The version of a credential with this relay.
  static func version(_ route: DERPRoute?, isPlainHTTP: Bool) -> UInt8 {
    route == nil ? 1 : isPlainHTTP ? 3 : 2
  }

  /// The bytes at the end of a client credential, which the proof covers, too.
  static func serialized(_ route: DERPRoute?, isPlainHTTP: Bool) -> [UInt8] {
    guard let route else { return [] }
    return route.serialized() + (isPlainHTTP ? [plainHTTPFlag] : [])
  }

  /// Reads those bytes, all of them.
  static func parse(
    _ bytes: UnsafeRawBufferPointer, version: UInt8
  ) throws(DerptunTokenError) -> (route: DERPRoute?, isPlainHTTP: Bool) {
    switch version {
    case 1 where bytes.isEmpty: return (nil, false)
    case 2:
      guard let parsed = try? DERPRoute.parse(wire: bytes), parsed.length == bytes.count else {
        throw .invalid
      }
      return (parsed.route, false)
    case 3:
      // A flag that is not known here could change what the route means; none at all is version 2.
      guard let parsed = try? DERPRoute.parse(wire: bytes), parsed.length == bytes.count - 1,
        bytes.last == plainHTTPFlag
      else { throw .invalid }
      return (parsed.route, true)
    default: throw .invalid
    }
  }
}
