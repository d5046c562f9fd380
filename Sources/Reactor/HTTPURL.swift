import CCurl

/// The parts of an absolute `http` or `https` URL that dialling needs, taken apart by libcurl.
struct HTTPURL {
  var isTLS: Bool
  /// The host as written, without the brackets of an IPv6 literal.
  var host: String
  var port: UInt16

  /// nil unless `text` is such a URL.
  init?(_ text: String) {
    guard let handle = curl_url() else { return nil }
    defer { curl_url_cleanup(handle) }
    guard curl_url_set(handle, CURLUPART_URL, text, 0) == CURLUE_OK,
      let scheme = Self.part(handle, CURLUPART_SCHEME), scheme == "http" || scheme == "https",
      let host = Self.part(handle, CURLUPART_HOST), !host.isEmpty,
      let digits = Self.part(handle, CURLUPART_PORT), let port = UInt16(digits)
    else { return nil }
    isTLS = scheme == "https"
    self.host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    self.port = port
  }

  private static func part(_ handle: OpaquePointer, _ what: CURLUPart) -> String? {
    var text: UnsafeMutablePointer<CChar>?
    guard curl_url_get(handle, what, &text, UInt32(CURLU_DEFAULT_PORT)) == CURLUE_OK, let text else {
      return nil
    }
    defer { curl_free(text) }
    return String(cString: text)
  }
}
