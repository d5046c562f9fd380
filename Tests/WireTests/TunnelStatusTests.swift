import Basics
import Testing
import Wire

@Suite struct TunnelStatusTests {
  /// A status in which no member has its first value, so that one that is lost shows.
  static var full: TunnelStatus {
    var client = TunnelStatus.Client()
    client.name = "client-01020304"
    client.clientID = Bytes16(high: 0x0102_0304_0506_0708, low: 9)
    client.tokenID = Bytes16(high: 10, low: .max)
    client.connectedUnixSeconds = 1_800_000_100
    client.path = .direct
    client.address = "[2001:db8::1]:4242"
    client.roundTripMicroseconds = 12_345
    client.bytesIn = 1
    client.bytesOut = .max
    client.bytesPerSecondIn = 3
    client.bytesPerSecondOut = 4
    client.connections = 5
    client.connectionsTotal = 6
    client.udpFlows = 7
    client.datagramsTooLarge = 8
    client.expiresUnixSeconds = 1_900_000_000
    var status = TunnelStatus()
    status.name = "web"
    status.role = .open
    status.pid = 4_711
    status.startedUnixSeconds = 1_800_000_000
    status.uptimeSeconds = 99
    status.target = "127.0.0.1:22"
    status.listening = ["127.0.0.1:2222", "unix:/run/a.sock"]
    status.relay = "https://relay.example"
    status.relayState = .lost
    status.clients = [client, TunnelStatus.Client()]
    status.counters.claimsTaken = 11
    status.counters.countRefusal("expired")
    status.counters.countRefusal("revoked")
    status.counters.countRefusal("expired")
    status.counters.connections = 12
    status.counters.bytesIn = 13
    status.counters.bytesOut = 14
    status.counters.reconnections = 15
    status.counters.outagesResumed = 16
    status.lastError = "a \"quoted\"\nline"
    return status
  }

  private func parsed(_ text: String) throws(JSONError) -> TunnelStatus {
    try TunnelStatus(json: Array(text.utf8))
  }

  @Test func everythingThatIsWrittenIsReadAgain() throws {
    let json = Self.full.json
    #expect(!json.contains(0x0A), "it is one line")
    #expect(
      try TunnelStatus(json: json) == Self.full)
    #expect(try parsed("{}") == TunnelStatus())
  }

  @Test func theNamesOfTheMembersAreThoseThatScriptsUse() {
    let text = String(decoding: Self.full.json, as: UTF8.self)
    for member in [
      #""role":"open""#, #""relayState":"lost""#, #""clientID":"01020304050607080000000000000009""#,
      #""path":"direct""#, #""roundTripMicroseconds":12345"#, #""bytesOut":18446744073709551615"#,
      #""refusals":[{"reason":"expired","count":2},{"reason":"revoked","count":1}]"#,
    ] {
      #expect(text.contains(member), "\(member)")
    }
  }

  @Test(arguments: [
    #"{"role":"else"}"#, #"{"relayState":1}"#, #"{"clients":{}}"#, #"{"clients":[1]}"#,
    #"{"clients":[{"clientID":"00"}]}"#, #"{"clients":[{"tokenID":"zz"}]}"#, #"{"pid":4294967296}"#, "[]", "",
  ])
  func whatHasAnotherShapeIsRefused(text: String) {
    #expect(throws: JSONError.self) { try parsed(text) }
  }

  @Test func refusalsAreCountedByReasonAndTheReasonsAreBounded() {
    var counters = TunnelStatus.Counters()
    for number in 0..<100 { counters.countRefusal("reason \(number)") }
    counters.countRefusal("reason 3")
    #expect(counters.claimsRefused == 101)
    #expect(counters.refusals.count == 16)
    #expect(counters.refusals[3] == TunnelStatus.Refusal(reason: "reason 3", count: 2))
    #expect(counters.refusals.last == TunnelStatus.Refusal(reason: "other", count: 85))
  }

  @Test(arguments: [ControlReply.status(TunnelStatusTests.full), .refused("unknown request")])
  func repliesAreLines(reply: ControlReply) throws {
    let line = reply.line
    #expect(line.firstIndex(of: 0x0A) == line.count - 1)
    #expect(
      try ControlReply(parsing: line) == reply)
  }

  @Test func anEmptyReplyIsNone() {
    #expect(throws: JSONError.wrongShape) {
      try ControlReply(parsing: Array("{}".utf8))
    }
  }
}
