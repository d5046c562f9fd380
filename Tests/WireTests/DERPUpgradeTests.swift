import Basics
import Testing

@testable import Wire

@Suite("HTTP around DERP")
struct DERPUpgradeTests {
  private let vectors = try! Vector.load("derp-frames")

  private func response(
    _ text: String, limit: Int = DERPUpgrade.maximumHeadLength
  ) throws(DERPUpgradeError) -> (status: Int, headLength: Int)? {
    try Array(text.utf8).lend { (raw) throws(DERPUpgradeError) in
      try DERPUpgrade.parseResponseHead(raw, limit: limit)
    }
  }

  private func request(_ text: String) throws(DERPUpgradeError) -> (head: HTTPRequestHead, length: Int)? {
    try Array(text.utf8).lend { (raw) throws(DERPUpgradeError) in try HTTPRequestHead.parse(raw) }
  }

  @Test("requests and the answer are upstream's bytes")
  func bytes() {
    #expect(
      DERPUpgrade.request(host: "127.0.0.1:3340", path: "/derp", fastStart: false)
        == vectors["http_request_plain"].utf8)
    #expect(
      DERPUpgrade.request(host: "derp1c.tailscale.com", path: "/derp", fastStart: true)
        == vectors["http_request_tls_fast_start"].utf8)
    #expect(
      DERPUpgrade.response101(serverKey: vectors["keys"]["server_public_hex"].bytes32)
        == vectors["http_101_response"].utf8)
  }

  @Test("a response head that drips in is complete at its last byte, and not before")
  func dripFeed() throws {
    let head = vectors["http_101_response"].text
    let stream = head + "\u{1}\0\0\0("
    for length in 0...stream.utf8.count {
      let result = try response(String(decoding: Array(stream.utf8).prefix(length), as: UTF8.self))
      if length < head.utf8.count {
        #expect(result == nil)
      } else {
        #expect(result?.status == 101)
        #expect(result?.headLength == head.utf8.count)
      }
    }
  }

  @Test("a request that drips in is complete at its last byte, and not before")
  func requestDripFeed() throws {
    let text = vectors["http_request_tls_fast_start"].text
    for length in 0..<text.utf8.count {
      #expect(try request(String(decoding: Array(text.utf8).prefix(length), as: UTF8.self)) == nil)
    }
    let (head, length) = try #require(try request(text + "more"))
    #expect(length == text.utf8.count)
    #expect(head.method == "GET")
    #expect(head.path == "/derp")
    #expect(head.header("HOST") == "derp1c.tailscale.com")
    #expect(head.asksForDERP)
    #expect(head.asksForFastStart)
  }

  @Test("other answers keep their status")
  func statuses() throws {
    #expect(try response("HTTP/1.1 426 Upgrade Required\r\n\r\n")?.status == 426)
    #expect(try response("HTTP/1.0 200\n\n")?.status == 200)
    let own = DERPUpgrade.response(
      status: 426, reason: "Upgrade Required", headers: [("X-Test", "a\r\nb")], body: "no\n")
    let text = String(decoding: own, as: UTF8.self)
    #expect(
      text
        == "HTTP/1.1 426 Upgrade Required\r\nX-Test: ab\r\nContent-Length: 3\r\nConnection: close\r\n\r\nno\n"
    )
    let empty = DERPUpgrade.response(status: 204, reason: "No Content", body: "dropped")
    #expect(String(decoding: empty, as: UTF8.self) == "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
  }

  @Test("what is no HTTP is refused at once, what is too long when it is")
  func refusals() {
    #expect(throws: DERPUpgradeError.notHTTP) { try response("SSH-2.0-x") }
    #expect(throws: DERPUpgradeError.notHTTP) { try response("HTTP/2") }
    #expect(throws: DERPUpgradeError.malformed) { try response("HTTP/1.1 abc x\r\n\r\n") }
    #expect(throws: DERPUpgradeError.malformed) { try response("HTTP/1.1 1000 x\r\n\r\n") }
    #expect(throws: DERPUpgradeError.malformed) { try response("HTTP/1.1 200 x\r\nno colon\r\n\r\n") }
    #expect(throws: DERPUpgradeError.tooLong) { try response("HTTP/1.1 200 x\r\na: b\r\n", limit: 20) }
    #expect(throws: DERPUpgradeError.notHTTP) { try request("\u{16}\u{3}\u{1}") }
    #expect(throws: DERPUpgradeError.malformed) { try request("GET /derp HTTP/2.0\r\n\r\n") }
    #expect(throws: DERPUpgradeError.malformed) { try request("GET /derp HTTP/1.1\r\n folded: x\r\n\r\n") }
    let many = "GET / HTTP/1.1\r\n" + String(repeating: "a: b\r\n", count: 101) + "\r\n"
    #expect(throws: DERPUpgradeError.tooLong) { try request(many) }
    let long = "GET /" + String(repeating: "a", count: 20_000)
    #expect(throws: DERPUpgradeError.tooLong) { try request(long) }
  }

  @Test("a host cannot smuggle a header in")
  func injection() throws {
    let bytes = DERPUpgrade.request(host: "a\r\nX: y", path: "/derp\r\n", fastStart: false)
    let (head, length) = try #require(try request(String(decoding: bytes, as: UTF8.self)))
    #expect(length == bytes.count)
    #expect(head.header("X") == nil)
    #expect(head.headers.count == 4)
  }
}
