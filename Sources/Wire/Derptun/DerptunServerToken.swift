import Basics

/// The credential of a tunnel's server: all its secrets. It is never handed out.
public struct DerptunServerToken: Hashable, Sendable {
  /// The longest text that is looked at, in characters.
  public static let maximumTextLength = 65_536
  /// Bytes of the Ed25519 private key: seed and public key.
  public static let quicPrivateLength = 64

  /// Random, names the tunnel.
  public var sessionID = Bytes16.zero
  /// From this second of Unix time on the credential is void.
  public var expiresUnixSeconds: Int64 = 0
  /// The server's private key at the relay.
  public var derpPrivate = Bytes32.zero
  /// The server's Ed25519 private key: seed and public key, 64 bytes.
  public var quicPrivate: [UInt8] = []
  /// What client credentials are proved with.
  public var signingSecret = Bytes32.zero
  /// Never written or read by upstream's commands.
  public var forwards: [DerptunForward] = []
  /// The relay to wait at, when it is not one of the public map.
  public var route: DERPRoute?
  /// Whether that relay is spoken to without TLS; says nothing without a route.
  public var isPlainHTTP = false

  /// A credential with everything zero or empty; it does not decode until it is filled.
  public init() {}

  /// The credential's version: 1 without a route, 2 with one, 3 when the route is plain http.
  public var version: Int { Int(DerptunRelay.version(route, isPlainHTTP: isPlainHTTP)) }

  /// The text: `dts1_`, `dts2_` or `dts3_` and base64 of the JSON.
  public func encoded() -> String {
    "dts\(version)_" + Base64.encode(DerptunServerDocument(self).canonicalJSON, .url)
  }

  /// Reads a credential. Any member order and unknown members are accepted.
  public static func decode(
    _ text: String, nowUnixSeconds: Int64
  ) throws(DerptunTokenError) -> DerptunServerToken {
    let prefixLength = 5
    let characters = text.utf8
    guard characters.count <= maximumTextLength else { throw .invalid }
    guard let version = (1...3).first(where: { characters.starts(with: "dts\($0)_".utf8) }) else {
      throw .invalid
    }
    let json: [UInt8]
    do {
      json = try Base64.decode(String(text.unicodeScalars.dropFirst(prefixLength)), .url)
    } catch {
      throw .base64(error)
    }
    let token = try json.lend { (bytes) throws(DerptunTokenError) in try parse(json: bytes) }
    guard token.version == version else { throw .invalid }
    guard nowUnixSeconds < token.expiresUnixSeconds else { throw .expired }
    return token
  }

  /// Reads a credential's JSON; expiry is not looked at.
  public static func parse(json: UnsafeRawBufferPointer) throws(DerptunTokenError) -> DerptunServerToken {
    let limits = JSONLimits(maximumBytes: maximumTextLength, maximumValues: 8_192)
    let document: DerptunServerDocument
    do {
      document = try DerptunServerDocument(json: json, limits: limits)
    } catch {
      throw .json(error)
    }
    return try document.token()
  }
}

/// A port that a server credential speaks of.
public struct DerptunForward: Hashable, Sendable {
  public var protocolName = ""
  public var listenAddress = ""
  public var targetAddress = ""
  public var idleTimeoutSeconds = 0

  /// A forward with everything zero or empty.
  public init() {}
}

extension DerptunForward: JSONObject {
  static var blank: DerptunForward { DerptunForward() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "protocol": try value.store(into: &protocolName)
    case "listen_addr": try value.store(into: &listenAddress)
    case "target_addr": try value.store(into: &targetAddress)
    case "idle_timeout_seconds": try value.store(into: &idleTimeoutSeconds)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("protocol", protocolName)
    writer.member("listen_addr", omittingEmpty: listenAddress)
    writer.member("target_addr", omittingEmpty: targetAddress)
    writer.member("idle_timeout_seconds", omittingEmpty: idleTimeoutSeconds)
  }
}

extension DerptunServerToken: CustomStringConvertible {
  /// What it is, without its secrets.
  public var description: String { "derptun server credential v\(version) \(sessionID.hex)" }
}
