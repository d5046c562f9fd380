/// The head of a request to a relay.
public struct HTTPRequestHead: Hashable, Sendable {
  /// One header line.
  public struct Header: Hashable, Sendable {
    /// The name as it was written.
    public var name: String
    /// The value without blanks around it.
    public var value: String

    public init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The method, in upper case as a rule.
  public var method: String
  /// The request target, query included.
  public var target: String
  /// The header lines in order.
  public var headers: [Header]

  public init(method: String, target: String, headers: [Header]) {
    self.method = method
    self.target = target
    self.headers = headers
  }

  /// Reads a head from the start of `bytes`; nil when it is not complete yet.
  ///
  /// `length` is how many bytes the head takes. Throws when this is no HTTP/1 request, or its head is longer
  /// than `limit` or has more than 100 headers.
  public static func parse(
    _ bytes: UnsafeRawBufferPointer, limit: Int = DERPUpgrade.maximumHeadLength
  ) throws(DERPUpgradeError) -> (head: HTTPRequestHead, length: Int)? {
    guard bytes.first.map({ (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) }) ?? true else {
      throw .notHTTP
    }
    guard let head = try HTTPHead.parse(bytes, limit: limit) else { return nil }
    let words = head.startLine.split(
      separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
    guard words.count == 3, words[0].allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      !words[1].isEmpty, words[1].allSatisfy({ $0 > 0x20 && $0 < 0x7F }),
      words[2].elementsEqual("HTTP/1.1".utf8) || words[2].elementsEqual("HTTP/1.0".utf8)
    else { throw .malformed }
    let request = HTTPRequestHead(
      method: String(decoding: words[0], as: UTF8.self), target: String(decoding: words[1], as: UTF8.self),
      headers: head.headers.map {
        Header(
          name: String(decoding: $0.name, as: UTF8.self), value: String(decoding: $0.value, as: UTF8.self))
      })
    return (request, head.length)
  }

  /// The target without its query.
  public var path: Substring { target.prefix { $0 != "?" } }

  /// The value of the first header of that name, whatever its case.
  public func header(_ name: String) -> String? {
    let wanted = name.lowercased()
    return headers.first { $0.name.lowercased() == wanted }?.value
  }

  /// Whether the request asks for an upgrade to DERP.
  public var asksForDERP: Bool { header("Upgrade")?.lowercased() == "derp" }

  /// Whether the client knows the server's key already and expects no HTTP answer.
  public var asksForFastStart: Bool { header("Derp-Fast-Start") == "1" }
}
