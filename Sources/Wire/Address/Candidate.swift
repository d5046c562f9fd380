/// An address at which a peer may be reached directly, as claims and control messages name it.
public struct Candidate: Hashable, Sendable {
  /// The most candidates that one message may name.
  public static let maximumCount = 32
  /// The longest text of a candidate, in bytes.
  public static let maximumTextLength = 128

  /// Where it is; an IPv4-mapped address has become IPv4.
  public let endpoint: IPEndpoint

  /// Takes an endpoint as a candidate; nil when its port is 0, or it is unspecified, multicast, or loopback
  /// unless that is allowed (only tests do).
  public init?(_ endpoint: IPEndpoint, allowingLoopback: Bool = false) {
    let address = endpoint.address.unmapped
    guard endpoint.port != 0, !address.isUnspecified, !address.isMulticast,
      allowingLoopback || !address.isLoopback
    else { return nil }
    self.endpoint = IPEndpoint(address: address, port: endpoint.port)
  }

  /// Reads a candidate in its canonical spelling; nil when it may not be used.
  public init?(_ text: String, allowingLoopback: Bool = false) {
    guard (1...Self.maximumTextLength).contains(text.utf8.count), let endpoint = IPEndpoint(text) else {
      return nil
    }
    self.init(endpoint, allowingLoopback: allowingLoopback)
  }

  /// Reads the candidates of a claim; nil when one of them is bad, two are the same, or there are more than 32:
  /// the whole claim is malformed then.
  public static func parseClaim(_ texts: [String], allowingLoopback: Bool = false) -> [Candidate]? {
    guard texts.count <= maximumCount else { return nil }
    var candidates: [Candidate] = []
    for text in texts {
      guard let candidate = Candidate(text, allowingLoopback: allowingLoopback),
        !candidates.contains(candidate)
      else { return nil }
      candidates.append(candidate)
    }
    return candidates
  }

  /// Preference, 0 best: public, other, private, Tailscale, link-local, loopback.
  public var rank: Int {
    let address = endpoint.address
    if address.isLoopback { return 5 }
    if address.isLinkLocal { return 4 }
    if address.isTailscale { return 3 }
    if address.isPrivate { return 2 }
    return address.isBroadcast ? 1 : 0
  }
}

extension Candidate: CustomStringConvertible {
  public var description: String { endpoint.description }
}
