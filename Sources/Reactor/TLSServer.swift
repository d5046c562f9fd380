import CGnuTLS
import Glibc

/// What a TLS server shows and proves: a certificate chain and its private key. Shared by its streams.
public final class TLSServerCredentials {
  let raw: OpaquePointer
  let priority: OpaquePointer

  /// Reads a PEM chain (leaf first) and a PEM private key. `appending` are further certificates in DER that
  /// follow the chain as they are, related to it or not.
  public init(
    certificateFile: String, keyFile: String, appending extra: [[UInt8]] = []
  ) throws(ReactorError) {
    var chain: [gnutls_pcert_st] = []
    defer { for index in chain.indices { gnutls_pcert_deinit(&chain[index]) } }
    chain = try Self.chain(fromPEM: try Self.contents(of: certificateFile), named: certificateFile)
    for certificate in extra {
      var entry = gnutls_pcert_st()
      try Self.withDatum(certificate) { (datum) throws(ReactorError) in
        try Self.check(
          gnutls_pcert_import_x509_raw(&entry, datum, GNUTLS_X509_FMT_DER, 0), "extra certificate")
      }
      chain.append(entry)
    }
    var key: OpaquePointer?
    gnutls_privkey_init(&key)
    guard let key else { throw .credentials("out of memory") }
    do throws(ReactorError) {
      let pem = try Self.contents(of: keyFile)
      try Self.withDatum(pem) { (datum) throws(ReactorError) in
        try Self.check(gnutls_privkey_import_x509_raw(key, datum, GNUTLS_X509_FMT_PEM, nil, 0), keyFile)
      }
    } catch {
      gnutls_privkey_deinit(key)
      throw error
    }
    var credentials: gnutls_certificate_credentials_t?
    var priority: gnutls_priority_t?
    gnutls_certificate_allocate_credentials(&credentials)
    gnutls_priority_init(&priority, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:%SERVER_PRECEDENCE", nil)
    guard let credentials, let priority else {
      gnutls_privkey_deinit(key)
      throw .credentials("out of memory")
    }
    raw = credentials
    self.priority = priority
    // Unlike the file functions this one neither sorts nor cuts the chain. On success it owns key and chain.
    let status = gnutls_certificate_set_key(credentials, nil, 0, &chain, Int32(chain.count), key)
    guard status >= 0 else {
      gnutls_privkey_deinit(key)
      throw .credentials("\(certificateFile), \(keyFile): \(String(cString: gnutls_strerror(status)))")
    }
    chain = []
  }

  deinit {
    gnutls_certificate_free_credentials(raw)
    gnutls_priority_deinit(priority)
  }

  private static func chain(fromPEM pem: [UInt8], named name: String) throws(ReactorError)
    -> [gnutls_pcert_st]
  {
    // GnuTLS verifies no chain beyond 16 certificates, so nobody can use a longer one.
    var chain = [gnutls_pcert_st](repeating: gnutls_pcert_st(), count: 16)
    var count = UInt32(chain.count)
    try withDatum(pem) { (datum) throws(ReactorError) in
      try check(gnutls_pcert_list_import_x509_raw(&chain, &count, datum, GNUTLS_X509_FMT_PEM, 0), name)
    }
    return Array(chain[..<Int(count)])
  }

  private static func contents(of path: String) throws(ReactorError) -> [UInt8] {
    do throws(SystemError) {
      return try SmallFile.read(path, limit: 1 << 20)
    } catch {
      throw .system(error)
    }
  }

  private static func withDatum(
    _ bytes: [UInt8], _ body: (UnsafePointer<gnutls_datum_t>) throws(ReactorError) -> Void
  ) throws(ReactorError) {
    var copy = bytes
    try copy.withUnsafeMutableBufferPointer { (buffer) throws(ReactorError) in
      var datum = gnutls_datum_t(data: buffer.baseAddress, size: UInt32(buffer.count))
      try body(&datum)
    }
  }

  private static func check(_ status: Int32, _ what: String) throws(ReactorError) {
    if status < 0 { throw .credentials("\(what): \(String(cString: gnutls_strerror(status)))") }
  }
}

/// The server's end of a TLS 1.2 or 1.3 connection. Reading or writing drives the handshake.
public final class TLSServerStream: ByteStream {
  private let session: TLSSession
  private let credentials: TLSServerCredentials

  /// Takes over an accepted socket. The handshake has no time limit of its own: its user sets one.
  public init(descriptor: Int32, credentials: TLSServerCredentials) throws(ReactorError) {
    var raw: gnutls_session_t?
    let flags = UInt32(GNUTLS_SERVER.rawValue | GNUTLS_NONBLOCK.rawValue | GNUTLS_NO_SIGNAL.rawValue)
    guard gnutls_init(&raw, flags) == 0, let raw else {
      Glibc.close(descriptor)
      throw .credentials("cannot make a TLS session")
    }
    gnutls_priority_set(raw, credentials.priority)
    gnutls_credentials_set(raw, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials.raw))
    self.credentials = credentials
    session = TLSSession(raw, descriptor: descriptor, established: false)
  }

  deinit {
    close()
    gnutls_deinit(session.raw)
  }

  public var descriptor: Int32 { session.descriptor }
  public var hasBufferedInput: Bool { session.hasBufferedInput }
  public var hasPendingOutput: Bool { session.hasPendingOutput }
  public var onPendingOutput: (() -> Void)? {
    get { session.onPendingOutput }
    set { session.onPendingOutput = newValue }
  }
  public func needs(reading: Bool, writing: Bool) -> IOEvents {
    session.needs(reading: reading, writing: writing)
  }
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(StreamError) -> ReadResult {
    try session.read(into: buffer)
  }
  public func write(_ bytes: UnsafeRawBufferPointer) throws(StreamError) -> Int { try session.write(bytes) }
  public func flush() throws(StreamError) { try session.flush() }
  public func finishWriting() { session.finishWriting() }

  public func close() {
    guard session.descriptor >= 0 else { return }
    let descriptor = session.descriptor
    session.detach()
    Glibc.close(descriptor)
  }
}
