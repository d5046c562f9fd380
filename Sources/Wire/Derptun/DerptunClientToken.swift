import Basics

/// The credential that a tunnel's server hands to one client.
public struct DerptunClientToken: Hashable, Sendable {
  /// Characters in front of the base41 text.
  private static let prefixLength = 3
  /// The longest text: 445 bytes in base41 and the prefix.
  public static let maximumTextLength = 671

  /// The server's session.
  public var sessionID = Bytes16.zero
  /// Random, names the client.
  public var clientID = Bytes16.zero
  /// Random, names this credential.
  public var tokenID = Bytes16.zero
  /// From this second of Unix time on the credential is void.
  public var expiresUnixSeconds: Int64 = 0
  /// The server's key at the relay.
  public var derpPublic = Bytes32.zero
  /// The server's Ed25519 identity.
  public var quicPublic = Bytes32.zero
  /// Follows from the server's signing secret and `bearerInput`.
  public var bearerSecret = Bytes32.zero
  /// Follows from the server's signing secret and `proofInput`; only the server can check it.
  public var proofMAC = Bytes32.zero
  /// The relay to meet at, when it is not one of the public map.
  public var route: DERPRoute?
  /// Whether that relay is spoken to without TLS; says nothing without a route.
  public var isPlainHTTP = false

  /// A credential with everything zero; it does not decode until it is filled.
  public init() {}

  /// The credential's version: 1 without a route, 2 with one, 3 when the route is plain http.
  public var version: UInt8 { DerptunRelay.version(route, isPlainHTTP: isPlainHTTP) }

  /// The client's name: `client-` and the first four bytes of its ID in hex.
  public var clientName: String { "client-" + Hex.encode(clientID.array.prefix(4)) }

  /// What a client's bearer secret is the HMAC of, under the server's signing secret.
  public static func bearerInput(clientID: Bytes16) -> [UInt8] {
    Array("derptun-client-bearer-v1".utf8) + clientID.array
  }

  /// What the proof is the HMAC of, under the server's signing secret.
  public var proofInput: [UInt8] {
    var bytes = Array("derptun-client-proof-v\(version)".utf8)
    bytes += sessionID.array + clientID.array + tokenID.array
    bytes += Array(clientName.utf8)
    bytes += derpPublic.array + quicPublic.array + bearerSecret.array
    bytes += Array(String(expiresUnixSeconds).utf8)
    return bytes + DerptunRelay.serialized(route, isPlainHTTP: isPlainHTTP)
  }

  /// The credential as a session token, for the rendezvous.
  public var sessionToken: SessionToken {
    SessionToken(
      sessionID: sessionID, expiresUnixSeconds: expiresUnixSeconds, bootstrapRegion: 0,
      derpPublic: derpPublic, quicPublic: quicPublic, bearerSecret: bearerSecret,
      capabilities: version == 3 ? [.derptunTCP, .plainHTTP] : .derptunTCP, route: route)
  }

  /// What a claim with this credential says about its claimant.
  public var claimClient: ClaimClient {
    var client = ClaimClient()
    client.clientID = clientID
    client.tokenID = tokenID
    client.clientName = clientName
    client.expiresUnixSeconds = expiresUnixSeconds
    client.proofMAC = proofMAC.hex
    return client
  }

  /// The bytes that the text spells: 186, with a route 192 to 444, and one more when that is plain http.
  public func serialized() -> [UInt8] {
    let tcp: UInt8 = 1
    var bytes = [version, tcp] + sessionID.array + clientID.array + tokenID.array
    bytes.append(bigEndian: expiresUnixSeconds)
    bytes += derpPublic.array + quicPublic.array + bearerSecret.array + proofMAC.array
    return bytes + DerptunRelay.serialized(route, isPlainHTTP: isPlainHTTP)
  }

  /// The text: `DT1`, `DT2` or `DT3` and the bytes in base41.
  public func encoded() -> String { "DT\(version)" + Base41.encode(serialized()) }

  /// Reads a credential.
  public static func decode(
    _ text: String, nowUnixSeconds: Int64
  ) throws(DerptunTokenError) -> DerptunClientToken {
    let characters = Array(text.utf8.prefix(maximumTextLength + 1))
    guard characters.count <= maximumTextLength, characters.count > prefixLength,
      characters.starts(with: "DT".utf8), let raw = Base41.decode(characters[prefixLength...])
    else { throw .invalid }
    let token = try raw.lend { (bytes) throws(DerptunTokenError) in try parse(bytes) }
    guard characters[2] == UInt8(ascii: "0") + token.version else { throw .invalid }
    guard nowUnixSeconds < token.expiresUnixSeconds else { throw .expired }
    return token
  }

  /// Reads a credential's bytes; expiry is not looked at.
  public static func parse(_ raw: UnsafeRawBufferPointer) throws(DerptunTokenError) -> DerptunClientToken {
    var reader = ByteReader(raw)
    guard let version = reader.integer(UInt8.self), reader.integer(UInt8.self) == 1,
      let sessionID = reader.bytes16(), let clientID = reader.bytes16(), let tokenID = reader.bytes16(),
      let expires = reader.integer(Int64.self), let derpPublic = reader.bytes32(),
      let quicPublic = reader.bytes32(), let bearerSecret = reader.bytes32(), let proof = reader.bytes32(),
      sessionID != .zero, clientID != .zero, tokenID != .zero, derpPublic != .zero, quicPublic != .zero,
      bearerSecret != .zero
    else { throw .invalid }
    var token = DerptunClientToken()
    token.sessionID = sessionID
    token.clientID = clientID
    token.tokenID = tokenID
    token.expiresUnixSeconds = expires
    token.derpPublic = derpPublic
    token.quicPublic = quicPublic
    token.bearerSecret = bearerSecret
    token.proofMAC = proof
    let relay = try DerptunRelay.parse(reader.takeRest(), version: version)
    token.route = relay.route
    token.isPlainHTTP = relay.isPlainHTTP
    return token
  }
}

extension DerptunClientToken: CustomStringConvertible {
  /// What it is, without its secrets.
  public var description: String { "derptun client credential v\(version) \(sessionID.hex)" }
}
