import Basics
import Crypto
import Wire

/// How a tunnel's server knows its clients: it keeps no list of them, for every claim carries what it signed.
public struct ClientProof: Sendable {
  /// What a claim's proof is worth.
  public enum Verdict: Hashable, Sendable {
    /// The claimant has this credential. The checks that every claim gets still follow.
    case proved(DerptunClientToken)
    /// It has none, or a void one; the refusal is what it is told.
    case refused(Reject)
  }

  /// The server's keys.
  public let keys: TunnelKeys
  private let server: DerptunServerToken

  /// Checks claims on behalf of this server.
  public init(_ server: DerptunServerToken) throws(DerptunTokenError) {
    self.server = server
    keys = try TunnelKeys(server)
  }

  /// Looks at the client of a claim whose envelope is authentic already (see `TunnelKeys.bearerSecret`).
  ///
  /// The order of the checks shows in what a claimant is told, so it is upstream's.
  public func verdict(on claim: Claim, nowUnixSeconds: Int64) -> Verdict {
    guard let client = claim.client else {
      return .refused(Reject(code: "claim_malformed", reason: "client proof missing"))
    }
    guard nowUnixSeconds < server.expiresUnixSeconds else { return .expired("server token expired") }
    guard client.expiresUnixSeconds <= server.expiresUnixSeconds else {
      return .expired("client expiry exceeds server expiry")
    }
    guard nowUnixSeconds < client.expiresUnixSeconds else { return .expired("client token expired") }
    guard let token = proved(client, sessionID: claim.sessionID) else {
      return .refused(Reject(code: "bad_mac", reason: "client proof invalid"))
    }
    return .proved(token)
  }

  /// The credential that a client must have to know this proof; nil when the proof is another's.
  private func proved(_ client: ClaimClient, sessionID: Bytes16) -> DerptunClientToken? {
    var token = DerptunClientToken()
    token.sessionID = sessionID
    token.clientID = client.clientID
    token.tokenID = client.tokenID
    token.expiresUnixSeconds = client.expiresUnixSeconds
    token.derpPublic = keys.derpKey.publicKey
    token.quicPublic = keys.identity.publicKey
    token.bearerSecret = keys.bearerSecret(clientID: client.clientID)
    token.route = server.route
    token.isPlainHTTP = server.isPlainHTTP
    token.proofMAC = keys.proof(of: token)
    // The proof covers the name, and no credential has another than the one that its client ID gives.
    guard client.clientName == token.clientName, let proof = Hex.decode(client.proofMAC),
      constantTimeEqual(proof, token.proofMAC.array)
    else { return nil }
    return token
  }
}

extension ClientProof.Verdict {
  fileprivate static func expired(_ reason: String) -> Self {
    .refused(Reject(code: "expired", reason: reason))
  }
}
