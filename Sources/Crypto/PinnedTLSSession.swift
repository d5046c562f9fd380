import Basics
import CGnuTLS

/// A TLS 1.3 session for QUIC in which both sides show one certificate and accept exactly one public key.
///
/// Chain, names and dates are not looked at (STR-1): whoever proves to have the pinned Ed25519 key is the peer, nobody else.
public final class PinnedTLSSession {
  /// TLS 1.3 only; QUIC has no use for its compatibility mode (RFC 9001, section 8.4).
  private static let priorities = "%DISABLE_TLS13_COMPAT_MODE:NORMAL:-VERS-ALL:+VERS-TLS1.3"
  private static let serverName = "derphole"

  /// GnuTLS's session; ngtcp2 drives it.
  public let raw: OpaquePointer
  private let credentials: PinnedCredentials
  private let pin: Bytes32

  /// - Parameters:
  ///   - credentials: what this side shows.
  ///   - pin: the Ed25519 public key that the peer must have.
  ///   - protocols: ALPN identifiers, the best first; one must be common.
  ///   - owner: an opaque pointer that ngtcp2's glue wants to find in the session (`ngtcp2_crypto_conn_ref`). It must
  ///     outlive this object.
  public init(
    isServer: Bool, credentials: PinnedCredentials, pin: Bytes32, protocols: [String],
    owner: UnsafeMutableRawPointer
  ) throws(CryptoError) {
    self.credentials = credentials
    self.pin = pin
    var session: gnutls_session_t?
    // No ticket: nobody resumes, and a resumed session would show no certificate.
    let flags =
      isServer
      ? UInt32(GNUTLS_SERVER.rawValue) | UInt32(GNUTLS_NO_AUTO_SEND_TICKET.rawValue)
      : UInt32(GNUTLS_CLIENT.rawValue)
    try PinnedCredentials.check(gnutls_init(&session, flags))
    guard let session else { throw .library(GNUTLS_E_MEMORY_ERROR) }
    raw = session
    try PinnedCredentials.check(gnutls_priority_set_direct(session, Self.priorities, nil))
    try PinnedCredentials.check(
      gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, UnsafeMutableRawPointer(credentials.raw)))
    gnutls_session_set_ptr(session, owner)
    // The session's own pointer belongs to ngtcp2; that of the store of sessions is free, for there is no such store.
    gnutls_db_set_ptr(session, Unmanaged.passUnretained(self).toOpaque())
    gnutls_session_set_verify_function(session) { session in
      guard let session, let holder = gnutls_db_get_ptr(session) else { return -1 }
      return Unmanaged<PinnedTLSSession>.fromOpaque(holder).takeUnretainedValue().isPeerPinned() ? 0 : -1
    }
    try Self.offer(protocols, in: session)
    if isServer {
      gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE)
    } else {
      try PinnedCredentials.check(
        gnutls_server_name_set(session, GNUTLS_NAME_DNS, Self.serverName, Self.serverName.utf8.count))
    }
  }

  deinit { gnutls_deinit(raw) }

  private static func offer(_ protocols: [String], in session: gnutls_session_t) throws(CryptoError) {
    let names = protocols.map { Array($0.utf8) }
    var storage = names.flatMap { $0 }
    let status = storage.withUnsafeMutableBufferPointer { bytes in
      var offset = 0
      let list = names.map { name in
        defer { offset += name.count }
        return gnutls_datum_t(data: bytes.baseAddress.map { $0 + offset }, size: UInt32(name.count))
      }
      return gnutls_alpn_set_protocols(
        session, list, UInt32(list.count), UInt32(GNUTLS_ALPN_MANDATORY.rawValue))
    }
    try PinnedCredentials.check(status)
  }

  /// Whether the peer showed exactly one certificate, with the pinned key in it. That it also has the private half is
  /// TLS's to check (CertificateVerify).
  private func isPeerPinned() -> Bool {
    var count: UInt32 = 0
    guard let list = gnutls_certificate_get_peers(raw, &count), count == 1 else { return false }
    var certificate: gnutls_x509_crt_t?
    guard gnutls_x509_crt_init(&certificate) == 0 else { return false }
    defer { gnutls_x509_crt_deinit(certificate) }
    guard gnutls_x509_crt_import(certificate, list, GNUTLS_X509_FMT_DER) == 0 else { return false }
    var key: gnutls_pubkey_t?
    guard gnutls_pubkey_init(&key) == 0 else { return false }
    defer { gnutls_pubkey_deinit(key) }
    guard gnutls_pubkey_import_x509(key, certificate, 0) == 0 else { return false }
    var curve = GNUTLS_ECC_CURVE_INVALID
    var x = gnutls_datum_t()
    guard gnutls_pubkey_export_ecc_raw(key, &curve, &x, nil) == 0 else { return false }
    defer { derphole_gnutls_free(x.data) }
    guard curve == GNUTLS_ECC_CURVE_ED25519, x.size == UInt32(Bytes32.count), let data = x.data else {
      return false
    }
    return constantTimeEqual(
      Array(UnsafeBufferPointer(start: data, count: Int(x.size))), pin.array)
  }
}
