import Basics
import Crypto
import Wire

/// Upstream's claim and decision, as its version 0.18.2 writes and checks them (UPS-1, UPS-2).
enum UpstreamRendezvous {
  /// What `Claim.parallel` says when the claimant speaks the native plane, too: an acceptor of ours then waits for the
  /// native claim that comes beside this one. Upstream's acceptors only echo the number.
  static let nativeMark = 7_841

  /// The claim on a token. Candidates stay away: a claim may not change when it is repeated, and nothing waits for them.
  static func claim(
    on token: SessionToken, derpPublic: Bytes32, quicPublic: Bytes32, client: ClaimClient? = nil,
    speaksNative: Bool = false
  ) -> Claim {
    var claim = Claim()
    claim.version = version(of: token)
    claim.sessionID = token.sessionID
    claim.derpPublic = derpPublic
    claim.quicPublic = quicPublic
    claim.capabilities = token.capabilities.rawValue
    claim.client = client
    if speaksNative { claim.parallel = nativeMark }
    claim.bearerMAC = bearerMAC(secret: token.bearerSecret, input: claim.bearerMACInput)
    return claim
  }

  static func version(of token: SessionToken) -> UInt8 { token.route == nil ? 5 : 6 }

  /// What is wrong with a claim, in the order in which upstream looks; nil when nothing is.
  static func refusal(of claim: Claim, on token: SessionToken, isExpired: Bool, allowsLoopback: Bool)
    -> Reject?
  {
    if isExpired { return Reject(code: "expired", reason: "token expired") }
    if claim.version != version(of: token) {
      return Reject(code: "version_mismatch", reason: "version mismatch")
    }
    if claim.sessionID != token.sessionID {
      return Reject(code: "session_mismatch", reason: "session mismatch")
    }
    guard isAuthentic(claim, secret: token.bearerSecret) else {
      return Reject(code: "bad_mac", reason: "bad bearer mac")
    }
    // Bits of ours mean nothing here.
    if token.capabilities.symmetricDifference(TokenCapabilities(rawValue: claim.capabilities))
      .subtracting(.ours) != []
    {
      return Reject(code: "capabilities_mismatch", reason: "capabilities mismatch")
    }
    guard claim.derpPublic != .zero, claim.quicPublic != .zero,
      Candidate.parseClaim(claim.candidates, allowingLoopback: allowsLoopback) != nil
    else { return Reject(code: "claim_malformed", reason: "claim malformed") }
    return nil
  }

  private static func isAuthentic(_ claim: Claim, secret: Bytes32) -> Bool {
    let expected = bearerMAC(secret: secret, input: claim.bearerMACInput)
    return constantTimeEqual(Array(expected.utf8), Array(claim.bearerMAC.lowercased().utf8))
  }

  /// The accepting answer to a claim.
  static func acceptance(of claim: Claim) -> Decision {
    var accept = Accept()
    accept.version = claim.version
    accept.sessionID = claim.sessionID
    accept.parallel = claim.parallel
    accept.capabilities = claim.capabilities
    var decision = Decision()
    decision.isAccepted = true
    decision.accept = accept
    return decision
  }

  /// Whether a decision accepts a claim on the token.
  static func isAccepting(_ decision: Decision, on token: SessionToken) -> Bool {
    guard decision.isAccepted, let accept = decision.accept else { return false }
    return accept.version == version(of: token) && accept.sessionID == token.sessionID
      && accept.capabilities == token.capabilities.rawValue
  }
}
