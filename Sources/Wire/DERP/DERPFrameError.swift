/// Why a frame's payload could not be read.
public enum DERPFrameError: Error, Hashable, Sendable {
  /// The payload is shorter than its type demands.
  case tooShort(type: UInt8)
  /// The payload is longer than its type allows.
  case tooLong(type: UInt8)
  /// A `serverKey` payload that does not start with the magic: the other side is no DERP server.
  case wrongMagic
  /// The JSON of `ClientInfo` or `ServerInfo` does not read.
  case malformedInfo
}

extension DERPFrameError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .tooShort(let type): "DERP frame of type \(type) is too short"
    case .tooLong(let type): "DERP frame of type \(type) is too long"
    case .wrongMagic: "not a DERP server: wrong magic"
    case .malformedInfo: "malformed DERP info"
    }
  }
}
