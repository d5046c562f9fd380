import CGnuTLS
import Foundation
import Reactor

/// A certificate authority made on the spot, with files for servers and clients in a folder of its own.
final class TestCertificates {
  let folder: String
  var authorityFile: String { folder + "/ca.pem" }
  var certificateFile: String { folder + "/server.pem" }
  var keyFile: String { folder + "/server.key" }

  private let authorityKey: OpaquePointer
  private let authority: OpaquePointer

  /// The server's certificate is for 127.0.0.1, localhost and relay.test, or for `name` alone.
  init(name: String? = nil) throws {
    folder = NSTemporaryDirectory() + "/reactor-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    authorityKey = Self.key()
    authority = Self.certificate(key: authorityKey, commonName: "Test authority")
    gnutls_x509_crt_set_ca_status(authority, 1)
    gnutls_x509_crt_set_key_usage(authority, UInt32(GNUTLS_KEY_KEY_CERT_SIGN))
    gnutls_x509_crt_sign2(authority, authority, authorityKey, GNUTLS_DIG_SHA256, 0)
    let serverKey = Self.key()
    let server = Self.certificate(key: serverKey, commonName: "Test server")
    let names = name.map { [$0] } ?? ["localhost", "relay.test"]
    for name in names {
      gnutls_x509_crt_set_subject_alt_name(
        server, GNUTLS_SAN_DNSNAME, name, UInt32(name.utf8.count), UInt32(GNUTLS_FSAN_APPEND))
    }
    if name == nil {
      gnutls_x509_crt_set_subject_alt_name(
        server, GNUTLS_SAN_IPADDRESS, [127, 0, 0, 1] as [UInt8], 4, UInt32(GNUTLS_FSAN_APPEND))
    }
    gnutls_x509_crt_sign2(server, authority, authorityKey, GNUTLS_DIG_SHA256, 0)
    try Self.export { gnutls_x509_crt_export2(self.authority, GNUTLS_X509_FMT_PEM, $0) }.write(
      to: authorityFile)
    try Self.export { gnutls_x509_crt_export2(server, GNUTLS_X509_FMT_PEM, $0) }.write(to: certificateFile)
    try Self.export { gnutls_x509_privkey_export2(serverKey, GNUTLS_X509_FMT_PEM, $0) }.write(to: keyFile)
    gnutls_x509_crt_deinit(server)
    gnutls_x509_privkey_deinit(serverKey)
  }

  deinit {
    gnutls_x509_crt_deinit(authority)
    gnutls_x509_privkey_deinit(authorityKey)
    try? FileManager.default.removeItem(atPath: folder)
  }

  private static func key() -> OpaquePointer {
    var key: gnutls_x509_privkey_t?
    gnutls_x509_privkey_init(&key)
    // 256 bits: the curve's size stands where RSA has its modulus.
    precondition(gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, 1 << 31 | 2, 0) == 0)
    return key!
  }

  private static func certificate(key: OpaquePointer, commonName: String) -> OpaquePointer {
    var certificate: gnutls_x509_crt_t?
    gnutls_x509_crt_init(&certificate)
    let made = certificate!
    gnutls_x509_crt_set_version(made, 3)
    gnutls_x509_crt_set_serial(made, [7, UInt8.random(in: 0...255)] as [UInt8], 2)
    gnutls_x509_crt_set_dn_by_oid(made, "2.5.4.3", 0, commonName, UInt32(commonName.utf8.count))
    gnutls_x509_crt_set_activation_time(made, time(nil) - 3_600)
    gnutls_x509_crt_set_expiration_time(made, time(nil) + 3_600)
    gnutls_x509_crt_set_key(made, key)
    return made
  }

  private static func export(_ body: (UnsafeMutablePointer<gnutls_datum_t>) -> Int32) -> [UInt8] {
    var output = gnutls_datum_t()
    precondition(body(&output) == 0)
    defer { derphole_gnutls_free(output.data) }
    return Array(UnsafeBufferPointer(start: output.data, count: Int(output.size)))
  }
}

extension [UInt8] {
  func write(to path: String) throws { try Data(self).write(to: URL(fileURLWithPath: path)) }
}
