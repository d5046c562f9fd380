import CGnuTLS
import Glibc

/// Certificates that prove nothing by themselves but carry a name and a number, made on the spot.
public enum SelfSignedCertificate {
  /// A self-signed Ed25519 certificate in DER with the given subject common name and serial number, valid
  /// from a day ago for `days` days. Its private key is thrown away.
  public static func make(commonName: String, serial: [UInt8], days: Int = 30) throws(ReactorError) -> [UInt8]
  {
    var privateKey: gnutls_x509_privkey_t?
    var certificate: gnutls_x509_crt_t?
    gnutls_x509_privkey_init(&privateKey)
    gnutls_x509_crt_init(&certificate)
    guard let privateKey, let certificate else { throw .credentials("out of memory") }
    defer {
      gnutls_x509_privkey_deinit(privateKey)
      gnutls_x509_crt_deinit(certificate)
    }
    let now = time(nil)
    let name = Array(commonName.utf8)
    var output = gnutls_datum_t()
    // Each step runs only when the ones before it succeeded.
    let steps: [() -> Int32] = [
      { gnutls_x509_privkey_generate(privateKey, GNUTLS_PK_EDDSA_ED25519, 0, 0) },
      { gnutls_x509_crt_set_version(certificate, 3) },
      { gnutls_x509_crt_set_serial(certificate, serial, serial.count) },
      { gnutls_x509_crt_set_dn_by_oid(certificate, "2.5.4.3", 0, name, UInt32(name.count)) },
      { gnutls_x509_crt_set_activation_time(certificate, now - 86_400) },
      { gnutls_x509_crt_set_expiration_time(certificate, now + days * 86_400) },
      { gnutls_x509_crt_set_key(certificate, privateKey) },
      { gnutls_x509_crt_sign2(certificate, certificate, privateKey, GNUTLS_DIG_UNKNOWN, 0) },
      { gnutls_x509_crt_export2(certificate, GNUTLS_X509_FMT_DER, &output) },
    ]
    for step in steps {
      let status = step()
      if status < 0 {
        throw .credentials("self-signed certificate: \(String(cString: gnutls_strerror(status)))")
      }
    }
    defer { derphole_gnutls_free(output.data) }
    return Array(UnsafeBufferPointer(start: output.data, count: Int(output.size)))
  }
}
