import CSodium

/// Authenticates discovery packets with HMAC-SHA256. Both sides of a session have the same key.
public struct DiscoveryKey: Sendable {
  private let key: SecretBytes

  /// - Parameter key: 32 bytes.
  public init(_ key: SecretBytes) { self.key = key }

  /// The 32 bytes that follow `authenticated` in a discovery packet.
  public func mac(_ authenticated: [UInt8]) -> [UInt8] {
    HMACSHA256.authenticate(key: key, parts: [authenticated])
  }

  /// Whether the last 32 bytes of `packet` authenticate the others; compared in constant time.
  public func isAuthentic(_ packet: UnsafeRawBufferPointer) -> Bool {
    guard packet.count > HMACSHA256.length else { return false }
    let code = mac(Array(packet.dropLast(HMACSHA256.length)))
    let claimed = Array(packet.suffix(HMACSHA256.length))
    return sodium_memcmp(code, claimed, HMACSHA256.length) == 0
  }
}
