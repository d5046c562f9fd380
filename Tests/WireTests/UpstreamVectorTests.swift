import Basics
import Crypto
import Testing
import Wire

@testable import Engine

/// What the engine makes of upstream's own messages.
@Suite struct UpstreamVectorTests {
  private func token(_ vector: Vector) -> SessionToken {
    SessionToken(
      sessionID: vector["session_id_hex"].bytes16, expiresUnixSeconds: Int64(vector["expires_unix"].integer),
      bootstrapRegion: UInt16(vector["bootstrap_region"].integer),
      derpPublic: vector["derp_public_hex"].bytes32, quicPublic: vector["quic_public_hex"].bytes32,
      bearerSecret: vector["bearer_secret_hex"].bytes32,
      capabilities: TokenCapabilities(rawValue: UInt32(vector["capabilities"].integer)))
  }

  @Test("UPS-2: claims are refused with upstream's words, in upstream's order") func gate() throws {
    let file = try Vector.load("claims")
    let token = token(file["token"])
    var seen: Set<String> = []
    for one in file["gate_cases"].list {
      for (index, step) in one["steps"].list.enumerated() {
        let wire = Array(#"{"type":"claim","claim":"#.utf8) + step["claim_json"].utf8 + Array("}".utf8)
        guard case .claim(let claim) = try SealedEnvelope.parse(wire).envelope else {
          Issue.record("\(one["name"].text) is no claim")
          continue
        }
        let decision = step["decision_json"].text
        // A second claimant is the decision machine's business.
        if index > 0, decision.contains("\"claimed\"") { continue }
        let isExpired = one["now_unix"].integer >= file["token"]["expires_unix"].integer
        let reject = UpstreamRendezvous.refusal(
          of: claim, on: token, isExpired: isExpired, allowsLoopback: one["name"].text.contains("fake"))
        if let reject {
          #expect(decision.contains("\"code\":\"\(reject.code)\""), "\(one["name"].text)")
          #expect(decision.contains("\"reason\":\"\(reject.reason)\""), "\(one["name"].text)")
          seen.insert(reject.code)
        } else {
          #expect(decision.hasPrefix(#"{"accepted":true"#), "\(one["name"].text)")
          seen.insert("")
        }
      }
    }
    #expect(
      seen == [
        "", "expired", "version_mismatch", "session_mismatch", "bad_mac", "capabilities_mismatch",
        "claim_malformed",
      ])
  }

  @Test("UPS-1: a claim carries the bearer code that upstream computes") func claimCode() throws {
    let file = try Vector.load("claims")
    let token = token(file["token"])
    let claim = UpstreamRendezvous.claim(
      on: token, derpPublic: file["claimant"]["derp_public_hex"].bytes32,
      quicPublic: file["claimant"]["quic_public_hex"].bytes32)
    #expect(claim.candidates.isEmpty && claim.parallel == 0)
    #expect(
      UpstreamRendezvous.refusal(of: claim, on: token, isExpired: false, allowsLoopback: false) == nil)
    var changed = claim
    changed.candidates = ["192.0.2.1:4000"]
    #expect(
      UpstreamRendezvous.refusal(of: changed, on: token, isExpired: false, allowsLoopback: false)?.code
        == "bad_mac")
  }

  /// Recorded sessions of upstream with itself.
  private func flow(_ name: String) throws -> Vector {
    try #require(try Vector.load("flows")["flows"].list.first { $0["name"].text == name })
  }

  @Test("UPS-2: a recorded claim gets the decision that upstream gave it, byte for byte") func recordedClaim()
    throws
  {
    let flow = try flow("share-open, both force relay")
    let token = try SessionToken.decode(flow["token"].text, nowUnixSeconds: 0)
    var random = SeededGenerator(seed: 1)
    var acceptor = Acceptor(
      token: token, derpKey: X25519PrivateKey(random: &random), isRelayOnly: true, wantsIdentity: true,
      speaksUpstream: true, expiresAt: .zero + .seconds(3_600), random: &random)
    let messages = flow["messages"].list
    let claimant = flow["derp_public_keys"]["claimant"].bytes32
    let claim = messages[0]["payload"].utf8
    let effects = claim.withUnsafeBytes { acceptor.receive($0, from: claimant, at: .zero) }
    var sent: [[UInt8]] = []
    var isOpened = false
    for effect in effects {
      switch effect {
      case .send(let packet, let peer):
        #expect(peer == claimant)
        sent.append(packet)
      case .openUpstream(let peer, let identity, let candidates):
        isOpened = peer == claimant && identity != .zero && candidates.isEmpty
      default: break
      }
    }
    #expect(isOpened)
    #expect(sent == [messages[1]["payload"].utf8])
    // A repetition gets the same; a claim that names another key than it came from gets nothing.
    let again = claim.withUnsafeBytes { acceptor.receive($0, from: claimant, at: .zero) }
    #expect(again.contains { if case .send(let packet, _) = $0 { packet == sent[0] } else { false } })
    #expect(claim.withUnsafeBytes { acceptor.receive($0, from: token.derpPublic, at: .zero) }.isEmpty)
  }

  @Test("UPS-2: a recorded claim of derptun gets upstream's decision, byte for byte, and opens a tunnel")
  func recordedTunnel() throws {
    let flow = try flow("derptun, both force relay")
    let credential = try DerptunClientToken.decode(flow["token"].text, nowUnixSeconds: 0)
    let token = credential.sessionToken
    let messages = flow["messages"].list
    let claim = messages[0]["payload"].utf8
    let peer = flow["derp_public_keys"]["claimant"].bytes32
    var random = SeededGenerator(seed: 1)
    var configuration = SessionConfiguration(
      role: .acceptor(expiresAt: .zero + .seconds(3_600)), token: token,
      derpKey: X25519PrivateKey(random: &random), flow: .receives, relayHost: "relay.test")
    configuration.sessionKey = X25519PrivateKey(random: &random)
    configuration.streams = StreamsConfiguration(identity: Ed25519Identity(random: &random))
    configuration.speaksUpstream = true
    let session = Session(configuration, random: SeededGenerator(seed: 2), at: .zero)
    session.deliver(claim, from: peer, at: .zero)
    var sent: [[UInt8]] = []
    while let event = session.pollEvent() {
      if case .envelope(let packet, let to) = event, to == peer { sent.append(packet) }
    }
    #expect(sent.first == messages[1]["payload"].utf8)
    #expect(session.tunnel?.isServer == true && session.quic == nil)
    // The same for the other side: the recorded decision lets our claimant in.
    var claimant = Claimant(
      token: token, derpKey: X25519PrivateKey(random: &random), isRelayOnly: true,
      identity: Bytes32(words: (1, 2, 3, 4)), client: credential.claimClient, random: &random)
    _ = claimant.handle(.relayUp, at: .zero)
    let effects = messages[1]["payload"].utf8.withUnsafeBytes { claimant.receive($0, at: .zero) }
    #expect(
      effects.contains {
        if case .openUpstream(token.derpPublic, token.quicPublic, _) = $0 { true } else { false }
      })
  }

  @Test("UPS-1: a recorded decision lets our claimant in") func recordedDecision() throws {
    let flow = try flow("share-open, direct on loopback (fake transport)")
    let token = try SessionToken.decode(flow["token"].text, nowUnixSeconds: 0)
    var random = SeededGenerator(seed: 1)
    var claimant = Claimant(
      token: token, derpKey: X25519PrivateKey(random: &random), isRelayOnly: false,
      identity: Bytes32(words: (1, 2, 3, 4)), random: &random)
    let claims = claimant.handle(.relayUp, at: .zero)
    #expect(claims.contains { if case .send = $0 { true } else { false } })
    let decision = try #require(flow["messages"].list.first { $0["type"].text == "decision" })
    let effects = decision["payload"].utf8.withUnsafeBytes { claimant.receive($0, at: .zero) }
    var candidates: [String]?
    for case .openUpstream(let peer, let identity, let told) in effects {
      #expect(peer == token.derpPublic && identity == token.quicPublic)
      candidates = told
    }
    #expect(candidates?.count == 5)
  }

  @Test(
    "UPS-4: recorded sessions with raw sockets settle on the relay when we take part",
    arguments: [true, false])
  func recordedNegotiation(asClaimant: Bool) throws {
    let flow = try flow("share-open, direct on loopback (fake transport)")
    let token = try SessionToken.decode(flow["token"].text, nowUnixSeconds: 0)
    let seal = EnvelopeSeal(token: token)
    var negotiation = PlaneNegotiation(at: .zero)
    negotiation.handleTimeout(at: .zero)
    #expect(negotiation.takeDue() == [DataPlaneReady(phase: "candidates")])
    var last = ""
    for message in flow["messages"].list {
      if !message["payload"].text.isEmpty { last = message["payload"].text }
      guard message["type"].text == "v2_data_plane_ready", !message["payload"].text.isEmpty,
        (message["from"].text == "claimant") != asClaimant
      else { continue }
      guard case .dataPlaneReady(let ready)? = Array(last.utf8).withUnsafeBytes({ seal.open($0) }) else {
        Issue.record("not authentic")
        continue
      }
      negotiation.receive(ready, at: .zero + .milliseconds(Int64(message["at_ms"].integer)))
    }
    let answers = negotiation.takeDue()
    #expect(answers.contains(DataPlaneReady(phase: "selection")) && !answers.contains { $0.isRawDirect })
    #expect(asClaimant || negotiation.phase != .candidates)
  }

  @Test("UPS-3: what is an envelope and authentic is told as upstream tells it") func tolerance() throws {
    let file = try Vector.load("control", series: "02")
    let token = SessionToken(
      sessionID: file["session_id"].bytes16, expiresUnixSeconds: 1, bootstrapRegion: 0, derpPublic: .zero,
      quicPublic: .zero, bearerSecret: file["bearer_secret"].bytes32, capabilities: [.share])
    let seal = EnvelopeSeal(token: token)
    var isControl = 0
    for one in file["tolerance"].list where one["seen_as_control"].bool {
      let opened = one["wire"].utf8.withUnsafeBytes { seal.open($0) }
      #expect((opened != nil) == one["accepted"].bool, "\(one["name"].text)")
      isControl += 1
    }
    #expect(isControl >= 8)
    // Ours are written as upstream writes them.
    let control = file["envelopes"]["control_call_me_maybe"]
    #expect(
      seal.seal(.control(TransportControl(kind: TransportControl.callMeMaybeKind))) == control["wire"].utf8)
    let none = file["envelopes"]["data_plane_candidates_no"]
    #expect(seal.seal(.dataPlaneReady(DataPlaneReady(phase: "candidates"))) == none["wire"].utf8)
  }
}

/// The direct way to a peer with upstream's program.
@Suite struct ManagerPathTests {
  private let path = DirectPath(socket: .ipv4, remote: IPEndpoint("192.0.2.9:4000")!)
  private var random = SeededGenerator(seed: 5)

  private func take(
    _ manager: inout ManagerPath, _ bytes: [UInt8], over path: DirectPath, at now: Instant = .zero
  )
    -> ManagerPath.Arrival
  {
    bytes.withUnsafeBytes { manager.receive($0, over: path, at: now) }
  }

  private func drain(_ manager: inout ManagerPath) -> [(bytes: [UInt8], path: DirectPath)] {
    var result: [(bytes: [UInt8], path: DirectPath)] = []
    while let datagram = manager.takeDatagram() { result.append(datagram) }
    return result
  }

  private func make(_ key: Bytes32 = .zero) -> ManagerPath {
    ManagerPath(key: DiscoveryKey(SecretBytes(key.array)), allowsLoopback: false, at: .zero)
  }

  @Test("the key is derived as upstream does, whoever listens") func key() throws {
    let file = try Vector.load("disco", series: "02")["key_derivation"]
    let keys = [file["derp_public_listener"].bytes32, file["derp_public_dialer"].bytes32]
    for order in [keys, keys.reversed()] {
      let key = DiscoveryKey(
        bearerSecret: file["bearer_secret"].bytes32, sessionID: file["session_id"].bytes16, order[0], order[1]
      )
      let expected = DiscoveryKey(SecretBytes(file["discovery_key"].bytes))
      #expect(key.mac([1, 2, 3]) == expected.mac([1, 2, 3]))
    }
  }

  @Test("UPS-6: upstream's probes are answered as upstream answers them") func probes() throws {
    for one in try Vector.load("disco", series: "02")["packets"].list {
      var manager = make(one["key"].bytes32)
      #expect(take(&manager, one["probe"].bytes, over: path) == .disco)
      let answers = drain(&manager)
      #expect(answers.map(\.bytes) == [one["ack"].bytes])
      #expect(answers.map(\.path) == [path])
      // An answer that nobody asked for brings nothing.
      #expect(take(&manager, one["ack"].bytes, over: path) == .disco)
      #expect(manager.active == nil)
    }
  }

  @Test("UPS-9: datagrams are told apart as upstream tells them") func classification() throws {
    let file = try Vector.load("disco", series: "02")
    for one in file["classification"].list {
      var manager = make(file["classification_key"].bytes32)
      let verdict = one["verdict"].text
      let arrival = take(&manager, one["packet"].bytes, over: path)
      if verdict.hasPrefix("probe") {
        #expect(drain(&manager).count == 1, "\(one["name"].text)")
      } else if verdict.hasPrefix("data") {
        #expect(arrival == .data, "\(one["name"].text)")
      } else {
        #expect(drain(&manager).isEmpty, "\(one["name"].text)")
      }
    }
  }

  /// Lets a pass happen and returns the probes.
  private func pass(_ manager: inout ManagerPath, at now: Instant) -> [(bytes: [UInt8], path: DirectPath)] {
    var random = SeededGenerator(seed: UInt64(truncatingIfNeeded: now.nanoseconds))
    manager.handleTimeout(own: [], isOpen: { _ in true }, at: now, random: &random)
    return drain(&manager)
  }

  private func answer(_ probe: [UInt8], key: Bytes32 = .zero) throws -> [UInt8] {
    let packet = try #require(probe.withUnsafeBytes { DiscoPacket($0) })
    let bytes = DiscoPacket(kind: .answer, nonce: packet.nonce).authenticatedBytes
    return bytes + DiscoveryKey(SecretBytes(key.array)).mac(bytes)
  }

  @Test("UPS-7: only the answer of the very address counts, within a second") func promotion() throws {
    var manager = make()
    manager.receive(["192.0.2.9:4000"], own: [], at: .zero)
    let first = try answer(#require(pass(&manager, at: .zero).first?.bytes))
    let elsewhere = DirectPath(socket: .ipv4, remote: IPEndpoint("192.0.2.8:4000")!)
    #expect(take(&manager, first, over: elsewhere) == .disco)
    #expect(manager.active == nil)
    #expect(take(&manager, first, over: path, at: .zero + .milliseconds(1_001)) == .disco)
    #expect(manager.active == nil)
    let second = try answer(#require(pass(&manager, at: .zero + .seconds(2)).first?.bytes))
    #expect(take(&manager, second, over: path, at: .zero + .milliseconds(2_020)) == .disco)
    #expect(manager.active == path)
    #expect(manager.roundTrip == .milliseconds(20))
    #expect(manager.takeChange() && !manager.takeChange())
    // From now on nobody else's data is taken.
    #expect(take(&manager, [0x40, 1, 2], over: elsewhere) == .stranger)
    #expect(take(&manager, [0x40, 1, 2], over: path) == .data)
  }

  @Test("UPS-8: a way that answers no more is left, whatever is written to it") func silence() throws {
    var manager = make()
    manager.receive(["192.0.2.9:4000"], own: [], at: .zero)
    let probe = try #require(pass(&manager, at: .zero).first?.bytes)
    _ = take(&manager, try answer(probe), over: path)
    #expect(manager.active == path)
    var now = Instant.zero
    while manager.active != nil, now < .zero + .seconds(60) {
      now = manager.deadline
      manager.noteTraffic(at: now)
      _ = pass(&manager, at: now)
    }
    #expect(now <= .zero + .seconds(10))
    // Back on the relay everything is told and tried again at once.
    #expect(manager.takeControls().map(\.kind) == ["candidates", "call-me-maybe"])
    manager = make()
    manager.receive(["192.0.2.9:4000"], own: [], at: .zero)
    _ = take(&manager, try answer(#require(pass(&manager, at: .zero).first?.bytes)), over: path)
    manager.datagramFailed(path, at: now)
    #expect(manager.active == nil)
  }

  @Test("UPS-5: the relay is told where we are once a second for a minute, then every five") func cadence() {
    var manager = make()
    var told: [Instant] = []
    while manager.deadline < .zero + .seconds(120) {
      let now = manager.deadline
      _ = pass(&manager, at: now)
      if !manager.takeControls().isEmpty { told.append(now) }
    }
    #expect(told.count(where: { $0 < .zero + .seconds(60) }) == 60)
    #expect((10...14).contains(told.count(where: { $0 >= .zero + .seconds(60) })))
  }

  @Test("UPS-6: candidates replace each other, bad ones and our own are skipped") func candidates() throws {
    var manager = make()
    let own = try #require(Candidate("192.0.2.7:1"))
    manager.receive(["192.0.2.9:4000", "192.0.2.7:1", "127.0.0.1:5", "x"], own: [own], at: .zero)
    #expect(pass(&manager, at: .zero).map(\.path) == [path])
    // Of these none is valid: nothing changes.
    manager.receive(["127.0.0.1:5"], own: [own], at: .zero)
    #expect(pass(&manager, at: .zero + .seconds(1)).map(\.path) == [path])
    manager.receive([], own: [own], at: .zero)
    #expect(pass(&manager, at: .zero + .seconds(2)).isEmpty)
  }

  @Test("UPS-6: one's own probe is not answered, a stranger's address is learnt") func ownProbe() throws {
    var manager = make()
    manager.receive(["192.0.2.9:4000"], own: [], at: .zero)
    let own = try #require(pass(&manager, at: .zero).first?.bytes)
    _ = take(&manager, own, over: path)
    #expect(drain(&manager).isEmpty)
    let key = DiscoveryKey(SecretBytes(Bytes32.zero.array))
    for number in 0..<20 {
      let bytes = DiscoPacket(kind: .probe, nonce: Bytes16(high: 7, low: UInt64(number))).authenticatedBytes
      let stranger = DirectPath(
        socket: .ipv4, remote: IPEndpoint(address: IPAddress("198.51.100.1")!, port: UInt16(2_000 + number)))
      _ = take(&manager, bytes + key.mac(bytes), over: stranger)
    }
    #expect(drain(&manager).count == 20)
    #expect(pass(&manager, at: .zero + .seconds(1)).count == 1 + ManagerPath.maximumLearnt)
  }
}

@Suite struct PlaneNegotiationTests {
  private let candidates = DataPlaneReady(phase: "candidates", isRawDirect: true, candidates: ["192.0.2.1:1"])
  private let selection = DataPlaneReady(phase: "selection", isRawDirect: true)

  private func phases(_ negotiation: inout PlaneNegotiation) -> [String] {
    negotiation.takeDue().map(\.phase)
  }

  @Test("UPS-4: a phase is repeated until the other side has been heard") func repetition() {
    var negotiation = PlaneNegotiation(at: .zero)
    var sent = 0
    var now = Instant.zero
    while let due = negotiation.deadline, due < .zero + .seconds(1) {
      now = due
      negotiation.handleTimeout(at: now)
      sent += phases(&negotiation).count
    }
    #expect(sent == 4)
    negotiation.receive(candidates, at: now)
    #expect(phases(&negotiation) == ["candidates", "selection"])
    negotiation.receive(candidates, at: now)
    #expect(phases(&negotiation) == ["candidates"])
    // At once again: too often.
    negotiation.receive(candidates, at: now)
    #expect(phases(&negotiation).isEmpty)
    negotiation.receive(selection, at: now)
    #expect(phases(&negotiation) == ["selection"])
    #expect(negotiation.phase == .settled && negotiation.deadline == nil)
    negotiation.receive(selection, at: now + .seconds(1))
    #expect(phases(&negotiation) == ["selection"])
  }

  @Test("UPS-4: silence is not waited for longer than upstream does") func silence() {
    var negotiation = PlaneNegotiation(at: .zero)
    var now = Instant.zero
    while let due = negotiation.deadline {
      now = due
      negotiation.handleTimeout(at: now)
    }
    #expect(negotiation.phase == .settled)
    #expect(now == Instant.zero + PlaneNegotiation.patience)
    var other = candidates
    other.protocolName = "another"
    negotiation.receive(other, at: now)
    #expect(!negotiation.takeDue().map(\.phase).contains("another"))
  }
}
