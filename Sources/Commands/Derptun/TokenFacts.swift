import Basics
import Engine
import Wire

/// What may be told of a token. Secrets do not get this far.
struct TokenFacts {
  let role: DerptunTokenRole
  let version: Int
  let sessionID: Bytes16
  let derpPublic: Bytes32
  let quicPublic: Bytes32
  let expiresUnixSeconds: Int64
  /// Where the two meet; nil on the public map.
  let relay: String?
  let stunPort: UInt16?
  /// What only a client's has.
  let client: Client?

  struct Client {
    let clientID: Bytes16
    let tokenID: Bytes16
    let name: String
  }

  /// The facts of a server's; its public keys follow from the private ones.
  init(_ token: DerptunServerToken) throws(DerptunTokenError) {
    let keys = try TunnelKeys(token)
    role = .server
    version = token.version
    sessionID = token.sessionID
    derpPublic = keys.derpKey.publicKey
    quicPublic = keys.identity.publicKey
    expiresUnixSeconds = token.expiresUnixSeconds
    relay = token.route?.serverURL(plainHTTP: token.isPlainHTTP)
    stunPort = token.route?.stunPort
    client = nil
  }

  /// The facts of a client's.
  init(_ token: DerptunClientToken) {
    role = .client
    version = Int(token.version)
    sessionID = token.sessionID
    derpPublic = token.derpPublic
    quicPublic = token.quicPublic
    expiresUnixSeconds = token.expiresUnixSeconds
    relay = token.route?.serverURL(plainHTTP: token.isPlainHTTP)
    stunPort = token.route?.stunPort
    client = Client(clientID: token.clientID, tokenID: token.tokenID, name: token.clientName)
  }
}
