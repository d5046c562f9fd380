import Wire

/// Tells who asks where the question came from (RFC 8489), as Tailscale's STUN servers do.
public enum STUNResponder {
  /// An answer and where it leaves from.
  public struct Answer: Hashable, Sendable {
    /// The datagram, to be sent to the request's source.
    public var bytes: [UInt8]
    /// Whether it is to leave from the responder's other port: the client wants to see if its NAT lets that in.
    public var isFromOtherPort: Bool
  }

  /// The answer to a datagram; nil when it is not a binding request with Tailscale's software name and a right
  /// fingerprint. Such datagrams get no answer at all. An answer to IPv4 is smaller than the request, one to
  /// IPv6 at most four bytes larger, so nobody gains by forging the source.
  ///
  /// Of RFC 5780's CHANGE-REQUEST only the change of the port is done. A request that wants another address is
  /// answered as if it wanted nothing, which shows the client that this responder has no other.
  public static func answer(to datagram: UnsafeRawBufferPointer, from source: IPEndpoint) -> Answer? {
    guard let id = try? STUNMessage.parseRequest(datagram) else { return nil }
    return Answer(
      bytes: STUNMessage.response(id, from: source),
      isFromOtherPort: STUNMessage.change(of: datagram) == .port)
  }
}
