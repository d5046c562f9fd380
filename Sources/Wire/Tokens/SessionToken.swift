import Basics

/// What the issuer of a session hands to the other side: where to meet, whom to expect, and the secret that
/// proves both. Whoever has the text can claim the session.
public struct SessionToken: Hashable, Sendable {
  /// The longest token text that is looked at, in characters; a real one has at most 519.
  public static let maximumTextLength = 4_096

  /// Random, names the session.
  public var sessionID: Bytes16
  /// From this second of Unix time on the token is void.
  public var expiresUnixSeconds: Int64
  /// The region of the relay map where the issuer waits; 900 with a route.
  public var bootstrapRegion: UInt16
  /// The issuer's key at the relay.
  public var derpPublic: Bytes32
  /// The issuer's Ed25519 identity.
  public var quicPublic: Bytes32
  /// Random; keys of the session are derived from it.
  public var bearerSecret: Bytes32
  /// What the issuer offers.
  public var capabilities: TokenCapabilities
  /// The relay to meet at, when it is not one of the public map.
  public var route: DERPRoute?

  public init(
    sessionID: Bytes16, expiresUnixSeconds: Int64, bootstrapRegion: UInt16, derpPublic: Bytes32,
    quicPublic: Bytes32, bearerSecret: Bytes32, capabilities: TokenCapabilities, route: DERPRoute? = nil
  ) {
    self.sessionID = sessionID
    self.expiresUnixSeconds = expiresUnixSeconds
    self.bootstrapRegion = bootstrapRegion
    self.derpPublic = derpPublic
    self.quicPublic = quicPublic
    self.bearerSecret = bearerSecret
    self.capabilities = capabilities
    self.route = route
  }

  /// The token's version: 6 with a route, else 5.
  public var version: UInt8 { route == nil ? 5 : 6 }

  /// The bytes that the text spells: 131 for version 5, 136 and the host's length for version 6.
  public func serialized() -> [UInt8] {
    var bytes = [version]
    bytes += sessionID.array
    bytes.append(bigEndian: expiresUnixSeconds)
    bytes.append(bigEndian: bootstrapRegion)
    bytes += derpPublic.array + quicPublic.array + bearerSecret.array
    bytes.append(bigEndian: capabilities.rawValue)
    if let route { bytes += route.serialized() }
    bytes.append(bigEndian: CRC32.checksum(bytes))
    return bytes
  }

  /// The token's text, base64 with the URL alphabet and no padding.
  public func encoded() -> String { Base64.encode(serialized(), .url) }

  /// Reads a token's text. The checks come in upstream's order, expiry last.
  public static func decode(_ text: String, nowUnixSeconds: Int64) throws(TokenError) -> SessionToken {
    guard text.utf8.count <= maximumTextLength else { throw .invalidLength }
    let bytes: [UInt8]
    do {
      bytes = try Base64.decode(text, .url)
    } catch {
      throw .base64(error)
    }
    let token = try bytes.lend { (raw) throws(TokenError) in try SessionToken.parse(raw) }
    guard nowUnixSeconds < token.expiresUnixSeconds else { throw .expired }
    return token
  }

  /// Reads a token's bytes; expiry is not looked at.
  public static func parse(_ raw: UnsafeRawBufferPointer) throws(TokenError) -> SessionToken {
    let fixedLength = 127
    let checksumLength = 4
    guard let version = raw.first else { throw .invalidLength }
    guard version == 5 || version == 6 else { throw .unsupportedVersion }
    var expected = fixedLength + checksumLength
    if version == 6 {
      guard raw.count > fixedLength else { throw .invalidLength }
      expected += 1 + Int(raw[fixedLength]) + 4
    }
    guard raw.count == expected else { throw .invalidLength }
    var body = ByteReader(UnsafeRawBufferPointer(rebasing: raw.dropLast(checksumLength)))
    var trailer = ByteReader(UnsafeRawBufferPointer(rebasing: raw.suffix(checksumLength)))
    guard trailer.integer() == CRC32.checksum(body.bytes) else { throw .checksumMismatch }
    guard body.integer(UInt8.self) != nil, let sessionID = body.bytes16(),
      let expires = body.integer(Int64.self), let region = body.integer(UInt16.self),
      let derpPublic = body.bytes32(), let quicPublic = body.bytes32(), let secret = body.bytes32(),
      let capabilities = body.integer(UInt32.self)
    else { throw .invalidLength }
    var route: DERPRoute?
    if version == 6 {
      do {
        route = try DERPRoute.parse(wire: body.takeRest()).route
      } catch {
        throw .route(error)
      }
    }
    return SessionToken(
      sessionID: sessionID, expiresUnixSeconds: expires, bootstrapRegion: region, derpPublic: derpPublic,
      quicPublic: quicPublic, bearerSecret: secret,
      capabilities: TokenCapabilities(rawValue: capabilities), route: route)
  }
}

extension SessionToken: CustomStringConvertible {
  /// What it is, without its secrets.
  public var description: String { "session token v\(version) \(sessionID.hex)" }
}
