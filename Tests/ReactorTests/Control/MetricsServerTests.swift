import Basics
import Glibc
import Testing
import Wire

@testable import Reactor

@Suite struct MetricsServerTests {
  private let test: TestLoop

  init() throws { test = try TestLoop() }

  private func server(limit: Interval = .seconds(30)) throws(ReactorError) -> MetricsServer {
    try MetricsServer(test.loop, SocketAddress(ipv4: 0x7f00_0001, port: 0), limit: limit) {
      var status = TunnelStatus()
      status.counters.connections = 42
      return status
    }
  }

  /// The whole answer to a request.
  private func answer(_ request: String) throws -> String {
    let server = try server()
    let peer = RawPeer(test.loop, blockingConnection(to: server.address))
    peer.send(request)
    #expect(test.run { peer.hasEnded })
    peer.close()
    #expect(test.run { server.clientCount == 0 })
    return peer.text
  }

  @Test(arguments: ["127.0.0.1:9100", "localhost:9100", "localhost", "[::1]:80", "127.0.0.1", "[::1]"])
  func metricsAreServed(host: String) throws {
    let text = try answer("GET /metrics HTTP/1.1\r\nHost: \(host)\r\nAccept: */*\r\n\r\n")
    let parts = text.split(separator: "\r\n\r\n", maxSplits: 1)
    try #require(parts.count == 2)
    #expect(parts[0].hasPrefix("HTTP/1.1 200 OK\r\n"))
    #expect(parts[0].contains("Content-Type: text/plain; version=0.0.4; charset=utf-8"))
    #expect(parts[0].contains("Content-Length: \(parts[1].utf8.count)\r\n"))
    #expect(parts[1].contains("\nderptun_connections_total 42\n"))
  }

  @Test(arguments: [
    ("GET / HTTP/1.1\r\n\r\n", 404), ("GET /metrics/x HTTP/1.1\r\n\r\n", 404),
    ("POST /metrics HTTP/1.1\r\n\r\n", 405), ("GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403),
    ("GET /metrics HTTP/1.1\r\nHost: 192.0.2.1:9100\r\n\r\n", 403), ("hello\r\n\r\n", 400),
    ("GET /metrics\r\n\r\n", 400),
    ("GET /metrics HTTP/1.1\r\nX: \(String(repeating: "x", count: 9_000))\r\n\r\n", 431),
  ])
  func everythingElseIsRefused(request: String, status: Int) throws {
    let text = try answer(request)
    #expect(text.hasPrefix("HTTP/1.1 \(status) "), "\(text)")
    #expect(!text.contains("derptun_"))
  }

  @Test(arguments: ["0.0.0.0:0", "192.0.2.1:9100", "[::]:0"])
  func onlyLoopbackAddressesAreTaken(text: String) throws {
    let address = try SocketAddress(parsing: text)
    let error = #expect(throws: ReactorError.self) {
      try MetricsServer(test.loop, address) { TunnelStatus() }
    }
    #expect(error?.description.contains("loopback") == true)
  }

  @Test func whoNeverAsksIsLetGo() throws {
    let server = try server(limit: .milliseconds(5))
    let peer = RawPeer(test.loop, blockingConnection(to: server.address))
    peer.send("GET /metrics HTTP/1.1\r\n")
    #expect(test.run { peer.hasEnded && server.clientCount == 0 })
    #expect(peer.received.isEmpty)
  }

  @Test func whoDoesNotCloseIsLetGo() throws {
    let server = try server(limit: .milliseconds(500))
    let peer = RawPeer(test.loop, blockingConnection(to: server.address))
    peer.send("GET / HTTP/1.1\r\n\r\n")
    #expect(test.run { peer.hasEnded && server.clientCount == 0 })
    #expect(peer.text.hasPrefix("HTTP/1.1 404 "))
  }
}
