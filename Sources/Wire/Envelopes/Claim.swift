import Basics

/// An upstream claim of a share, attach or derptun session.
public struct Claim: Hashable, Sendable {
  /// The token's version, 5 or 6.
  public var version: UInt8 = 0
  /// The token's session.
  public var sessionID = Bytes16.zero
  /// Hex of the HMAC of `bearerMACInput` under the bearer secret; either case is accepted.
  public var bearerMAC = ""
  /// The claimant's key at the relay; answers go there.
  public var derpPublic = Bytes32.zero
  /// The claimant's Ed25519 identity.
  public var quicPublic = Bytes32.zero
  /// Never set by upstream's commands.
  public var parallel = 0
  /// Where the claimant may be reached, as `Candidate` spells it.
  public var candidates: [String] = []
  /// The token's capabilities, echoed.
  public var capabilities: UInt32 = 0
  /// Who the claimant is; only in derptun claims.
  public var client: ClaimClient?

  /// A claim with everything zero or empty.
  public init() {}

  /// The text under the bearer MAC. `capabilities` is always in it, the client never.
  public var bearerMACInput: [UInt8] {
    var writer = JSONWriter()
    writer.object { writer in
      writer.member("version", version)
      writer.member("session_id", sessionID)
      writer.member("derp_public", derpPublic)
      writer.member("quic_public", quicPublic)
      writer.member("parallel", omittingEmpty: parallel)
      writer.member("candidates", omittingEmpty: candidates)
      writer.member("capabilities", capabilities)
    }
    return writer.bytes
  }
}

extension Claim: JSONObject {
  static var blank: Claim { Claim() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "version": try value.store(into: &version)
    case "session_id": try value.store(into: &sessionID)
    case "bearer_mac": try value.store(into: &bearerMAC)
    case "derp_public": try value.store(into: &derpPublic)
    case "quic_public": try value.store(into: &quicPublic)
    case "parallel": try value.store(into: &parallel)
    case "candidates": try value.store(into: &candidates)
    case "capabilities": try value.store(into: &capabilities)
    case "client": try value.store(into: &client)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("version", version)
    writer.member("session_id", sessionID)
    writer.member("bearer_mac", bearerMAC)
    writer.member("derp_public", derpPublic)
    writer.member("quic_public", quicPublic)
    writer.member("parallel", omittingEmpty: parallel)
    writer.member("candidates", omittingEmpty: candidates)
    writer.member("capabilities", omittingEmpty: capabilities)
    writer.member("client", omittingEmpty: client)
  }
}

/// Who a derptun claimant is, with the server's proof that it was let in.
public struct ClaimClient: Hashable, Sendable {
  /// The client's name in bytes; its bearer secret is derived from it.
  public var clientID = Bytes16.zero
  /// The token's own number.
  public var tokenID = Bytes16.zero
  /// `client-` and four bytes of the client ID in hex.
  public var clientName = ""
  /// When the client's credential ends, in seconds of Unix time.
  public var expiresUnixSeconds: Int64 = 0
  /// Hex of the credential's proof.
  public var proofMAC = ""

  /// A client with everything zero or empty.
  public init() {}
}

extension ClaimClient: JSONObject {
  static var blank: ClaimClient { ClaimClient() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "client_id": try value.store(into: &clientID)
    case "token_id": try value.store(into: &tokenID)
    case "client_name": try value.store(into: &clientName)
    case "expires_unix": try value.store(into: &expiresUnixSeconds)
    case "proof_mac": try value.store(into: &proofMAC)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("client_id", clientID)
    writer.member("token_id", tokenID)
    writer.member("client_name", clientName)
    writer.member("expires_unix", expiresUnixSeconds)
    writer.member("proof_mac", proofMAC)
  }
}
