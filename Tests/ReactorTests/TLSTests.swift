import CGnuTLS
import Glibc
import Testing

@testable import Reactor

/// Both ends of TLS in one thread over a socket pair, step by step, without a loop.
@Suite struct TLSTests {
  private let certificates: TestCertificates
  private let credentials: TLSServerCredentials

  init() throws {
    certificates = try TestCertificates()
    credentials = try TLSServerCredentials(
      certificateFile: certificates.certificateFile, keyFile: certificates.keyFile)
  }

  /// A client that verifies nothing and offers one version of TLS.
  private final class Client {
    let session: TLSSession
    private let trust: gnutls_certificate_credentials_t

    init(descriptor: Int32, version: String) {
      var raw: gnutls_session_t?
      var trust: gnutls_certificate_credentials_t?
      gnutls_init(&raw, UInt32(GNUTLS_CLIENT.rawValue | GNUTLS_NONBLOCK.rawValue))
      gnutls_certificate_allocate_credentials(&trust)
      gnutls_priority_set_direct(raw, "NORMAL:-VERS-ALL:+VERS-\(version)", nil)
      gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(trust!))
      session = TLSSession(raw!, descriptor: descriptor, established: false)
      self.trust = trust!
    }

    deinit {
      gnutls_deinit(session.raw)
      gnutls_certificate_free_credentials(trust)
    }

    func read(_ limit: Int) throws -> (ReadResult, [UInt8]) {
      var buffer = [UInt8](repeating: 0, count: limit)
      let result = try buffer.withUnsafeMutableBytes { try session.read(into: $0) }
      if case .bytes(let count) = result { return (result, Array(buffer[..<count])) }
      return (result, [])
    }
  }

  @Test(arguments: ["TLS1.2", "TLS1.3"])
  func bothVersionsShakeHandsAndKeepWhatTheSocketDoesNotTake(_ version: String) throws {
    let (near, far) = socketPair()
    defer { close(near) }
    let server = try TLSServerStream(descriptor: far, credentials: credentials)
    let client = Client(descriptor: near, version: version)
    #expect(server.needs(reading: false, writing: true) == .readable)
    // By turns until both say that there is nothing to read from a finished handshake.
    for _ in 0..<10 {
      _ = try client.read(1)
      _ = try take(1, from: server)
    }
    #expect(server.needs(reading: false, writing: true) == .writable)
    let payload = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 13 &+ $0 >> 7) }
    var announced = 0
    server.onPendingOutput = { announced += 1 }
    var sent = try put(payload, to: server)
    #expect(sent > 0 && sent < payload.count)
    #expect(server.hasPendingOutput && announced > 0)
    #expect(server.needs(reading: true, writing: false) == [.readable, .writable])
    #expect(try put(Array(payload[sent...]), to: server) == 0)
    var received: [UInt8] = []
    while received.count < payload.count {
      let (result, bytes) = try client.read(300_000)
      received += bytes
      try server.flush()
      if sent < payload.count { sent += try put(Array(payload[sent...]), to: server) }
      // Whatever was taken and flushed must arrive: no step may leave both sides waiting.
      try #require(result != .wouldBlock || sent > received.count)
    }
    #expect(received == payload)
    #expect(!server.hasPendingOutput)
    server.close()
    #expect(try client.read(1).0 == .end)
  }

  @Test func aSmallReadLeavesTheRestAnnounced() throws {
    let (near, far) = socketPair()
    defer { close(near) }
    let server = try TLSServerStream(descriptor: far, credentials: credentials)
    let client = Client(descriptor: near, version: "TLS1.3")
    for _ in 0..<10 {
      _ = try client.read(1)
      _ = try take(1, from: server)
    }
    let payload = [UInt8](repeating: 5, count: 40_000)
    #expect(try payload.withUnsafeBytes { try client.session.write($0) } == payload.count)
    var count = 0
    repeat { count += try take(1_000, from: server).1.count } while server.hasBufferedInput
    #expect(count == payload.count)
    #expect(try take(1, from: server).0 == .wouldBlock)
  }

  @Test func whatIsNotTLSIsAnErrorThatStays() throws {
    let (near, far) = socketPair()
    defer { close(near) }
    let server = try TLSServerStream(descriptor: far, credentials: credentials)
    #expect(write(near, "GET / HTTP/1.1\r\n\r\n", 18) == 18)
    for _ in 0..<2 {
      #expect {
        _ = try take(1, from: server)
      } throws: {
        if case .tls = $0 as? StreamError { true } else { false }
      }
    }
    #expect(throws: StreamError.self) { _ = try put([1], to: server) }
  }

  @Test func credentialsThatDoNotFitAreRefused() throws {
    let other = try TestCertificates()
    #expect(throws: ReactorError.self) {
      try TLSServerCredentials(certificateFile: certificates.certificateFile, keyFile: other.keyFile)
    }
    #expect(throws: ReactorError.self) {
      try TLSServerCredentials(certificateFile: certificates.keyFile, keyFile: certificates.keyFile)
    }
    #expect(throws: ReactorError.system(SystemError("/nonexistent", code: ENOENT))) {
      try TLSServerCredentials(certificateFile: "/nonexistent", keyFile: certificates.keyFile)
    }
    #expect(throws: ReactorError.self) {
      try TLSServerCredentials(
        certificateFile: certificates.certificateFile, keyFile: certificates.keyFile, appending: [[1, 2, 3]])
    }
  }
}
