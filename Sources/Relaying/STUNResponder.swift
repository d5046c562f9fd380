import Wire

/// Tells who asks where the question came from (RFC 8489), as Tailscale's STUN servers do.
public enum STUNResponder {
  /// The answer to a datagram; nil when it is not a binding request with Tailscale's software name and a right
  /// fingerprint. Such datagrams get no answer at all. An answer to IPv4 is smaller than the request, one to
  /// IPv6 four bytes larger, so nobody gains by forging the source.
  public static func response(to datagram: UnsafeRawBufferPointer, from source: IPEndpoint) -> [UInt8]? {
    guard let id = try? STUNMessage.parseRequest(datagram) else { return nil }
    return STUNMessage.response(id, from: source)
  }
}
