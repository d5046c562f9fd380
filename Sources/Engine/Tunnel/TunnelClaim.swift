import Basics
import Crypto
import Wire

/// A claim on a tunnel's server: authentic for the client that it names, and so far nothing more.
public struct TunnelClaim {
  /// What upstream's checks look at.
  public let claim: Claim
  /// The claimant's key at the relay.
  public let source: Bytes32
  /// The digest of a claim of ours; nil for one of upstream's.
  private let digest: Bytes32?
  private let seal: EnvelopeSeal

  /// Reads what came to the server's key; nil for what is no claim, names no client, is not sealed with that client's
  /// secret, or names another key than it came from (CLI-1).
  public init?(_ packet: [UInt8], from source: Bytes32, keys: TunnelKeys) {
    guard packet.first == UInt8(ascii: "{"), let sealed = try? SealedEnvelope.parse(packet) else {
      return nil
    }
    var claim: Claim
    switch sealed.envelope {
    case .nativeClaim(let native):
      claim = Claim()
      claim.sessionID = native.sessionID
      claim.derpPublic = native.derpPublic
      claim.quicPublic = native.quicPublic
      claim.capabilities = native.capabilities
      claim.client = native.client
      digest = SHA256.digest([packet])
    case .claim(let upstream):
      claim = upstream
      digest = nil
    default: return nil
    }
    guard let client = claim.client, claim.derpPublic == source, claim.sessionID == keys.sessionID else {
      return nil
    }
    let seal = EnvelopeSeal(
      bearerSecret: keys.bearerSecret(clientID: client.clientID), sessionID: claim.sessionID)
    guard seal.open(sealed) != nil else { return nil }
    self.seal = seal
    self.claim = claim
    self.source = source
  }

  /// Whether the claimant speaks only upstream's protocol.
  public var isUpstream: Bool { digest == nil }

  /// Whether a native claim of the same claimant comes beside this one (UPS-16).
  public var comesWithNative: Bool { isUpstream && claim.parallel == UpstreamRendezvous.nativeMark }

  /// The answer that refuses it.
  public func refusal(_ reject: Reject) -> [UInt8] {
    seal.seal(.refusal(ofClaim: digest, reject))
  }
}
