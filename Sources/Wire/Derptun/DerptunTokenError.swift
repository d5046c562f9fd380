/// Why a derptun credential was refused. The descriptions are upstream's words, but for JSON errors.
public enum DerptunTokenError: Error, Hashable, Sendable {
  /// Not such a credential, or a damaged one.
  case invalid
  /// A character that does not belong there.
  case base64(Base64Error)
  /// A server credential that does not hold JSON of the right shape.
  case json(JSONError)
  /// The credential's time has passed.
  case expired
}

extension DerptunTokenError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .invalid: "invalid derptun token"
    case .base64(let error): error.description
    case .json(let error): error.description
    case .expired: "derptun token expired"
    }
  }
}
