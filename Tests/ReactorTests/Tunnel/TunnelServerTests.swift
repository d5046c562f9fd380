import Basics
import Crypto
import Testing
import Wire

@testable import Engine
@testable import Reactor

/// Whom a tunnel's server lets in, without a network: what comes to its key is given to it.
@Suite struct TunnelServerTests {
  private final class Scene {
    let test: TestLoop
    let token: DerptunServerToken
    let client: DerptunClientToken
    let server: TunnelServer
    private(set) var guests = 0
    private(set) var refusals: [String] = []
    private var random = SeededGenerator(seed: 11)
    var unixTime: Int64 = 1_000

    init(_ limits: TunnelServer.Limits = TunnelServer.Limits()) throws {
      let test = try TestLoop()
      self.test = test
      var random = SeededGenerator(seed: 5)
      token = DerptunServerToken.issue(
        expiresUnixSeconds: 10_000, route: nil, isPlainHTTP: false, using: &random)
      client = try token.issueClient(expiresUnixSeconds: 5_000, using: &random)
      let proof = try ClientProof(token)
      let keys = proof.keys
      var configuration = SessionConfiguration(
        role: .door, token: client.sessionToken, derpKey: keys.derpKey, flow: .receives,
        relayHost: "relay.test")
      configuration.streams = StreamsConfiguration(identity: keys.identity)
      let door = Session(configuration, random: random, at: test.loop.now)
      final class Hooks {
        var made: () -> Void = {}
        var refused: (String) -> Void = { _ in }
        var time: () -> Int64 = { 0 }
      }
      let hooks = Hooks()
      server = TunnelServer(
        test.loop, door, proof, .tcp(host: "127.0.0.1", port: 1), limits, unixTime: { hooks.time() },
        makeGuest: { client in
          hooks.made()
          var configuration = SessionConfiguration(
            role: .acceptor(expiresAt: test.loop.now + .seconds(3_600)), token: client.sessionToken,
            derpKey: keys.derpKey, flow: .receives, relayHost: "relay.test")
          configuration.sessionKey = X25519PrivateKey(random: &random)
          configuration.streams = StreamsConfiguration(identity: keys.identity)
          return (
            Session(configuration, random: random, at: test.loop.now),
            SessionHost.Relay(url: "http://127.0.0.1:1/derp"), nil
          )
        },
        observer: { event in if case .refused(let reject, _) = event { hooks.refused(reject.code) } })
      hooks.made = { [unowned self] in guests += 1 }
      hooks.refused = { [unowned self] code in refusals.append(code) }
      hooks.time = { [unowned self] in unixTime }
    }

    /// A claim with a key of its own, and that key.
    func claim(
      _ change: (inout NativeClaim) -> Void = { _ in }, secret: Bytes32? = nil
    ) -> (packet: [UInt8], key: Bytes32) {
      let key = X25519PrivateKey(random: &random).publicKey
      var claim = NativeClaim()
      claim.sessionID = token.sessionID
      claim.derpPublic = key
      claim.ephemeralPublic = X25519PrivateKey(random: &random).publicKey
      claim.quicPublic = Ed25519Identity(random: &random).publicKey
      claim.capabilities = client.sessionToken.capabilities.rawValue
      claim.nonce = Bytes16(high: random.next(), low: random.next())
      claim.client = client.claimClient
      change(&claim)
      let seal = EnvelopeSeal(bearerSecret: secret ?? client.bearerSecret, sessionID: token.sessionID)
      return (seal.seal(.nativeClaim(claim)), key)
    }
  }

  @Test("CLI-1: what is not authentic gets no answer and nothing else") func strangers() throws {
    let scene = try Scene()
    let (packet, key) = scene.claim()
    // From another key than the claim names.
    scene.server.knocked(packet, from: Bytes32(words: (1, 2, 3, 4)))
    // With another secret, without a client, for another server.
    for (bad, source) in [
      scene.claim(secret: Bytes32(words: (9, 9, 9, 9))), scene.claim { $0.client = nil },
      scene.claim { $0.sessionID = Bytes16(high: 1, low: 1) },
    ] { scene.server.knocked(bad, from: source) }
    #expect(scene.guests == 0 && scene.refusals.isEmpty)
    #expect(scene.server.counts.ignored == 4)
    scene.server.knocked(packet, from: key)
    #expect(scene.guests == 1)
  }

  @Test("CLI-1: a proof that is wrong or over is refused with a reason") func badProofs() throws {
    let scene = try Scene()
    let (forged, source) = scene.claim { $0.client?.proofMAC = String(repeating: "0", count: 64) }
    scene.server.knocked(forged, from: source)
    let (stretched, other) = scene.claim { $0.client?.expiresUnixSeconds = 20_000 }
    scene.server.knocked(stretched, from: other)
    scene.unixTime = 5_000
    let (late, third) = scene.claim()
    scene.server.knocked(late, from: third)
    #expect(scene.refusals == ["bad_mac", "expired", "expired"])
    #expect(scene.guests == 0)
  }

  @Test("CLI-3: claims alone hold only so much") func floods() throws {
    let scene = try Scene()
    for _ in 0..<1_000 {
      let (packet, key) = scene.claim()
      scene.server.knocked(packet, from: key)
    }
    #expect(scene.guests == 4)
    #expect(scene.server.counts.ignored == 996)
    #expect(scene.server.clients.isEmpty)
  }

  @Test("CLI-5: a revoked credential is refused, by either of its IDs") func revocation() throws {
    let scene = try Scene()
    for id in [scene.client.clientID, scene.client.tokenID] {
      scene.server.revoked = try Array("\(id.hex)\n".utf8).withUnsafeBytes { try RevocationList.parse($0) }
      let (packet, key) = scene.claim()
      scene.server.knocked(packet, from: key)
    }
    #expect(scene.refusals == ["revoked", "revoked"] && scene.guests == 0)
  }

  @Test("CLI-6: whatever comes, the server goes on") func garbage() throws {
    let scene = try Scene()
    var random = SeededGenerator(seed: 77)
    let (packet, key) = scene.claim()
    for _ in 0..<3_000 {
      var bytes = random.next() % 2 == 0 ? packet : random.bytes(Int(random.next() % 600))
      for _ in 0..<Int(random.next() % 4) where !bytes.isEmpty {
        bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
      }
      if random.next() % 4 == 0 { bytes.removeLast(min(bytes.count, Int(random.next() % 50))) }
      scene.server.knocked(
        bytes, from: random.next() % 2 == 0 ? key : Bytes32(words: (random.next(), 1, 1, 1)))
    }
    let (good, other) = scene.claim()
    scene.server.knocked(good, from: other)
    #expect(scene.guests >= 1)
    var isClosed = false
    scene.server.close(draining: .zero) {
      isClosed = true
      scene.test.loop.stop()
    }
    #expect(scene.test.run() && isClosed)
  }

  @Test("answers to bad claims are rationed") func rationedRefusals() throws {
    let scene = try Scene()
    scene.unixTime = 9_000
    let claims = (0..<500).map { _ in scene.claim() }
    let began = scene.test.loop.now
    for (packet, key) in claims { scene.server.knocked(packet, from: key) }
    // Fifty in each second that was begun, however slow the machine is.
    let begun = Int((scene.test.loop.now - began).inSeconds) + 2
    #expect(scene.refusals.count >= 50 && scene.refusals.count <= 50 * begun)
    #expect(scene.server.counts.refusals.first?.count == 500)
  }
}
