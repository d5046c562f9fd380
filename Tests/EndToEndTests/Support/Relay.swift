import Foundation

/// A `derprelay` of one test, on loopback.
final class Relay: Sendable {
  let child: Child
  let port: UInt16
  /// What `--derp` takes.
  let url: String

  init(_ options: [String] = [], port: UInt16 = 0) throws {
    child = try Child("derprelay", ["--listen", "127.0.0.1:\(port)", "--no-stun"] + options)
    self.port = try child.line { line in
      let text = line.firstMatch(of: /127\.0\.0\.1:([0-9]+)/)?.output.1
      return text.flatMap { UInt16($0) }
    }
    url = "\(options.contains("--tls-cert") ? "https" : "http")://127.0.0.1:\(self.port)"
  }
}

/// A certificate for 127.0.0.1 that is its own authority.
struct Certificate {
  let scratch: Scratch
  var certificate: String { scratch.file("cert.pem") }
  var key: String { scratch.file("key.pem") }

  init() throws {
    scratch = try Scratch()
    let openssl = try Child(
      "/usr/bin/openssl",
      [
        "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
        "-subj",
        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", scratch.file("key.pem"), "-out",
        scratch.file("cert.pem"),
      ])
    guard try openssl.end() == 0 else { throw TestFailure("openssl: \(openssl.errors)") }
  }

  /// What makes a relay use it.
  var relayOptions: [String] { ["--tls-cert", certificate, "--tls-key", key] }
  /// What makes clients trust it.
  var environment: [String: String] { ["SSL_CERT_FILE": certificate] }
}
