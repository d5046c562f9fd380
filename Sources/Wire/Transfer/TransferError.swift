/// Why a message of the transfer protocol is refused.
public enum TransferError: Error, Hashable, Sendable, CustomStringConvertible {
  /// A type that this version does not know, or that does not belong into this direction.
  case unknownType(UInt8)
  /// More bytes than a message of this type may have.
  case tooLong
  /// A body that its type does not explain.
  case malformed
  /// A version of the protocol that is not spoken here.
  case unsupportedVersion(UInt8)
  /// A name or path that is not used here.
  case name(NameError)

  public var description: String {
    switch self {
    case .unknownType(let type): "a message of the unknown type \(type)"
    case .tooLong: "a message that is too long"
    case .malformed: "a malformed message"
    case .unsupportedVersion(let version): "version \(version) of the transfer protocol is not spoken here"
    case .name(let error): "it offers \(error)"
    }
  }
}
