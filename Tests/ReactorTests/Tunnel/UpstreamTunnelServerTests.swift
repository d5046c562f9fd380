import Basics
import Crypto
import Glibc
import Testing

@testable import Engine
@testable import Reactor
@testable import Wire

/// Reads a socket to its end.
private final class WholeReader {
  private let descriptor: Int32
  private var watcher: IOWatcher?
  private var bytes: [UInt8] = []
  private let done: (WholeReader) -> Void

  init(_ loop: EventLoop, _ descriptor: Int32, _ done: @escaping (WholeReader) -> Void) {
    self.descriptor = descriptor
    self.done = done
    watcher = loop.watch(descriptor) { [unowned self] _ in read() }
    watcher?.interest = .readable
  }

  var text: String { String(decoding: bytes, as: UTF8.self) }

  private func read() {
    var buffer = [UInt8](repeating: 0, count: 1_024)
    let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
    if count > 0 { return bytes += buffer[..<count] }
    guard count == 0 || errno != EAGAIN else { return }
    done(self)
  }

  func write(_ text: String) { _ = send(descriptor, text, text.utf8.count, Int32(MSG_NOSIGNAL)) }

  func close() {
    watcher?.cancel()
    watcher = nil
    Glibc.close(descriptor)
  }
}

/// A server of derptun behind a relay, and clients that speak upstream's language only.
@Suite struct UpstreamTunnelServerTests {
  /// Everything on one loop.
  private final class World {
    let test: TestLoop
    let relay: RelayHost
    let credential: DerptunClientToken
    private(set) var server: TunnelServer!
    private(set) var entered = 0
    private(set) var guests: [Session] = []
    private let door: SessionHost
    private var service: Listener!
    private var readers: [WholeReader] = []
    private(set) var outcomes: [SessionOutcome] = []
    var changed: () -> Void = {}

    init() throws {
      test = try TestLoop()
      let loop = test.loop
      var random = SeededGenerator(seed: 3)
      let relay = try RelayHost(
        loop, RelayHost.Options(listen: SocketAddress(parsing: "127.0.0.1:0")),
        key: X25519PrivateKey(random: &random), generator: random
      ) { _ in }
      self.relay = relay
      let token = DerptunServerToken.issue(
        expiresUnixSeconds: 2_000_000_000, route: nil, isPlainHTTP: false, using: &random)
      credential = try token.issueClient(expiresUnixSeconds: 1_900_000_000, using: &random)
      let proof = try ClientProof(token)
      var configuration = SessionConfiguration(
        role: .door, token: credential.sessionToken, derpKey: proof.keys.derpKey, flow: .receives,
        relayHost: "relay")
      configuration.streams = StreamsConfiguration(identity: proof.keys.identity)
      configuration.isRelayOnly = true
      let session = Session(configuration, random: SeededGenerator(seed: 5), at: loop.now)
      let target = SessionHost.Relay(url: "http://\(relay.address)/derp", stunPort: nil)
      door = SessionHost(
        loop, session, relay: target, source: nil, output: nil, observer: { _ in }, completion: { _ in })
      // Each connection gets what it says, backwards, once it has said everything.
      service = try Listener(loop, SocketAddress(parsing: "127.0.0.1:0")) { [unowned self] descriptor, _ in
        readers.append(
          WholeReader(loop, descriptor) {
            $0.write(String($0.text.reversed()))
            $0.close()
          })
      }
      server = TunnelServer(
        loop, session, proof, .tcp(host: "127.0.0.1", port: service.address.port), TunnelServer.Limits(),
        unixTime: { 1_800_000_000 },
        makeGuest: { [unowned self] client in
          var guest = configuration
          guest.role = .acceptor(expiresAt: loop.now + .seconds(3_600))
          guest.token = client.sessionToken
          guest.sessionKey = X25519PrivateKey(random: &random)
          guest.speaksUpstream = true
          let made = Session(guest, random: SeededGenerator(seed: 6), at: loop.now)
          guests.append(made)
          return (made, target, nil)
        },
        observer: { [unowned self] event in
          if case .entered = event { entered += 1 }
          changed()
        })
      door.streams = server
      door.start()
    }

    /// Says something over a local connection and hears what comes back.
    func ask(_ address: SocketAddress, _ text: String, _ heard: @escaping (String) -> Void) {
      let descriptor = blockingConnection(to: address)
      let reader = WholeReader(test.loop, descriptor) {
        $0.close()
        heard($0.text)
      }
      reader.write(text)
      shutdown(descriptor, Int32(SHUT_WR))
      readers.append(reader)
    }

    /// A client; whether it says only upstream's words.
    func client(
      isUpstream: Bool, seed: UInt64, _ role: StreamHost.Role, _ seen: @escaping (StreamHost.Event) -> Void
    )
      -> SessionHost
    {
      var random = SeededGenerator(seed: seed)
      var configuration = SessionConfiguration(
        role: .claimant, token: credential.sessionToken, derpKey: X25519PrivateKey(random: &random),
        flow: .sends, relayHost: "relay")
      configuration.client = credential.claimClient
      configuration.claimsNatively = !isUpstream
      configuration.isRelayOnly = true
      configuration.streams = StreamsConfiguration(identity: Ed25519Identity(random: &random))
      let session = Session(configuration, random: random, at: test.loop.now)
      let streams = StreamHost(test.loop, session, role, observer: seen)
      let host = SessionHost(
        test.loop, session, relay: SessionHost.Relay(url: "http://\(relay.address)/derp", stunPort: nil),
        source: nil, output: nil, observer: { _ in },
        completion: { [unowned self] outcome in
          outcomes.append(outcome)
          changed()
        })
      host.streams = streams
      host.start()
      return host
    }
  }

  @Test("UPS-14: local connections travel through a tunnel of upstream's, one after the other and at once")
  func connections() throws {
    let world = try World()
    var answers: [String] = []
    var client: SessionHost?
    client = world.client(isUpstream: true, seed: 9, .opener(listen: .tcp(host: "127.0.0.1", port: 0))) {
      event in
      guard case .listening(let address) = event, let literal = address.literals.first else { return }
      for number in 0..<4 {
        world.ask(literal, "question \(number)") { answer in
          answers.append(answer)
          if answers.count == 4 { world.test.loop.stop() }
        }
      }
    }
    #expect(world.test.run())
    #expect(answers.sorted() == (0..<4).map { String("question \($0)".reversed()) }.sorted())
    #expect(world.entered == 1 && world.guests.count == 1)
    #expect(world.guests[0].tunnel?.isServer == true)
    // It closes: the server's client has left, too.
    world.changed = { if !world.outcomes.isEmpty, world.server.clients.isEmpty { world.test.loop.stop() } }
    client?.closeStreams()
    #expect(world.test.run())
  }

  @Test("UPS-16: who speaks both gets our language") func both() throws {
    let world = try World()
    let client = world.client(isUpstream: false, seed: 10, .given) { _ in }
    world.changed = { if world.entered == 1 { world.test.loop.stop() } }
    #expect(world.test.run())
    #expect(world.guests.allSatisfy { $0.tunnel == nil && $0.quic != nil })
    _ = client
  }

  @Test("UPS-16: a marked claim lets nobody in, for a native one comes beside it", arguments: [true, false])
  func marked(isMarked: Bool) throws {
    let world = try World()
    let token = world.credential.sessionToken
    let source = Bytes32(words: (1, 2, 3, 4))
    let claim = UpstreamRendezvous.claim(
      on: token, derpPublic: source, quicPublic: Bytes32(words: (5, 6, 7, 8)),
      client: world.credential.claimClient, speaksNative: isMarked)
    world.server.knocked(EnvelopeSeal(token: token).seal(.claim(claim)), from: source)
    #expect(world.guests.count == (isMarked ? 0 : 1))
    #expect(world.server.counts.ignored == (isMarked ? 1 : 0))
  }
}
