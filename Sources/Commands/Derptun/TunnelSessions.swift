import Basics
import Crypto
import Engine
import Reactor
import Wire

/// Makes the sessions of tunnels.
enum TunnelSessions {
  /// Who waits for a tunnel notices each second without its relay.
  private static let longestRelayPause = Interval.seconds(1)
  /// Longer than any process lives.
  private static let forever = Interval.seconds(366 * 86_400)

  /// What the relay of a server's credential is found by; nobody claims with it.
  static func doorToken(_ credential: DerptunServerToken, _ keys: TunnelKeys) -> SessionToken {
    var capabilities: TokenCapabilities = [.derptunTCP]
    if credential.isPlainHTTP { capabilities.insert(.plainHTTP) }
    return SessionToken(
      sessionID: credential.sessionID, expiresUnixSeconds: credential.expiresUnixSeconds, bootstrapRegion: 0,
      derpPublic: keys.derpKey.publicKey, quicPublic: keys.identity.publicKey, bearerSecret: .zero,
      capabilities: capabilities, route: credential.route)
  }

  /// The session that waits at the relay for claims.
  static func door(
    _ credential: DerptunServerToken, _ keys: TunnelKeys, _ relay: RelayTarget, _ options: GlobalOptions,
    _ loop: EventLoop
  ) -> Session {
    var configuration = SessionConfiguration(
      role: .door, token: doorToken(credential, keys), derpKey: keys.derpKey, flow: .receives,
      relayHost: relay.hostHeader)
    configuration.streams = StreamsConfiguration(identity: keys.identity)
    configuration.isRelayOnly = options.forceRelay
    configuration.relayPatience = forever
    configuration.isRelayAwaited = true
    configuration.longestRelayPause = longestRelayPause
    return Session(configuration, random: SecureRandom(), at: loop.now)
  }

  /// The session of one client, at its server.
  static func guest(
    of client: DerptunClientToken, _ keys: TunnelKeys, _ relay: RelayTarget, window: Interval,
    carriesDatagrams: Bool, options: GlobalOptions, ciphers: CipherChoice, _ loop: EventLoop
  ) -> Session {
    var random = SecureRandom()
    // Its life is the server's to watch: this session only lasts as long as the process.
    var configuration = SessionConfiguration(
      role: .acceptor(expiresAt: loop.now + forever), token: client.sessionToken, derpKey: keys.derpKey,
      flow: .receives, relayHost: relay.hostHeader)
    configuration.sessionKey = X25519PrivateKey(random: &random)
    configuration.speaksUpstream = true
    configuration.streams = StreamsConfiguration(identity: keys.identity)
    configuration.streams?.carriesDatagrams = carriesDatagrams
    apply(window, options, ciphers, to: &configuration)
    return Session(configuration, random: random, at: loop.now)
  }

  /// The session of one attempt of a client.
  static func client(
    _ client: DerptunClientToken, _ relay: RelayTarget, window: Interval, carriesDatagrams: Bool,
    options: GlobalOptions, ciphers: CipherChoice, _ loop: EventLoop
  ) -> Session {
    var random = SecureRandom()
    var configuration = SessionConfiguration(
      role: .claimant, token: client.sessionToken, derpKey: X25519PrivateKey(random: &random), flow: .sends,
      relayHost: relay.hostHeader)
    configuration.client = client.claimClient
    configuration.streams = StreamsConfiguration(identity: Ed25519Identity(random: &random))
    configuration.streams?.carriesDatagrams = carriesDatagrams
    apply(window, options, ciphers, to: &configuration)
    return Session(configuration, random: random, at: loop.now)
  }

  private static func apply(
    _ window: Interval, _ options: GlobalOptions, _ ciphers: CipherChoice,
    to configuration: inout SessionConfiguration
  ) {
    configuration.isRelayOnly = options.forceRelay
    configuration.isTraced = options.verbose
    configuration.ciphers = ciphers
    configuration.streamPatience = .tunnel(window: window)
    // While the other side may come back a session is worth the relay's connection, too.
    configuration.relayPatience = window + .seconds(5)
    configuration.longestRelayPause = longestRelayPause
  }
}
