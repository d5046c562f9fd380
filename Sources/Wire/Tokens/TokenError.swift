/// Why a session token was refused. The descriptions are upstream's words.
public enum TokenError: Error, Hashable, Sendable {
  /// A character that does not belong there.
  case base64(Base64Error)
  /// Empty, too short or too long.
  case invalidLength
  /// Neither version 5 nor 6.
  case unsupportedVersion
  /// The checksum does not fit: the token was damaged.
  case checksumMismatch
  /// A version 6 token whose route is none.
  case route(DERPRouteError)
  /// The token's time has passed.
  case expired
}

extension TokenError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .base64(let error): error.description
    case .invalidLength: "token invalid length"
    case .unsupportedVersion: "token unsupported version"
    case .checksumMismatch: "token checksum mismatch"
    case .route(let error): error.description
    case .expired: "token expired"
    }
  }
}
