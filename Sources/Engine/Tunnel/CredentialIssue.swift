import Basics
import Crypto
import Wire

extension DerptunServerToken {
  /// Makes a new server credential, all of its keys and secrets random.
  public static func issue(
    expiresUnixSeconds: Int64, route: DERPRoute?, isPlainHTTP: Bool,
    using random: inout some RandomNumberGenerator
  ) -> DerptunServerToken {
    var token = DerptunServerToken()
    token.sessionID = Bytes16(random: &random)
    token.expiresUnixSeconds = expiresUnixSeconds
    token.derpPrivate = X25519PrivateKey(random: &random).withUnsafeBytes { Bytes32(loading: $0) }
    let seed = random.bytes(Ed25519Identity.seedLength)
    // Ed25519Identity takes every seed of this length.
    let identity = Ed25519Identity(seed: SecretBytes(seed))!
    token.quicPrivate = seed + identity.publicKey.array
    token.signingSecret = Bytes32(words: (random.next(), random.next(), random.next(), random.next()))
    token.route = route
    token.isPlainHTTP = isPlainHTTP
    return token
  }

  /// Makes a credential for one more client of this server. It may not outlive the server's: the server would refuse
  /// it from its first day.
  public func issueClient(
    expiresUnixSeconds: Int64, using random: inout some RandomNumberGenerator
  ) throws(CredentialIssueError) -> DerptunClientToken {
    guard expiresUnixSeconds <= self.expiresUnixSeconds else { throw .outlivesServer }
    let keys: TunnelKeys
    do {
      keys = try TunnelKeys(self)
    } catch {
      throw .server(error)
    }
    var token = DerptunClientToken()
    token.sessionID = sessionID
    token.clientID = Bytes16(random: &random)
    token.tokenID = Bytes16(random: &random)
    token.expiresUnixSeconds = expiresUnixSeconds
    token.derpPublic = keys.derpKey.publicKey
    token.quicPublic = keys.identity.publicKey
    token.bearerSecret = keys.bearerSecret(clientID: token.clientID)
    token.route = route
    token.isPlainHTTP = isPlainHTTP
    token.proofMAC = keys.proof(of: token)
    return token
  }
}

/// Why a server credential makes no client credential.
public enum CredentialIssueError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The client's would end after the server's.
  case outlivesServer
  /// The server's keys cannot be used.
  case server(DerptunTokenError)

  public var description: String {
    switch self {
    case .outlivesServer: "client expiry exceeds server expiry"
    case .server(let error): error.description
    }
  }
}

extension Bytes16 {
  fileprivate init(random generator: inout some RandomNumberGenerator) {
    self.init(high: generator.next(), low: generator.next())
  }
}
