/// Constants and limits of the DERP relay protocol, version 2. Those that the data path looks at are computed, so
/// that other modules see literals.
public enum DERP {
  /// The protocol version that both ends announce.
  public static let protocolVersion = 2
  /// What a `serverKey` frame starts with: "DERP" and the key emoji in UTF-8.
  public static let magic: [UInt8] = [0x44, 0x45, 0x52, 0x50, 0xF0, 0x9F, 0x94, 0x91]
  /// Bytes of a frame's header: type (1), payload length (4, big-endian).
  @inlinable
  public static var frameHeaderLength: Int { 5 }
  /// Bytes of a public key inside a frame.
  @inlinable
  public static var keyLength: Int { 32 }
  /// Bytes of the nonce in front of a box.
  public static let nonceLength = 24
  /// The largest packet a `sendPacket` or `receivePacket` frame carries, its key not counted.
  @inlinable
  public static var maximumPacketLength: Int { 65_536 }
  /// The largest payload of a `sendPacket` or `receivePacket` frame: key and packet.
  @inlinable
  public static var maximumPacketFrameLength: Int { keyLength + maximumPacketLength }
  /// Bytes in front of a packet on the wire: frame header and key.
  @inlinable
  public static var packetHeaderLength: Int { frameHeaderLength + keyLength }
  /// The largest payload that a client accepts; a longer frame breaks the connection.
  @inlinable
  public static var maximumFrameLength: Int { 1_048_576 }
  /// The largest `clientInfo` payload that a server accepts.
  public static let maximumClientInfoLength = 262_144
  /// The smallest `clientInfo` payload that a server accepts: key and nonce.
  public static let minimumClientInfoLength = keyLength + nonceLength
  /// The largest `serverKey` payload that a client accepts.
  public static let maximumServerKeyLength = 1_024
  /// Bytes that a ping carries at least and that its pong returns.
  public static let pingLength = 8
  /// The largest ping payload that a server accepts.
  public static let maximumPingLength = 1_000
  /// The longest text of a `health` frame that is kept, in bytes of UTF-8.
  public static let maximumHealthLength = 4_096
}

/// What a frame is; the raw value is the first byte on the wire. Unknown types are skipped by their length.
public enum DERPFrameType: UInt8, CaseIterable, Sendable {
  /// Server to client: magic and the server's public key.
  case serverKey = 0x01
  /// Client to server: the client's public key and a box with `ClientInfo`.
  case clientInfo = 0x02
  /// Server to client: a box with `ServerInfo`.
  case serverInfo = 0x03
  /// Client to server: destination key and packet.
  case sendPacket = 0x04
  /// Server to client: source key and packet.
  case receivePacket = 0x05
  /// Server to client: nothing; the connection lives.
  case keepAlive = 0x06
  /// Client to server: whether this relay is the client's home.
  case notePreferred = 0x07
  /// Server to client: a key that had sent something is no longer connected.
  case peerGone = 0x08
  /// Server to mesh client: a key is connected.
  case peerPresent = 0x09
  /// Between relays: source key, destination key and packet.
  case forwardPacket = 0x0A
  /// Mesh client to server: subscribe to connections.
  case watchConnections = 0x10
  /// Mesh client to server: drop a client.
  case closePeer = 0x11
  /// Either way: bytes to be returned.
  case ping = 0x12
  /// Either way: the bytes of a ping.
  case pong = 0x13
  /// Server to client: text of a problem; empty when healthy again.
  case health = 0x14
  /// Server to client: the server is about to restart.
  case restarting = 0x15
}
