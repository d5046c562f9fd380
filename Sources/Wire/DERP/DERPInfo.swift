import Basics

/// What a client says about itself inside the box of its `clientInfo` frame.
public struct ClientInfo: Hashable, Sendable {
  /// The protocol version; 0 when the client did not say.
  public var version: Int
  /// Whether the client answers pings.
  public var canAckPings: Bool
  /// The secret of a mesh of relays; nil for ordinary clients.
  public var meshKey: Bytes32?
  /// Whether the client only measures.
  public var isProber: Bool

  /// What every ordinary client of ours sends.
  public init(
    version: Int = DERP.protocolVersion, canAckPings: Bool = true, meshKey: Bytes32? = nil,
    isProber: Bool = false
  ) {
    self.version = version
    self.canAckPings = canAckPings
    self.meshKey = meshKey
    self.isProber = isProber
  }

  /// Reads the opened box; an empty object is accepted.
  public static func parse(_ json: UnsafeRawBufferPointer) throws(DERPFrameError) -> ClientInfo {
    do {
      return try ClientInfo(json: json, limits: DERP.infoLimits)
    } catch {
      throw .malformedInfo
    }
  }

  /// The JSON to seal, as Go writes it.
  public func serialized() -> [UInt8] { canonicalJSON }
}

extension ClientInfo: JSONObject {
  static var blank: ClientInfo { ClientInfo(version: 0, canAckPings: false) }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "meshkey":
      var text = ""
      try value.store(into: &text)
      let key = Hex.decode(text).flatMap { Bytes32($0) }
      guard text.isEmpty || key != nil else { throw .wrongShape }
      meshKey = key == .zero ? nil : key
    case "version": try value.store(into: &version)
    case "canackpings": try value.store(into: &canAckPings)
    case "isprober": try value.store(into: &isProber)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    if let meshKey, meshKey != .zero { writer.member("meshKey", meshKey.hex) }
    writer.member("version", omittingEmpty: version)
    writer.member("CanAckPings", canAckPings)
    writer.member("IsProber", omittingEmpty: isProber)
  }
}

/// What a server says about itself inside the box of its `serverInfo` frame.
public struct ServerInfo: Hashable, Sendable {
  /// The protocol version; 0 when the server did not say.
  public var version: Int
  /// How many bytes a second the client may send; 0 means no limit.
  public var tokenBucketBytesPerSecond: Int
  /// How many bytes the client may send at once when it has been silent.
  public var tokenBucketBytesBurst: Int

  public init(
    version: Int = DERP.protocolVersion, tokenBucketBytesPerSecond: Int = 0, tokenBucketBytesBurst: Int = 0
  ) {
    self.version = version
    self.tokenBucketBytesPerSecond = tokenBucketBytesPerSecond
    self.tokenBucketBytesBurst = tokenBucketBytesBurst
  }

  /// Reads the opened box. The numbers are as the server wrote them: they may be negative or absurd.
  public static func parse(_ json: UnsafeRawBufferPointer) throws(DERPFrameError) -> ServerInfo {
    do {
      return try ServerInfo(json: json, limits: DERP.infoLimits)
    } catch {
      throw .malformedInfo
    }
  }

  /// The JSON to seal, as Go writes it.
  public func serialized() -> [UInt8] { canonicalJSON }
}

extension ServerInfo: JSONObject {
  static var blank: ServerInfo { ServerInfo(version: 0) }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "version": try value.store(into: &version)
    case "tokenbucketbytespersecond": try value.store(into: &tokenBucketBytesPerSecond)
    case "tokenbucketbytesburst": try value.store(into: &tokenBucketBytesBurst)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("version", omittingEmpty: version)
    writer.member("TokenBucketBytesPerSecond", omittingEmpty: tokenBucketBytesPerSecond)
    writer.member("TokenBucketBytesBurst", omittingEmpty: tokenBucketBytesBurst)
  }
}

extension DERP {
  static let infoLimits = JSONLimits(maximumBytes: maximumClientInfoLength, maximumValues: 1_024)
}
