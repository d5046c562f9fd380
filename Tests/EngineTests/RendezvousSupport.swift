import Basics
import Crypto
import Machines
import Wire

@testable import Engine

/// A token with both its halves, and what is needed to play either side or a stranger.
struct Meeting {
  let acceptorKey: X25519PrivateKey
  let claimantKey: X25519PrivateKey
  let token: SessionToken
  /// The identity that the token pins for QUIC.
  let identity: Ed25519Identity
  let seal: EnvelopeSeal
  var random = SeededGenerator(seed: 77)

  init(seed: UInt64 = 1, capabilities: TokenCapabilities = [.stdio, .native]) {
    var random = SeededGenerator(seed: seed)
    acceptorKey = X25519PrivateKey(random: &random)
    claimantKey = X25519PrivateKey(random: &random)
    var identities = SeededGenerator(seed: seed &+ 1_000)
    identity = Ed25519Identity(random: &identities)
    token = SessionToken(
      sessionID: Bytes16(high: random.next(), low: random.next()), expiresUnixSeconds: 2_000_000_000,
      bootstrapRegion: 1, derpPublic: acceptorKey.publicKey, quicPublic: identity.publicKey,
      bearerSecret: Bytes32(random.bytes(32)) ?? .zero, capabilities: capabilities)
    seal = EnvelopeSeal(token: token)
  }

  mutating func claimant(_ key: X25519PrivateKey? = nil) -> Claimant {
    Claimant(token: token, derpKey: key ?? claimantKey, isRelayOnly: false, random: &random)
  }

  mutating func acceptor(expiresAt: Instant = .zero + .seconds(3_600)) -> Acceptor {
    Acceptor(token: token, derpKey: acceptorKey, isRelayOnly: false, expiresAt: expiresAt, random: &random)
  }

  mutating func key() -> X25519PrivateKey { X25519PrivateKey(random: &random) }
}

extension Array where Element == RendezvousEffect {
  /// The packets to be sent.
  var packets: [[UInt8]] {
    compactMap { if case .send(let packet, _) = $0 { packet } else { nil } }
  }

  /// To whom they go.
  var receivers: [Bytes32] {
    compactMap { if case .send(_, let peer) = $0 { peer } else { nil } }
  }

  /// The rules that the transitions obeyed.
  var rules: [String] {
    compactMap { if case .transition(let record) = $0 { record.rule } else { nil } }
  }

  var hasProtocolError: Bool {
    contains { if case .transition(let record) = $0 { record.isProtocolError } else { false } }
  }

  var failure: SessionFailure? {
    for case .fail(let failure) in self { return failure }
    return nil
  }

  var opensPlane: Bool {
    contains { if case .open = $0 { true } else { false } }
  }

  var keys: SessionKeySchedule? {
    for case .open(let keys, _, _, _) in self { return keys }
    return nil
  }

  var isEstablished: Bool {
    contains { if case .established = $0 { true } else { false } }
  }

  var releases: Bool {
    contains { if case .release = $0 { true } else { false } }
  }
}

extension Claimant {
  mutating func take(_ packet: [UInt8], at now: Instant = .zero) -> [RendezvousEffect] {
    packet.withUnsafeBytes { receive($0, at: now) }
  }
}

extension Acceptor {
  mutating func take(_ packet: [UInt8], from source: Bytes32, at now: Instant = .zero) -> [RendezvousEffect] {
    packet.withUnsafeBytes { receive($0, from: source, at: now) }
  }
}

/// The envelope in a packet, its MAC not looked at.
func envelope(_ packet: [UInt8]?) -> Envelope? {
  packet?.withUnsafeBytes { try? SealedEnvelope.parse($0).envelope }
}

func seconds(_ count: Double) -> Instant { Instant(nanoseconds: Int64(count * 1e9)) }
