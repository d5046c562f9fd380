/// Why a relay's address was refused. The descriptions are upstream's words.
public enum DERPRouteError: Error, Hashable, Sendable, CaseIterable {
  case malformedURL
  case schemeNotHTTPS
  case schemeNotHTTP
  case userInfo
  case query
  case fragment
  case path
  case hostMissing
  case zone
  case hostLength
  case labelLength
  case labelCharacters
  case portInvalid
  case wireEmpty
  case wireHostLength
  case wireTruncated
  case wireHostNotCanonical
  case wireDERPPortZero
  case wireSTUNPortZero
}

extension DERPRouteError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .malformedURL: "malformed URL"
    case .schemeNotHTTPS: "scheme must be https"
    case .schemeNotHTTP: "scheme must be https or http"
    case .userInfo: "userinfo is not allowed"
    case .query: "query is not allowed"
    case .fragment: "fragment is not allowed"
    case .path: "path must be empty, /, or /derp"
    case .hostMissing: "host is required"
    case .zone: "IPv6 zones are not allowed"
    case .hostLength: "DNS host length is invalid"
    case .labelLength: "DNS label length is invalid"
    case .labelCharacters: "DNS label contains invalid characters"
    case .portInvalid: "DERP port is invalid"
    case .wireEmpty: "route wire is empty"
    case .wireHostLength: "route host length is invalid"
    case .wireTruncated: "route wire is truncated"
    case .wireHostNotCanonical: "invalid route wire: host is not canonical"
    case .wireDERPPortZero: "invalid route wire: DERP port must be non-zero"
    case .wireSTUNPortZero: "invalid route wire: STUN port must be non-zero"
    }
  }
}
