import Basics
import CGnuTLS

/// One self-signed Ed25519 certificate and its key, as TLS uses them: the certificate is only an envelope for the
/// public key, which the other side pins.
///
/// Nothing in it tells the time or is random, so an identity always has the same certificate. Its dates say nothing;
/// peers must not check them.
public final class PinnedCredentials {
  /// 2000-01-01T00:00:00Z.
  private static let activation = 946_684_800
  /// 9999-12-31T23:59:59Z: no expiry (RFC 5280, section 4.1.2.5).
  private static let expiration = 253_402_300_799
  private static let name = "derphole"

  /// Belongs to GnuTLS; for sessions of this module.
  let raw: gnutls_certificate_credentials_t

  /// Makes the certificate of `identity`.
  public init(_ identity: Ed25519Identity) throws(CryptoError) {
    var credentials: gnutls_certificate_credentials_t?
    try Self.check(gnutls_certificate_allocate_credentials(&credentials))
    guard let credentials else { throw .library(GNUTLS_E_MEMORY_ERROR) }
    raw = credentials
    var key: gnutls_x509_privkey_t?
    try Self.check(gnutls_x509_privkey_init(&key))
    defer { gnutls_x509_privkey_deinit(key) }
    let status = identity.publicKey.array.withUnsafeBytes { publicKey in
      identity.seed.withUnsafeBytes { seed in
        var x = Self.datum(publicKey)
        var k = Self.datum(seed)
        return gnutls_x509_privkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_ED25519, &x, nil, &k)
      }
    }
    try Self.check(status)
    var certificate: gnutls_x509_crt_t?
    try Self.check(gnutls_x509_crt_init(&certificate))
    defer { gnutls_x509_crt_deinit(certificate) }
    try Self.check(gnutls_x509_crt_set_version(certificate, 3))
    // A positive number of at most 16 bytes.
    var serial = Array(identity.publicKey.array.prefix(16))
    serial[0] = serial[0] & 0x7f | 0x01
    try Self.check(gnutls_x509_crt_set_serial(certificate, serial, serial.count))
    try Self.check(
      gnutls_x509_crt_set_dn_by_oid(certificate, "2.5.4.3", 0, Self.name, UInt32(Self.name.utf8.count)))
    try Self.check(gnutls_x509_crt_set_activation_time(certificate, Self.activation))
    try Self.check(gnutls_x509_crt_set_expiration_time(certificate, Self.expiration))
    try Self.check(gnutls_x509_crt_set_key(certificate, key))
    try Self.check(gnutls_x509_crt_sign2(certificate, certificate, key, GNUTLS_DIG_SHA512, 0))
    var list = certificate
    try Self.check(gnutls_certificate_set_x509_key(credentials, &list, 1, key))
  }

  deinit { gnutls_certificate_free_credentials(raw) }

  static func check(_ status: Int32) throws(CryptoError) {
    guard status >= 0 else { throw .library(status) }
  }

  private static func datum(_ bytes: UnsafeRawBufferPointer) -> gnutls_datum_t {
    gnutls_datum_t(
      data: UnsafeMutablePointer(mutating: bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)),
      size: UInt32(bytes.count))
  }
}
