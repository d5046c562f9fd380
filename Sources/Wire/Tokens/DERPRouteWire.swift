extension DERPRoute {
  /// The wire form: host length (1 byte), host, DERP port, STUN port (big-endian).
  public func serialized() -> [UInt8] {
    var bytes = [UInt8(truncatingIfNeeded: host.utf8.count)] + Array(host.utf8)
    bytes.append(bigEndian: derpPort)
    bytes.append(bigEndian: stunPort)
    return bytes
  }

  /// Reads a route from the start of `wire`; `length` is how many bytes it takes.
  public static func parse(
    wire: UnsafeRawBufferPointer
  ) throws(DERPRouteError) -> (route: DERPRoute, length: Int) {
    var reader = ByteReader(wire)
    guard let hostLength = reader.integer(UInt8.self) else { throw .wireEmpty }
    guard (1...maximumHostLength).contains(Int(hostLength)) else { throw .wireHostLength }
    guard let host = reader.take(Int(hostLength)), let derpPort = reader.integer(UInt16.self),
      let stunPort = reader.integer(UInt16.self)
    else { throw .wireTruncated }
    guard derpPort != 0 else { throw .wireDERPPortZero }
    guard stunPort != 0 else { throw .wireSTUNPortZero }
    let route: DERPRoute
    do {
      route = try DERPRoute(
        host: String(decoding: host, as: UTF8.self), derpPort: derpPort, stunPort: stunPort)
    } catch {
      throw .wireHostNotCanonical
    }
    guard route.host.utf8.elementsEqual(host) else { throw .wireHostNotCanonical }
    return (route, reader.offset)
  }
}
