import Basics

/// The JSON of a server credential as Go declares it, before it is checked.
struct DerptunServerDocument: JSONObject {
  private static let keyPrefix = "privkey:"

  private var version = 0
  private var sessionID = Bytes16.zero
  private var expiresUnixSeconds: Int64 = 0
  private var derpPrivate = ""
  private var quicPrivate: [UInt8] = []
  private var signingSecret = Bytes32.zero
  private var forwards: [DerptunForward] = []
  private var route: RouteDocument?
  /// What makes version 3; a member of ours.
  private var isPlainHTTP = false

  static var blank: DerptunServerDocument { DerptunServerDocument() }

  private init() {}

  init(_ token: DerptunServerToken) {
    version = token.version
    sessionID = token.sessionID
    expiresUnixSeconds = token.expiresUnixSeconds
    derpPrivate = Self.keyPrefix + token.derpPrivate.hex
    quicPrivate = token.quicPrivate
    signingSecret = token.signingSecret
    forwards = token.forwards
    route = token.route.map { RouteDocument($0) }
    isPlainHTTP = token.version == 3
  }

  /// The checked credential.
  func token() throws(DerptunTokenError) -> DerptunServerToken {
    guard derpPrivate.utf8.starts(with: Self.keyPrefix.utf8),
      let key = Hex.decode(String(derpPrivate.unicodeScalars.dropFirst(Self.keyPrefix.utf8.count))),
      let derpPrivate = Bytes32(key), derpPrivate != .zero,
      quicPrivate.count == DerptunServerToken.quicPrivateLength,
      sessionID != .zero, signingSecret != .zero
    else { throw .invalid }
    var token = DerptunServerToken()
    token.sessionID = sessionID
    token.expiresUnixSeconds = expiresUnixSeconds
    token.derpPrivate = derpPrivate
    token.quicPrivate = quicPrivate
    token.signingSecret = signingSecret
    token.forwards = forwards
    if let route {
      guard let checked = route.route else { throw .invalid }
      token.route = checked
    }
    token.isPlainHTTP = isPlainHTTP && token.route != nil
    guard token.version == version else { throw .invalid }
    return token
  }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "version": try value.store(into: &version)
    case "session_id": try value.store(into: &sessionID)
    case "expires_unix": try value.store(into: &expiresUnixSeconds)
    case "derp_private": try value.store(into: &derpPrivate)
    case "quic_private": try value.store(into: &quicPrivate)
    case "signing_secret": try value.store(into: &signingSecret)
    case "forwards": forwards = try Self.forwards(value)
    case "derp_route": try value.store(into: &route)
    case "derp_plain_http": try value.store(into: &isPlainHTTP)
    default: break
    }
  }

  private static func forwards(_ value: JSONValue) throws(JSONError) -> [DerptunForward] {
    switch value {
    case .null: return []
    case .array(let elements):
      var forwards: [DerptunForward] = []
      for element in elements {
        var forward = DerptunForward()
        try element.store(into: &forward)
        forwards.append(forward)
      }
      return forwards
    default: throw .wrongShape
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("version", version)
    writer.member("session_id", sessionID)
    writer.member("expires_unix", expiresUnixSeconds)
    writer.member("derp_private", derpPrivate)
    writer.member("quic_private", Base64.encode(quicPrivate, .standard))
    writer.member("signing_secret", signingSecret)
    if !forwards.isEmpty {
      writer.name("forwards")
      writer.array { writer in
        for forward in forwards { writer.object { forward.writeMembers(to: &$0) } }
      }
    }
    writer.member("derp_route", omittingEmpty: route)
    writer.member("derp_plain_http", omittingEmpty: isPlainHTTP)
  }
}

/// A route inside a server credential.
private struct RouteDocument: JSONObject {
  private var host = ""
  private var derpPort: UInt16 = 0
  private var stunPort: UInt16 = 0

  static var blank: RouteDocument { RouteDocument() }

  private init() {}

  init(_ route: DERPRoute) {
    host = route.host
    derpPort = route.derpPort
    stunPort = route.stunPort
  }

  /// The route; nil when the host is not canonical or a port is 0.
  var route: DERPRoute? {
    guard let route = try? DERPRoute(host: host, derpPort: derpPort, stunPort: stunPort),
      route.host.utf8.elementsEqual(host.utf8)
    else { return nil }
    return route
  }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "host": try value.store(into: &host)
    case "derp_port": try value.store(into: &derpPort)
    case "stun_port": try value.store(into: &stunPort)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("host", host)
    writer.member("derp_port", derpPort)
    writer.member("stun_port", stunPort)
  }
}
