import Basics

/// The claim of our own plane (envelope `native_claim`), repeated byte for byte until it is answered.
public struct NativeClaim: Hashable, Sendable {
  /// The version that this program speaks.
  public static let currentVersion = 1

  /// The version of the native plane.
  public var version = NativeClaim.currentVersion
  /// The token's session.
  public var sessionID = Bytes16.zero
  /// The claimant's key at the relay; it must be the packet's source.
  public var derpPublic = Bytes32.zero
  /// The claimant's X25519 key of this session.
  public var ephemeralPublic = Bytes32.zero
  /// The claimant's Ed25519 key, which its QUIC connection shows; zero when it opens none.
  public var quicPublic = Bytes32.zero
  /// The token's capabilities, echoed.
  public var capabilities: UInt32 = 0
  /// What the claimant can beyond the version; see `NativeFeatures`.
  public var features: [String] = []
  /// Whether the claimant wants to stay on the relay.
  public var isRelayOnly = false
  /// Random: no two claims are the same.
  public var nonce = Bytes16.zero
  /// Who the claimant is; only in claims on a derptun credential, whose codes are made with this client's secret.
  public var client: ClaimClient?

  /// A claim of the current version with everything else zero or empty.
  public init() {}
}

extension NativeClaim: JSONObject {
  static var blank: NativeClaim { NativeClaim() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "version": try value.store(into: &version)
    case "session_id": try value.store(into: &sessionID)
    case "derp_public": try value.store(into: &derpPublic)
    case "ephemeral_public": try value.store(into: &ephemeralPublic)
    case "quic_public": try value.store(into: &quicPublic)
    case "capabilities": try value.store(into: &capabilities)
    case "features": try NativeFeatures.store(value, into: &features)
    case "relay_only": try value.store(into: &isRelayOnly)
    case "nonce": try value.store(into: &nonce)
    case "client": try value.store(into: &client)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("version", version)
    writer.member("session_id", sessionID)
    writer.member("derp_public", derpPublic)
    writer.member("ephemeral_public", ephemeralPublic)
    if quicPublic != .zero { writer.member("quic_public", quicPublic) }
    writer.member("capabilities", capabilities)
    writer.member("features", omittingEmpty: features)
    writer.member("relay_only", omittingEmpty: isRelayOnly)
    writer.member("nonce", nonce)
    writer.member("client", omittingEmpty: client)
  }
}

/// The answer to a `NativeClaim` (envelope `native_decision`), the same for every repetition of the claim.
public struct NativeDecision: Hashable, Sendable {
  /// The version of the native plane.
  public var version = NativeClaim.currentVersion
  /// SHA-256 of the claim envelope's bytes, its MAC included.
  public var claimDigest = Bytes32.zero
  /// Whether the claimant is in.
  public var isAccepted = false
  /// The acceptor's X25519 key of this session; zero when refused.
  public var ephemeralPublic = Bytes32.zero
  /// The relay key that the acceptor uses for this session; zero when it is the token's.
  public var derpPublic = Bytes32.zero
  /// What both sides will use, out of the claim's features.
  public var features: [String] = []
  /// Whether the session stays on the relay.
  public var isRelayOnly = false
  /// Why the claimant is not in.
  public var reject: Reject?

  /// A refusal of the current version with everything else zero or empty.
  public init() {}
}

extension NativeDecision: JSONObject {
  static var blank: NativeDecision { NativeDecision() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "version": try value.store(into: &version)
    case "claim_digest": try value.store(into: &claimDigest)
    case "accepted": try value.store(into: &isAccepted)
    case "ephemeral_public": try value.store(into: &ephemeralPublic)
    case "derp_public": try value.store(into: &derpPublic)
    case "features": try NativeFeatures.store(value, into: &features)
    case "relay_only": try value.store(into: &isRelayOnly)
    case "reject": try value.store(into: &reject)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("version", version)
    writer.member("claim_digest", claimDigest)
    writer.member("accepted", isAccepted)
    if ephemeralPublic != .zero { writer.member("ephemeral_public", ephemeralPublic) }
    if derpPublic != .zero { writer.member("derp_public", derpPublic) }
    writer.member("features", omittingEmpty: features)
    writer.member("relay_only", omittingEmpty: isRelayOnly)
    writer.member("reject", omittingEmpty: reject)
  }
}

/// The bounds on feature names in native messages.
public enum NativeFeatures {
  /// The most names in one message.
  public static let maximumCount = 16
  /// The longest name, in bytes.
  public static let maximumNameLength = 32

  /// Whether a list keeps the bounds: at most 16 names of 1 to 32 characters out of a-z, 0-9 and `-`.
  public static func areValid(_ features: [String]) -> Bool {
    features.count <= maximumCount
      && features.allSatisfy { name in
        (1...maximumNameLength).contains(name.utf8.count)
          && name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
              || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "-")
          }
      }
  }

  static func store(_ value: JSONValue, into features: inout [String]) throws(JSONError) {
    try value.store(into: &features)
    guard areValid(features) else { throw .wrongShape }
  }
}
