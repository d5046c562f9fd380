/// One relay of a region.
public struct DERPNode: Hashable, Sendable {
  /// What a node's field says about one address family.
  public enum FamilyAddress: Hashable, Sendable {
    /// Ask the name service.
    case resolve
    /// Use this address.
    case literal(IPAddress)
    /// Do not use the family.
    case disabled
  }

  /// The node's name, unique in the map.
  public var name = ""
  /// The region that the node says it is in.
  public var regionID = 0
  /// The name to connect to and to verify.
  public var hostName = ""
  /// Empty: use DNS; a literal: use it; anything else: no IPv4.
  public var ipv4 = ""
  /// Empty: use DNS; a literal: use it; anything else: no IPv6.
  public var ipv6 = ""
  /// As written: 0 means 3478, -1 no STUN.
  public var stunPort = 0
  /// The node answers STUN only.
  public var isSTUNOnly = false
  /// As written: 0 means 443.
  public var derpPort = 0
  /// An address to send STUN to instead of the node's own.
  public var stunTestIP = ""
  /// Port 80 answers too.
  public var canPort80 = false

  /// A node with everything zero or empty.
  public init() {}

  /// Where its IPv4 address comes from.
  public var ipv4Address: FamilyAddress { Self.family(ipv4) { $0.isIPv4 } }

  /// Where its IPv6 address comes from.
  public var ipv6Address: FamilyAddress { Self.family(ipv6) { !$0.isIPv4 } }

  /// The UDP port for STUN; nil when it has none.
  public var effectiveSTUNPort: UInt16? {
    stunPort == 0 ? DERPRoute.defaultSTUNPort : UInt16(exactly: stunPort).flatMap { $0 == 0 ? nil : $0 }
  }

  /// The URL to connect to; nil when the host name or port is none.
  public var serverURL: String? {
    guard let port = derpPort == 0 ? 443 : UInt16(exactly: derpPort),
      let route = try? DERPRoute(host: hostName, derpPort: port)
    else { return nil }
    return route.serverURL()
  }

  private static func family(_ text: String, fits: (IPAddress) -> Bool) -> FamilyAddress {
    if text.isEmpty { return .resolve }
    guard let address = IPAddress(text), fits(address) else { return .disabled }
    return .literal(address)
  }
}

extension DERPNode: JSONObject {
  static var blank: DERPNode { DERPNode() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "name": try value.store(into: &self.name)
    case "regionid": try value.store(into: &regionID)
    case "hostname": try value.store(into: &hostName)
    case "ipv4": try value.store(into: &ipv4)
    case "ipv6": try value.store(into: &ipv6)
    case "stunport": try value.store(into: &stunPort)
    case "stunonly": try value.store(into: &isSTUNOnly)
    case "derpport": try value.store(into: &derpPort)
    case "stuntestip": try value.store(into: &stunTestIP)
    case "canport80": try value.store(into: &canPort80)
    default: break
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("Name", name)
    writer.member("RegionID", regionID)
    writer.member("HostName", hostName)
    writer.member("IPv4", omittingEmpty: ipv4)
    writer.member("IPv6", omittingEmpty: ipv6)
    writer.member("STUNPort", omittingEmpty: stunPort)
    writer.member("STUNOnly", omittingEmpty: isSTUNOnly)
    writer.member("DERPPort", omittingEmpty: derpPort)
    writer.member("STUNTestIP", omittingEmpty: stunTestIP)
    writer.member("CanPort80", omittingEmpty: canPort80)
  }
}
