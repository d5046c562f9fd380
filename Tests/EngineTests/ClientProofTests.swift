import Basics
import Crypto
import Foundation
import Testing

@testable import Engine
@testable import Wire

@Suite("Proofs of derptun clients")
struct ClientProofTests {
  /// The parts of upstream's vectors that are about credentials.
  private struct Vectors: Decodable {
    struct Verdict: Decodable {
      let name: String
      let accepted: Bool?
      let code: String?
      let reason: String?
    }
    struct Client: Decodable {
      let derpPublic: String
      let quicPublic: String
      let bearerSecret: String
    }
    let claimVerdicts: [Verdict]
    let claimWire: String
    let clientToken: String
    let serverToken: String
    let client: Client
    let nowUnix: Int64
  }

  private let vectors: Vectors
  private let server: DerptunServerToken
  private let claim: Claim

  init() throws {
    let url = try #require(Bundle.module.url(forResource: "Vectors/02-derptun", withExtension: "json"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    vectors = try decoder.decode(Vectors.self, from: Data(contentsOf: url))
    server = try DerptunServerToken.decode(vectors.serverToken, nowUnixSeconds: vectors.nowUnix)
    let sealed = try Array(vectors.claimWire.utf8).lend { try SealedEnvelope.parse($0) }
    guard case .claim(let claim) = sealed.envelope else { throw DerptunTokenError.invalid }
    self.claim = claim
  }

  private func text(_ verdict: ClientProof.Verdict) -> String {
    switch verdict {
    case .proved: "proved"
    case .refused(let reject): "\(reject.code): \(reject.reason)"
    }
  }

  @Test("UPS-16: a server knows whether a native claim comes beside upstream's", arguments: [true, false])
  func marked(isMarked: Bool) throws {
    let credential = try DerptunClientToken.decode(vectors.clientToken, nowUnixSeconds: vectors.nowUnix)
    let source = Bytes32(words: (1, 2, 3, 4))
    let claim = UpstreamRendezvous.claim(
      on: credential.sessionToken, derpPublic: source, quicPublic: Bytes32(words: (5, 6, 7, 8)),
      client: credential.claimClient, speaksNative: isMarked)
    let packet = EnvelopeSeal(token: credential.sessionToken).seal(.claim(claim))
    let read = try #require(TunnelClaim(packet, from: source, keys: TunnelKeys(server)))
    #expect(read.isUpstream && read.comesWithNative == isMarked)
    // The mark is part of what upstream's servers check, and they check nothing of its value.
    #expect(
      UpstreamRendezvous.refusal(
        of: read.claim, on: credential.sessionToken, isExpired: false, allowsLoopback: false) == nil)
  }

  @Test("the keys of a server token and what follows from them")
  func keys() throws {
    let keys = try TunnelKeys(server)
    let client = try #require(claim.client)
    #expect(keys.derpKey.publicKey.hex == vectors.client.derpPublic)
    #expect(keys.identity.publicKey.hex == vectors.client.quicPublic)
    #expect(keys.bearerSecret(clientID: client.clientID).hex == vectors.client.bearerSecret)
    var odd = server
    odd.quicPrivate[63] ^= 1
    #expect(throws: DerptunTokenError.invalid) { try TunnelKeys(odd) }
  }

  @Test("a good proof gives the very token that the client has")
  func proved() throws {
    let verdict = try ClientProof(server).verdict(on: claim, nowUnixSeconds: vectors.nowUnix)
    let token = try DerptunClientToken.decode(vectors.clientToken, nowUnixSeconds: vectors.nowUnix)
    #expect(verdict == .proved(token))
  }

  /// What the vectors call the verdicts of these checks, and how each comes about.
  private func verdict(_ name: String) throws -> ClientProof.Verdict? {
    var claim = claim
    var server = server
    var now = vectors.nowUnix
    switch name {
    case "untouched": break
    case "no client proof": claim.client = nil
    case "proof_mac changed": claim.client?.proofMAC = String(repeating: "0", count: 64)
    case "client_name changed": claim.client?.clientName = "client-00000000"
    case "client expired": now = try #require(claim.client).expiresUnixSeconds
    case "server expired": now = server.expiresUnixSeconds
    case "client expiry after server expiry":
      server.expiresUnixSeconds = try #require(claim.client).expiresUnixSeconds - 1
    default: return nil
    }
    return try ClientProof(server).verdict(on: claim, nowUnixSeconds: now)
  }

  @Test("upstream's verdicts")
  func verdicts() throws {
    var count = 0
    for one in vectors.claimVerdicts {
      guard let verdict = try verdict(one.name) else { continue }
      count += 1
      let expected = one.accepted == true ? "proved" : "\(one.code ?? ""): \(one.reason ?? "")"
      #expect(text(verdict) == expected, "\(one.name)")
    }
    // The other five are about what every claim must hold.
    #expect(count == 7 && vectors.claimVerdicts.count == 12)
  }

  @Test("every field that the proof covers is covered")
  func coverage() throws {
    let changes: [(String, (inout Claim) -> Void)] = [
      ("session", { $0.sessionID.low ^= 1 }), ("client", { $0.client?.clientID.low ^= 1 }),
      ("token", { $0.client?.tokenID.low ^= 1 }), ("expiry", { $0.client?.expiresUnixSeconds += 1 }),
      ("short", { $0.client?.proofMAC.removeLast(2) }), ("no hex", { $0.client?.proofMAC = "x" }),
    ]
    for (name, change) in changes {
      var claim = claim
      change(&claim)
      let verdict = try ClientProof(server).verdict(on: claim, nowUnixSeconds: vectors.nowUnix)
      #expect(text(verdict) == "bad_mac: client proof invalid", "\(name)")
    }
    var upper = claim
    upper.client?.proofMAC = try #require(claim.client).proofMAC.uppercased()
    #expect(text(try ClientProof(server).verdict(on: upper, nowUnixSeconds: vectors.nowUnix)) == "proved")
  }

  @Test("the order of the checks: the server's expiry, both, the client's, the proof")
  func order() throws {
    var claim = claim
    claim.client?.proofMAC = ""
    let end = try #require(claim.client).expiresUnixSeconds
    func reason(serverEnd: Int64, now: Int64) throws -> String {
      var server = server
      server.expiresUnixSeconds = serverEnd
      return text(try ClientProof(server).verdict(on: claim, nowUnixSeconds: now))
    }
    #expect(try reason(serverEnd: end - 1, now: end) == "expired: server token expired")
    #expect(try reason(serverEnd: end - 1, now: end - 2) == "expired: client expiry exceeds server expiry")
    #expect(try reason(serverEnd: end + 1, now: end) == "expired: client token expired")
    #expect(try reason(serverEnd: end + 1, now: end - 1) == "bad_mac: client proof invalid")
  }

  @Test("upstream's rules of expiry and proof hold for what is issued here", arguments: [nil, false, true])
  func issue(isPlainHTTP: Bool?) throws {
    var random = SeededGenerator(seed: 5)
    let route = isPlainHTTP == nil ? nil : try DERPRoute(host: "relay.example.net", derpPort: 3_340)
    let server = DerptunServerToken.issue(
      expiresUnixSeconds: 1_000, route: route, isPlainHTTP: isPlainHTTP ?? false, using: &random)
    #expect(try DerptunServerToken.decode(server.encoded(), nowUnixSeconds: 999) == server)
    let version = isPlainHTTP.map { $0 ? 3 : 2 } ?? 1
    #expect(server.encoded().hasPrefix("dts\(version)_"))
    #expect(throws: CredentialIssueError.outlivesServer) {
      try server.issueClient(expiresUnixSeconds: 1_001, using: &random)
    }
    let token = try server.issueClient(expiresUnixSeconds: 1_000, using: &random)
    let another = try server.issueClient(expiresUnixSeconds: 1_000, using: &random)
    #expect(token.clientID != another.clientID && token.tokenID != another.tokenID)
    #expect(try DerptunClientToken.decode(token.encoded(), nowUnixSeconds: 999) == token)
    #expect(token.encoded().hasPrefix("DT\(version)"))
    var claim = Claim()
    claim.sessionID = token.sessionID
    var client = ClaimClient()
    client.clientID = token.clientID
    client.tokenID = token.tokenID
    client.clientName = token.clientName
    client.expiresUnixSeconds = token.expiresUnixSeconds
    client.proofMAC = token.proofMAC.hex
    claim.client = client
    #expect(try ClientProof(server).verdict(on: claim, nowUnixSeconds: 999) == .proved(token))
    // Another server of the same session, down to its keys, has another secret.
    var stranger = server
    stranger.signingSecret = Bytes32(words: (1, 2, 3, 4))
    let refusal = try ClientProof(stranger).verdict(on: claim, nowUnixSeconds: 999)
    #expect(text(refusal) == "bad_mac: client proof invalid")
    // The proof binds the relay.
    var moved = server
    moved.route = try DERPRoute(host: "relay.example.net", derpPort: 3_341)
    #expect(
      text(try ClientProof(moved).verdict(on: claim, nowUnixSeconds: 999)) == "bad_mac: client proof invalid")
  }
}
