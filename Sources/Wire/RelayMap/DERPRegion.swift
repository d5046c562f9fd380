/// Relays close to each other that know each other's clients.
public struct DERPRegion: Hashable, Sendable {
  /// The region's number as it says itself.
  public var regionID = 0
  /// A short name.
  public var code = ""
  /// A name for people.
  public var name = ""
  /// Not to be chosen without need.
  public var isAvoided = false
  /// Neither to be measured nor chosen.
  public var isNotMeasured = false
  /// The relays; the first one is where peers meet.
  public var nodes: [DERPNode] = []

  /// A region with everything zero or empty.
  public init() {}
}

extension DERPRegion: JSONObject {
  static var blank: DERPRegion { DERPRegion() }

  /// The most relays of one region.
  static let maximumNodeCount = 256

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "regionid": try value.store(into: &regionID)
    case "regioncode": try value.store(into: &code)
    case "regionname": try value.store(into: &self.name)
    case "avoid": try value.store(into: &isAvoided)
    case "nomeasurenohome": try value.store(into: &isNotMeasured)
    case "nodes": nodes = try Self.nodes(value)
    default: break
    }
  }

  private static func nodes(_ value: JSONValue) throws(JSONError) -> [DERPNode] {
    switch value {
    case .null: return []
    case .array(let elements):
      guard elements.count <= maximumNodeCount else { throw .tooLarge }
      var nodes: [DERPNode] = []
      for element in elements where element != .null {
        var node = DERPNode()
        try element.store(into: &node)
        nodes.append(node)
      }
      return nodes
    default: throw .wrongShape
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("RegionID", regionID)
    writer.member("RegionCode", code)
    writer.member("RegionName", name)
    writer.member("Avoid", omittingEmpty: isAvoided)
    writer.member("NoMeasureNoHome", omittingEmpty: isNotMeasured)
    writer.name("Nodes")
    writer.array { writer in
      for node in nodes { writer.object { node.writeMembers(to: &$0) } }
    }
  }
}
