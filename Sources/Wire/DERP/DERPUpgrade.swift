import Basics

/// The HTTP/1.1 text around a DERP connection: the client's upgrade request and the server's answers.
public enum DERPUpgrade {
  /// The longest head that is read, blank line included.
  public static let maximumHeadLength = 16_384
  /// The path that DERP servers listen on.
  public static let path = "/derp"

  /// The client's request, header by header as Go's client writes it. `host` carries the port when the URL has
  /// one. Characters that could end a line are left out of `host` and `path`.
  public static func request(host: String, path: String, fastStart: Bool) -> [UInt8] {
    var text = "GET \(printable(path)) HTTP/1.1\r\nHost: \(printable(host))\r\n"
    text += "User-Agent: Go-http-client/1.1\r\nConnection: Upgrade\r\n"
    if fastStart { text += "Derp-Fast-Start: 1\r\n" }
    text += "Upgrade: DERP\r\n\r\n"
    return Array(text.utf8)
  }

  /// Reads the head of a server's answer.
  ///
  /// Nil when the head is not complete yet. What follows `headLength` bytes already belongs to DERP when the
  /// status is 101. Throws when this is no HTTP/1 answer or its head is longer than `limit`.
  public static func parseResponseHead(
    _ bytes: UnsafeRawBufferPointer, limit: Int = maximumHeadLength
  ) throws(DERPUpgradeError) -> (status: Int, headLength: Int)? {
    let expected = Array("HTTP/1.".utf8)
    guard bytes.prefix(expected.count).elementsEqual(expected.prefix(bytes.count)) else { throw .notHTTP }
    guard let head = try HTTPHead.parse(bytes, limit: limit) else { return nil }
    let words = head.startLine.split(separator: UInt8(ascii: " "), maxSplits: 2)
    guard words.count >= 2, words[0].count == expected.count + 1, words[1].count == 3,
      let status = Int(String(decoding: words[1], as: UTF8.self)), (100...999).contains(status)
    else { throw .malformed }
    return (status, head.length)
  }

  /// The server's answer to an upgrade request, not sent on fast start.
  public static func response101(serverKey: Bytes32) -> [UInt8] {
    Array(
      """
      HTTP/1.1 101 Switching Protocols\r
      Upgrade: DERP\r
      Connection: Upgrade\r
      Derp-Version: \(DERP.protocolVersion)\r
      Derp-Public-Key: \(serverKey.hex)\r
      \r

      """.utf8)
  }

  /// A complete answer that ends the connection: status line, the given headers, length, body.
  public static func response(
    status: Int, reason: String, headers: [(name: String, value: String)] = [], body: String = ""
  ) -> [UInt8] {
    var text = "HTTP/1.1 \(status) \(printable(reason, keepSpaces: true))\r\n"
    for header in headers {
      text += "\(printable(header.name)): \(printable(header.value, keepSpaces: true))\r\n"
    }
    if status != 204 { text += "Content-Length: \(body.utf8.count)\r\n" }
    text += "Connection: close\r\n\r\n"
    return Array(text.utf8) + (status == 204 ? [] : Array(body.utf8))
  }

  private static func printable(_ text: String, keepSpaces: Bool = false) -> String {
    String(
      String.UnicodeScalarView(
        text.unicodeScalars.filter { $0.value > 0x20 && $0.value != 0x7F || keepSpaces && $0 == " " }))
  }
}

/// Why HTTP text was refused.
public enum DERPUpgradeError: Error, Hashable, Sendable {
  /// The answer does not start with `HTTP/1.`.
  case notHTTP
  /// The head is longer than the limit or has more than 100 headers.
  case tooLong
  /// A start line or header that is none.
  case malformed
}

extension DERPUpgradeError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .notHTTP: "the server does not speak HTTP"
    case .tooLong: "HTTP head too long"
    case .malformed: "malformed HTTP head"
    }
  }
}
