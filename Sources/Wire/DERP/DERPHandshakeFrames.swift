import Basics

/// Payload of a `serverKey` frame.
public struct ServerKeyFrame: Hashable, Sendable {
  /// The server's Curve25519 public key.
  public var serverPublic: Bytes32

  public init(serverPublic: Bytes32) { self.serverPublic = serverPublic }

  /// Reads a payload; bytes after the key are reserved and ignored.
  public static func parse(_ payload: UnsafeRawBufferPointer) throws(DERPFrameError) -> ServerKeyFrame {
    let type = DERPFrameType.serverKey.rawValue
    guard payload.count <= DERP.maximumServerKeyLength else { throw .tooLong(type: type) }
    var reader = ByteReader(payload)
    guard let magic = reader.take(DERP.magic.count), let key = reader.bytes32() else {
      throw .tooShort(type: type)
    }
    guard magic.elementsEqual(DERP.magic) else { throw .wrongMagic }
    return ServerKeyFrame(serverPublic: key)
  }

  /// The payload's 40 bytes.
  public func serialized() -> [UInt8] { DERP.magic + serverPublic.array }
}

/// Payload of a `clientInfo` frame; the box is opened by who holds the server's private key.
public struct ClientInfoFrame: Hashable, Sendable {
  /// The key that the client is connected as and that its box must be sealed with.
  public var clientPublic: Bytes32
  /// Nonce (24 bytes) and NaCl box of `ClientInfo` as JSON.
  public var sealedInfo: [UInt8]

  public init(clientPublic: Bytes32, sealedInfo: [UInt8]) {
    self.clientPublic = clientPublic
    self.sealedInfo = sealedInfo
  }

  /// Reads a payload of 56 to 262,144 bytes.
  public static func parse(_ payload: UnsafeRawBufferPointer) throws(DERPFrameError) -> ClientInfoFrame {
    let type = DERPFrameType.clientInfo.rawValue
    guard payload.count <= DERP.maximumClientInfoLength else { throw .tooLong(type: type) }
    guard payload.count >= DERP.minimumClientInfoLength else { throw .tooShort(type: type) }
    var reader = ByteReader(payload)
    guard let key = reader.bytes32() else { throw .tooShort(type: type) }
    return ClientInfoFrame(clientPublic: key, sealedInfo: Array(reader.takeRest()))
  }

  /// The payload: key, nonce, box.
  public func serialized() -> [UInt8] { clientPublic.array + sealedInfo }
}

/// Payload of a `serverInfo` frame; the box is opened by who holds the client's private key.
public struct ServerInfoFrame: Hashable, Sendable {
  /// Nonce (24 bytes) and NaCl box of `ServerInfo` as JSON.
  public var sealedInfo: [UInt8]

  public init(sealedInfo: [UInt8]) { self.sealedInfo = sealedInfo }

  /// Reads a payload of at least a nonce and at most what a `clientInfo` may have.
  public static func parse(_ payload: UnsafeRawBufferPointer) throws(DERPFrameError) -> ServerInfoFrame {
    let type = DERPFrameType.serverInfo.rawValue
    guard payload.count >= DERP.nonceLength else { throw .tooShort(type: type) }
    guard payload.count <= DERP.maximumClientInfoLength else { throw .tooLong(type: type) }
    return ServerInfoFrame(sealedInfo: Array(payload))
  }

  /// The payload: nonce, box.
  public func serialized() -> [UInt8] { sealedInfo }
}
