import Basics

extension DiscoveryKey {
  /// The key of discovery packets between peers of which one runs upstream's program: HMAC(bearer secret,
  /// "derphole-transport-raw-direct-disco-mac-v2" || session || lower relay key || higher relay key), keys in the order of
  /// their bytes.
  public init(bearerSecret: Bytes32, sessionID: Bytes16, _ first: Bytes32, _ second: Bytes32) {
    var secret = bearerSecret.array
    defer { wipe(&secret) }
    let keys = [first.array, second.array].sorted { $0.lexicographicallyPrecedes($1) }
    var derived = HMACSHA256.authenticate(
      key: secret,
      parts: [Array("derphole-transport-raw-direct-disco-mac-v2".utf8), sessionID.array] + keys)
    self.init(SecretBytes(derived))
    wipe(&derived)
  }
}
