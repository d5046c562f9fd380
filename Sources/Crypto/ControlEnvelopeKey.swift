import Basics

/// The key that authenticates the control envelopes of a session, derived from its bearer secret and identifier.
public struct ControlEnvelopeKey: Sendable {
  private let key: SecretBytes

  /// Derives the key: HMAC(bearer secret, "derphole-control-envelope-v1" || session identifier).
  public init(bearerSecret: Bytes32, sessionID: Bytes16) {
    var secret = bearerSecret.array
    var derived = HMACSHA256.authenticate(
      key: secret, parts: [Array("derphole-control-envelope-v1".utf8), sessionID.array])
    key = SecretBytes(derived)
    wipe(&secret)
    wipe(&derived)
  }

  /// The code of an envelope's canonical bytes (written without its code): 43 characters of unpadded base64url.
  public func mac(of canonical: [UInt8]) -> String {
    Base64URL.encode(code(of: canonical))
  }

  /// Whether `mac` is, character for character, the code of the envelope's canonical bytes.
  public func verify(_ mac: String, of canonical: [UInt8]) -> Bool {
    constantTimeEqual(Array(mac.utf8), Array(self.mac(of: canonical).utf8))
  }

  private func code(of canonical: [UInt8]) -> [UInt8] {
    HMACSHA256.authenticate(key: key, parts: [Array("envelope".utf8), canonical])
  }

  /// Gives `body` the 32 bytes of the key, for deriving further keys; the pointer must not leave it.
  public func withUnsafeBytes<Result, E: Error>(
    _ body: (UnsafeRawBufferPointer) throws(E) -> Result
  ) throws(E) -> Result {
    try key.withUnsafeBytes(body)
  }
}

/// The bearer code of a claim: HMAC-SHA256 of its canonical form under the bearer secret, as 64 lower-case hex
/// digits.
public func bearerMAC(secret: Bytes32, input: [UInt8]) -> String {
  var key = secret.array
  defer { wipe(&key) }
  return Hex.encode(HMACSHA256.authenticate(key: key, parts: [input]))
}

/// Base64 with the URL alphabet and without padding (RFC 4648, section 5).
enum Base64URL {
  private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count * 4 + 2) / 3)
    var pending: UInt32 = 0
    var bits = 0
    for byte in bytes {
      pending = pending << 8 | UInt32(byte)
      bits += 8
      while bits >= 6 {
        bits -= 6
        text.append(alphabet[Int(pending >> UInt32(bits) & 63)])
      }
    }
    if bits > 0 { text.append(alphabet[Int(pending << UInt32(6 - bits) & 63)]) }
    return String(decoding: text, as: UTF8.self)
  }
}
