import Basics
import Glibc
import Reactor
import Testing

extension EnvironmentTests {
  @Suite struct DialTests {
    @Test func aPlainConnectionCarriesBytesBothWays() throws {
      let test = try TestLoop()
      let server = try EchoServer(test.loop)
      let connection = try dial(test, "http://\(server.address)/derp").get()
      #expect(connection.stream is PlainStream)
      #expect(!connection.isTLS13 && connection.metaKey == nil)
      #expect(try echo(test, connection.stream, 3_000_000))
    }

    @Test(arguments: ["127.0.0.1", "localhost"])
    func aTLSConnectionCarriesBytesBothWays(_ host: String) throws {
      let test = try TestLoop()
      let certificates = try TestCertificates()
      let server = try EchoServer(
        test.loop,
        credentials: TLSServerCredentials(
          certificateFile: certificates.certificateFile, keyFile: certificates.keyFile))
      try withEnvironment(["SSL_CERT_FILE": certificates.authorityFile]) {
        let connection = try dial(test, "https://\(host):\(server.address.port)/derp").get()
        #expect(connection.isTLS13 && connection.metaKey == nil)
        #expect(try echo(test, connection.stream, 5_000_000))
      }
    }

    @Test func theKeyInAnAppendedCertificateIsFound() throws {
      let test = try TestLoop()
      let certificates = try TestCertificates()
      let key = Bytes32((0..<32).map { UInt8($0) })!
      let meta = try SelfSignedCertificate.make(commonName: "derpkey\(key.hex)", serial: [2])
      let server = try EchoServer(
        test.loop,
        credentials: TLSServerCredentials(
          certificateFile: certificates.certificateFile, keyFile: certificates.keyFile, appending: [meta]))
      try withEnvironment(["SSL_CERT_FILE": certificates.authorityFile]) {
        let connection = try dial(test, "https://\(server.address)/derp").get()
        #expect(connection.metaKey == RelayMetaKey(key: key, version: 2))
        #expect(try echo(test, connection.stream, 100_000))
      }
    }

    @Test func anUntrustedOrMisnamedServerIsRefused() throws {
      let certificates = try TestCertificates()
      let misnamed = try TestCertificates(name: "elsewhere.example")
      for (served, trusted) in [
        (certificates, "/etc/ssl/certs/ca-certificates.crt"), (misnamed, misnamed.authorityFile),
      ] {
        let test = try TestLoop()
        let server = try EchoServer(
          test.loop,
          credentials: TLSServerCredentials(certificateFile: served.certificateFile, keyFile: served.keyFile))
        try withEnvironment(["SSL_CERT_FILE": trusted]) {
          guard
            case .failure(.tls(let text, isCertificate: true)) = try dial(test, "https://\(server.address)/")
          else {
            Issue.record("accepted, or refused for another reason")
            return
          }
          #expect(!text.isEmpty)
        }
      }
    }

    @Test func goodbyeIsTheEndAndAVanishedPeerIsNot() throws {
      let test = try TestLoop()
      let certificates = try TestCertificates()
      let server = try EchoServer(
        test.loop,
        credentials: TLSServerCredentials(
          certificateFile: certificates.certificateFile, keyFile: certificates.keyFile))
      try withEnvironment(["SSL_CERT_FILE": certificates.authorityFile]) {
        for polite in [true, false] {
          let stream = try dial(test, "https://\(server.address)/").get().stream
          #expect(try echo(test, stream, 10))
          let peer = server.streams[server.streams.count - 1]
          if polite { peer.finishWriting() } else { shutdown(peer.descriptor, Int32(SHUT_WR)) }
          var outcome: Result<ReadResult, any Error>?
          let watcher = StreamWatcher(test.loop, stream) {
            let result = Result { try take(10, from: stream).0 }
            if case .success(.wouldBlock) = result { return }
            outcome = result
            test.loop.stop()
          } writable: {
          }
          watcher.wantsRead = true
          #expect(test.run())
          if polite {
            #expect(try outcome?.get() == .end)
          } else {
            #expect(throws: StreamError.reset) { _ = try outcome?.get() }
          }
          watcher.cancel()
          stream.close()
          #expect(throws: StreamError.closed) { _ = try put([1], to: stream) }
        }
      }
    }

    @Test func aConnectProxyIsUsedForBothSchemes() throws {
      let certificates = try TestCertificates()
      let credentials = try TLSServerCredentials(
        certificateFile: certificates.certificateFile, keyFile: certificates.keyFile)
      for scheme in ["http", "https"] {
        for proxyScheme in ["http", "https"] {
          let test = try TestLoop()
          let server = try EchoServer(test.loop, credentials: scheme == "https" ? credentials : nil)
          let proxy = try ProxyStub(
            test.loop, .connect(status: 200), target: server.address,
            credentials: proxyScheme == "https" ? credentials : nil)
          try withEnvironment([
            "SSL_CERT_FILE": certificates.authorityFile,
            "\(scheme.uppercased())_PROXY": "\(proxyScheme)://user:secret@localhost:\(proxy.port)",
          ]) {
            // The relay's name resolves nowhere: only the proxy needs to know it.
            let host = "relay.test"
            let connection = try dial(test, "\(scheme)://\(host):3340/derp").get()
            #expect(try echo(test, connection.stream, 1_000_000), "\(scheme) through \(proxyScheme)")
            #expect(proxy.requests.count == 1)
            #expect(proxy.requests.first?.hasPrefix("CONNECT \(host):3340 HTTP/1.1\r\n") == true)
            #expect(proxy.requests.first?.contains("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n") == true)
          }
        }
      }
    }

    @Test func aProxyThatRefusesIsNamed() throws {
      let test = try TestLoop()
      let proxy = try ProxyStub(
        test.loop, .connect(status: 403), target: try SocketAddress(parsing: "127.0.0.1:1"))
      try withEnvironment(["HTTP_PROXY": "127.0.0.1:\(proxy.port)"]) {
        guard case .failure(.proxy(let text)) = try dial(test, "http://relay.invalid/derp") else {
          Issue.record("not refused")
          return
        }
        #expect(text.contains("403"))
        #expect(proxy.requests.first?.hasPrefix("CONNECT relay.invalid:80 HTTP/1.1\r\n") == true)
      }
    }

    @Test(arguments: ["socks5", "socks5h"])
    func aSOCKSProxyLooksTheNameUp(_ scheme: String) throws {
      let test = try TestLoop()
      let server = try EchoServer(test.loop)
      let proxy = try ProxyStub(test.loop, .socks, target: server.address)
      try withEnvironment(["ALL_PROXY": "\(scheme)://127.0.0.1:\(proxy.port)"]) {
        let connection = try dial(test, "http://relay.invalid:99/derp").get()
        #expect(try echo(test, connection.stream, 500_000))
        #expect(proxy.requests == ["relay.invalid"])
      }
    }

    @Test func failuresSayWhatFailed() throws {
      let test = try TestLoop()
      let gone = try Listener(test.loop, try SocketAddress(parsing: "127.0.0.1:0")) { _, _ in }
      let address = gone.address
      gone.close()
      guard case .failure(.connect) = try dial(test, "http://\(address)/derp") else {
        Issue.record("connected to nobody")
        return
      }
      guard case .failure(.badURL) = try dial(test, "ftp://\(address)/derp") else {
        Issue.record("dialled ftp")
        return
      }
      guard case .failure(.nameLookup) = try dial(test, "http://name.invalid/derp") else {
        Issue.record("found an impossible name")
        return
      }
      // Accepts in the kernel, never answers the TLS greeting.
      let silent = try Listener(test.loop, try SocketAddress(parsing: "127.0.0.1:0")) { _, _ in }
      guard
        case .failure(.timedOut) = try dial(test, "https://\(silent.address)/", timeout: .milliseconds(150))
      else {
        Issue.record("silence was taken for TLS")
        return
      }
    }

    @Test func givenAddressesReplaceLookingTheNameUp() throws {
      let test = try TestLoop()
      let server = try EchoServer(test.loop)
      var result: Result<RelayConnection, DialError>?
      let dialer = RelayDialer(
        test.loop, url: "http://relay.invalid:\(server.address.port)/derp", addresses: [server.address]
      ) {
        result = $0
        test.loop.stop()
      }
      #expect(test.run())
      #expect(try echo(test, try #require(result).get().stream, 1_000))
      withExtendedLifetime(dialer) {}
    }

    @Test func aDroppedDialerCallsNobody() throws {
      let test = try TestLoop()
      let server = try EchoServer(test.loop)
      var calls = 0
      var dialer: RelayDialer? = RelayDialer(test.loop, url: "http://\(server.address)/") { _ in calls += 1 }
      #expect(dialer != nil)
      dialer = nil
      #expect((try? dial(test, "http://\(server.address)/").get()) != nil)
      #expect(calls == 0)
    }
  }
}

/// Dials and waits for the answer.
private func dial(
  _ test: TestLoop, _ url: String, timeout: Interval = .seconds(10)
) throws -> Result<RelayConnection, DialError> {
  var result: Result<RelayConnection, DialError>?
  let dialer = RelayDialer(test.loop, url: url, timeout: timeout) {
    result = $0
    test.loop.stop()
  }
  #expect(test.run())
  return try withExtendedLifetime(dialer) { try #require(result) }
}

/// Sends `count` bytes and waits for them to come back the same.
private func echo(_ test: TestLoop, _ stream: any ByteStream, _ count: Int) throws -> Bool {
  let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ $0 >> 8) }
  var sent = 0
  var received: [UInt8] = []
  var failure: (any Error)?
  func attempt(_ work: () throws -> Void) {
    do { try work() } catch {
      failure = error
      test.loop.stop()
    }
  }
  var watcher: StreamWatcher?
  watcher = StreamWatcher(test.loop, stream) {
    attempt {
      let (result, bytes) = try take(300_000, from: stream)
      received += bytes
      if received.count == count || result == .end { test.loop.stop() }
    }
  } writable: {
    attempt {
      sent += try payload[sent...].withUnsafeBytes { (raw) throws(StreamError) in try stream.write(raw) }
      if sent == count { watcher?.wantsWrite = false }
    }
  }
  watcher?.wantsRead = true
  watcher?.wantsWrite = true
  let inTime = test.run()
  watcher?.cancel()
  if let failure { throw failure }
  return inTime && received == payload
}

/// Runs with exactly these proxy and certificate variables set.
private func withEnvironment(_ values: [String: String], _ body: () throws -> Void) rethrows {
  let names = [
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy",
    "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUEST_METHOD",
  ]
  let before = names.map { name in (name, getenv(name).map { String(cString: $0) }) }
  for name in names { unsetenv(name) }
  for (name, value) in values { setenv(name, value, 1) }
  defer {
    for (name, value) in before {
      if let value { setenv(name, value, 1) } else { unsetenv(name) }
    }
  }
  try body()
}
