import Testing

@testable import Wire

@Suite("The service registry")
struct ServiceRegistryTests {
  private let vector = try! Vector.load("registry", series: "02")
  private var now: Int64 { Int64(vector["now_unix"].integer) }

  private func parse(_ text: String) throws -> ServiceRegistry {
    try Array(text.utf8).lend { try ServiceRegistry.parse($0) }
  }

  private func record(_ name: String, expires: Int64 = 100) -> ServiceRecord {
    var token = DerptunClientToken()
    token.expiresUnixSeconds = expires
    return ServiceRecord(name: name, token: token, createdUnixSeconds: 1)
  }

  @Test("upstream's file is read, and written byte for byte")
  func file() throws {
    let text = vector["file_text"].text
    let registry = try parse(text)
    #expect(registry.serialized() == Array(text.utf8))
    #expect(registry.tokens(nowUnixSeconds: now).map(\.name) == ["alpha-ssh", "web"])
    let web = try #require(registry.token(named: "web", nowUnixSeconds: now))
    #expect(web.value == "DT1web")
    #expect(web.createdUnixSeconds == now)
    #expect(web.expiresUnixSeconds == now + 3_600)
  }

  @Test("upstream's verdicts on names")
  func names() {
    let cases = vector["names"].list
    #expect(cases.count == 14)
    for one in cases {
      #expect(ServiceRecord.isName(one["name"].text) == one["ok"].bool, "\(one["name"].text)")
    }
    #expect(ServiceRecord.isName(String(repeating: "a", count: 128)))
    #expect(!ServiceRecord.isName(String(repeating: "a", count: 129)))
  }

  @Test("what has expired is not found, not listed and not kept")
  func expiry() throws {
    var registry = try parse(vector["file_text"].text)
    let end = now + 3_600
    #expect(registry.token(named: "web", nowUnixSeconds: end - 1) != nil)
    #expect(registry.token(named: "web", nowUnixSeconds: end) == nil)
    #expect(registry.tokens(nowUnixSeconds: end).isEmpty)
    #expect(throws: ServiceRegistryError.expired) { try registry.set(record("new"), nowUnixSeconds: 100) }
    try registry.set(record("new"), nowUnixSeconds: 99)
    // 0 is never.
    try registry.set(record("for-ever", expires: 0), nowUnixSeconds: 99)
    #expect(registry.tokens(nowUnixSeconds: end).map(\.name) == ["for-ever"])
  }

  @Test("a bad name is refused, and a name has one record")
  func setting() throws {
    var registry = ServiceRegistry()
    #expect(throws: ServiceRegistryError.badName("-x")) { try registry.set(record("-x"), nowUnixSeconds: 1) }
    try registry.set(record("x"), nowUnixSeconds: 1)
    try registry.set(record("x", expires: 200), nowUnixSeconds: 1)
    #expect(registry.tokens(nowUnixSeconds: 1).map(\.expiresUnixSeconds) == [200])
    let isRemoved = registry.removeToken(named: "x")
    #expect(isRemoved)
    let isRemovedAgain = registry.removeToken(named: "x")
    #expect(!isRemovedAgain)
    #expect(registry.serialized() == Array("{\n  \"version\": 1,\n  \"records\": {}\n}\n".utf8))
  }

  @Test("records of other programs stay, and are no tokens")
  func otherKinds() throws {
    let text = """
      {"version":1,"records":{"shell":{"version":1,"name":"shell","kind":"derpssh-invite","value":"DSH1\\"{[,:",\
      "created_unix":5,"expires_unix":0}}}
      """
    var registry = try parse(text)
    #expect(registry.tokens(nowUnixSeconds: 1).isEmpty)
    #expect(registry.token(named: "shell", nowUnixSeconds: 1) == nil)
    let isRemoved = registry.removeToken(named: "shell")
    #expect(!isRemoved)
    try registry.set(record("web"), nowUnixSeconds: 1)
    let written = String(decoding: registry.serialized(), as: UTF8.self)
    #expect(written.contains("      \"value\": \"DSH1\\\"{[,:\","))
    #expect(try parse(written) == registry)
  }

  @Test(
    "damaged files are refused",
    arguments: [
      ("", "JSON"), ("[]", "JSON"), (#"{"version":2,"records":{}}"#, "version 2"), ("{}", "version 0"),
      (#"{"version":1,"records":{"a":{"version":1,"name":"b"}}}"#, #""a""#),
      (#"{"version":1,"records":{"a":{"version":2,"name":"a"}}}"#, #""a""#),
      (#"{"version":1,"records":{"-a":{"version":1,"name":"-a"}}}"#, #""-a""#),
    ])
  func damaged(text: String, words: String) throws {
    do {
      _ = try parse(text)
      Issue.record("taken")
    } catch let error as ServiceRegistryError {
      #expect(error.description.contains(words), "\(error)")
    }
  }

  @Test("nothing that is shown holds the secret")
  func description() throws {
    let registry = try parse(vector["file_text"].text)
    let web = try #require(registry.token(named: "web", nowUnixSeconds: now))
    #expect("\(web)" == "derptun-client-token web")
  }
}
