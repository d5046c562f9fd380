/// Any frame but those that carry packets, with its payload read.
///
/// Packets do not pass through here: their bytes stay where they were received (see `DERPFrameHeader`).
public enum DERPControlFrame: Hashable, Sendable {
  case serverKey(ServerKeyFrame)
  case clientInfo(ClientInfoFrame)
  case serverInfo(ServerInfoFrame)
  case keepAlive
  case notePreferred(NotePreferredFrame)
  case peerGone(PeerGoneFrame)
  case peerPresent(PeerPresentFrame)
  case watchConnections
  case closePeer(ClosePeerFrame)
  case ping(PingFrame)
  case pong(PingFrame)
  case health(HealthFrame)
  case restarting(RestartingFrame)

  /// Reads the payload of a frame; nil for the types that carry packets and for unknown ones, which are to be
  /// skipped. The payload must lie within the limit of the reader's role already.
  public static func parse(
    type: UInt8, payload: UnsafeRawBufferPointer
  ) throws(DERPFrameError) -> DERPControlFrame? {
    switch DERPFrameType(rawValue: type) {
    case .serverKey: return .serverKey(try .parse(payload))
    case .clientInfo: return .clientInfo(try .parse(payload))
    case .serverInfo: return .serverInfo(try .parse(payload))
    case .keepAlive: return .keepAlive
    case .notePreferred: return .notePreferred(try .parse(payload))
    case .peerGone: return .peerGone(try .parse(payload))
    case .peerPresent: return .peerPresent(try .parse(payload))
    case .watchConnections:
      guard payload.isEmpty else { throw .tooLong(type: type) }
      return .watchConnections
    case .closePeer: return .closePeer(try .parse(payload))
    case .ping: return .ping(try .parse(payload))
    case .pong: return .pong(try .parse(payload))
    case .health: return .health(.parse(payload))
    case .restarting: return .restarting(try .parse(payload))
    case .sendPacket, .receivePacket, .forwardPacket, nil: return nil
    }
  }

  /// The frame's type.
  public var type: DERPFrameType {
    switch self {
    case .serverKey: .serverKey
    case .clientInfo: .clientInfo
    case .serverInfo: .serverInfo
    case .keepAlive: .keepAlive
    case .notePreferred: .notePreferred
    case .peerGone: .peerGone
    case .peerPresent: .peerPresent
    case .watchConnections: .watchConnections
    case .closePeer: .closePeer
    case .ping: .ping
    case .pong: .pong
    case .health: .health
    case .restarting: .restarting
    }
  }

  /// The whole frame, header included.
  public func serialized() -> [UInt8] {
    let payload: [UInt8] =
      switch self {
      case .serverKey(let frame): frame.serialized()
      case .clientInfo(let frame): frame.serialized()
      case .serverInfo(let frame): frame.serialized()
      case .keepAlive, .watchConnections: []
      case .notePreferred(let frame): frame.serialized()
      case .peerGone(let frame): frame.serialized()
      case .peerPresent(let frame): frame.serialized()
      case .closePeer(let frame): frame.serialized()
      case .ping(let frame), .pong(let frame): frame.serialized()
      case .health(let frame): frame.serialized()
      case .restarting(let frame): frame.serialized()
      }
    var bytes: [UInt8] = [type.rawValue]
    bytes.append(bigEndian: UInt32(truncatingIfNeeded: payload.count))
    return bytes + payload
  }
}
