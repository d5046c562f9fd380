/// The relays that there are, by region.
public struct DERPMap: Hashable, Sendable {
  /// A region under the number by which the map knows it.
  public struct Entry: Hashable, Sendable {
    /// The number in the map.
    public var id: Int
    /// The region.
    public var region: DERPRegion

    public init(id: Int, region: DERPRegion) {
      self.id = id
      self.region = region
    }
  }

  /// Where the public map is fetched from.
  public static let publicURL = "https://controlplane.tailscale.com/derpmap/default"
  /// The regions of the map that upstream has compiled in: a token for one of these can be followed by both
  /// programs.
  public static let builtInRegionIDs = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]
  /// The longest text of a map, in bytes.
  public static let maximumLength = 1_048_576
  /// The most regions.
  public static let maximumRegionCount = 1_024

  static let limits = JSONLimits(maximumBytes: maximumLength, maximumValues: 65_536)

  /// The regions, by ascending number, each number once.
  public private(set) var entries: [Entry] = []
  /// Whether the map wants the public regions to be forgotten.
  public private(set) var omitsDefaultRegions = false

  /// A map without regions.
  public init() {}

  /// The map of a relay of one's own: region 900 with one node.
  public init(route: DERPRoute) {
    var node = DERPNode()
    node.name = "custom"
    node.regionID = Int(DERPRoute.regionID)
    node.hostName = route.host
    node.stunPort = Int(route.stunPort)
    node.derpPort = Int(route.derpPort)
    var region = DERPRegion()
    region.regionID = Int(DERPRoute.regionID)
    region.code = "custom"
    region.name = "Custom DERP"
    region.nodes = [node]
    entries = [Entry(id: region.regionID, region: region)]
    omitsDefaultRegions = true
  }

  /// Reads a map's JSON of at most 1 MiB.
  public static func parse(_ json: UnsafeRawBufferPointer) throws(JSONError) -> DERPMap {
    try DERPMap(json: json, limits: limits)
  }

  /// The map's JSON, with the members that are read here.
  public func serialized() -> [UInt8] { canonicalJSON }

  /// The region of that number.
  public func region(_ id: Int) -> DERPRegion? { entries.first { $0.id == id }?.region }

  /// The relay where the holders of a token meet: the first node of the token's region, or, when the map has
  /// none there, of the lowest region with nodes. Nil when no region has any.
  public func bootstrapNode(region id: UInt16) -> DERPNode? {
    region(Int(id))?.nodes.first ?? entries.lazy.compactMap { $0.region.nodes.first }.first
  }
}

extension DERPMap: JSONObject {
  static var blank: DERPMap { DERPMap() }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "regions": try readRegions(value)
    case "omitdefaultregions": try value.store(into: &omitsDefaultRegions)
    default: break
    }
  }

  private mutating func readRegions(_ value: JSONValue) throws(JSONError) {
    switch value {
    case .null: entries = []
    case .object(let members):
      guard members.count <= Self.maximumRegionCount else { throw .tooLarge }
      for member in members {
        guard let id = Int(member.name) else { throw .wrongShape }
        var region = DERPRegion()
        try member.value.store(into: &region)
        entries.removeAll { $0.id == id }
        if member.value != .null { entries.append(Entry(id: id, region: region)) }
      }
      guard entries.count <= Self.maximumRegionCount else { throw .tooLarge }
      entries.sort { $0.id < $1.id }
    default: throw .wrongShape
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.name("Regions")
    writer.object { writer in
      for entry in entries {
        writer.name(number: entry.id)
        writer.object { entry.region.writeMembers(to: &$0) }
      }
    }
    writer.member("omitDefaultRegions", omittingEmpty: omitsDefaultRegions)
  }
}
