import Basics
import Crypto
import Engine
import Glibc
import Reactor
import Wire

/// Makes the sessions that move payload or carry streams: as the side that was given a token, or as the side that issues one.
struct TransferSession {
  /// How long an unclaimed token is good for, in seconds.
  static let tokenLifetimeSeconds: Int64 = 3_600

  let loop: EventLoop
  let session: Session
  let relay: RelayTarget
  /// The token that was issued here; nil when it was given to us.
  let issuedToken: String?
  /// Makes the session of one more claimant, for a door; nil for every other session.
  var makeGuest: (() -> Session)?

  /// What a session is for.
  enum Content {
    /// One payload; in a dialogue its receiver answers.
    case payload(PayloadFlow, isDialogue: Bool)
    /// Streams for local connections.
    case streams
    /// The same for several claimants.
    case door
  }

  /// Joins the session of a token.
  static func claiming(
    _ token: SessionToken, _ content: Content, options: GlobalOptions, map: String?, _ loop: EventLoop,
    _ reporter: SessionReporter
  ) throws(CommandFailure) -> TransferSession {
    let relay = try RelayTarget.forToken(token, map: map, loop, reporter)
    var random = SecureRandom()
    let configuration = SessionConfiguration(
      role: .claimant, token: token, derpKey: X25519PrivateKey(random: &random), flow: .sends,
      relayHost: relay.hostHeader)
    let identity = Ed25519Identity(random: &random)
    return make(configuration, content, identity, options, loop, relay, random, issued: nil)
  }

  /// Issues a token that somebody else may use for an hour.
  static func issuing(
    _ capabilities: TokenCapabilities, _ content: Content, options: GlobalOptions, relay choice: RelayOptions,
    map: String?, _ loop: EventLoop, _ reporter: SessionReporter
  ) throws(CommandFailure) -> TransferSession {
    let relay = try RelayTarget.forNewToken(
      url: choice.derp, stunPort: choice.derpStun, map: map, loop, reporter)
    var random = SecureRandom()
    let derpKey = X25519PrivateKey(random: &random)
    let identity = Ed25519Identity(random: &random)
    var capabilities = capabilities.union(.native)
    if relay.isPlainHTTP { capabilities.insert(.plainHTTP) }
    let token = SessionToken(
      sessionID: Bytes16(high: random.next(), low: random.next()),
      expiresUnixSeconds: Int64(time(nil)) + tokenLifetimeSeconds,
      bootstrapRegion: relay.region, derpPublic: derpKey.publicKey,
      quicPublic: identity.publicKey,
      bearerSecret: Bytes32(words: (random.next(), random.next(), random.next(), random.next())),
      capabilities: capabilities, route: relay.route)
    let configuration = SessionConfiguration(
      role: .acceptor(expiresAt: loop.now + .seconds(tokenLifetimeSeconds)), token: token, derpKey: derpKey,
      flow: .receives, relayHost: relay.hostHeader)
    return make(configuration, content, identity, options, loop, relay, random, issued: token.encoded())
  }

  private static func make(
    _ configuration: SessionConfiguration, _ content: Content, _ identity: Ed25519Identity,
    _ options: GlobalOptions, _ loop: EventLoop, _ relay: RelayTarget, _ random: SecureRandom, issued: String?
  ) -> TransferSession {
    var configuration = configuration
    switch content {
    case .payload(let flow, let isDialogue):
      configuration.flow = flow
      configuration.isDialogue = isDialogue
    case .streams, .door:
      configuration.streams = StreamsConfiguration(identity: identity)
      configuration.speaksUpstream = configuration.token.capabilities.contains(.share)
    }
    configuration.isRelayOnly = options.forceRelay
    configuration.isTraced = options.verbose
    configuration.ciphers = CipherSpeed.choice(loop)
    var guest = configuration
    if case .door = content {
      configuration.role = .door
      // Guests come and go for as long as somebody wants the door open, whatever becomes of the relay meanwhile.
      configuration.relayPatience = .seconds(365 * 86_400)
    }
    var result = TransferSession(
      loop: loop, session: Session(configuration, random: random, at: loop.now), relay: relay,
      issuedToken: issued)
    if case .door = content {
      result.makeGuest = {
        var random = SecureRandom()
        guest.sessionKey = X25519PrivateKey(random: &random)
        return Session(guest, random: random, at: loop.now)
      }
    }
    return result
  }
}
