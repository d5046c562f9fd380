import CCurl

/// Why a connection to a relay or a web server did not come about; each with one line for a person.
public enum DialError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The URL is not an absolute `http` or `https` one.
  case badURL(String)
  /// The host's (or the proxy's) name has no address.
  case nameLookup(String)
  /// Nobody accepts the connection, or it broke.
  case connect(String)
  /// It took too long.
  case timedOut(String)
  /// The proxy refused, or its address cannot be used.
  case proxy(String)
  /// TLS failed; `isCertificate` when the certificate was not accepted.
  case tls(String, isCertificate: Bool)
  /// The HTTP answer is not what was wanted: another status than 200, or too long a body.
  case http(String)
  /// Anything else (out of memory).
  case other(String)

  public var description: String {
    switch self {
    case .badURL(let text): "not an http or https URL: \(text)"
    case .nameLookup(let text), .connect(let text), .timedOut(let text), .proxy(let text), .tls(let text, _),
      .http(let text), .other(let text):
      text
    }
  }

  /// Sorts libcurl's code.
  static func from(_ code: CURLcode, _ text: String) -> DialError {
    switch code {
    case CURLE_URL_MALFORMAT, CURLE_UNSUPPORTED_PROTOCOL: .badURL(text)
    case CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_RESOLVE_PROXY: .nameLookup(text)
    case CURLE_COULDNT_CONNECT, CURLE_GOT_NOTHING, CURLE_RECV_ERROR, CURLE_SEND_ERROR: .connect(text)
    case CURLE_OPERATION_TIMEDOUT: .timedOut(text)
    case CURLE_PROXY: .proxy(text)
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR:
      .tls(text, isCertificate: true)
    case CURLE_SSL_CONNECT_ERROR, CURLE_SSL_CIPHER: .tls(text, isCertificate: false)
    default: .other(text)
    }
  }
}
