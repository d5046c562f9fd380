/// One phase of upstream's choice between the relay path and raw sockets (envelope `v2_data_plane_ready`).
public struct DataPlaneReady: Hashable, Sendable {
  /// The first phase; an empty text counts as this.
  public static let candidatesPhase = "candidates"
  /// The second phase.
  public static let selectionPhase = "selection"

  /// `TransferClaim.protocolName`.
  public var protocolName: String
  /// The phase.
  public var phase: String
  /// Whether this side offers, or has chosen, raw sockets.
  public var isRawDirect: Bool
  /// All sockets' addresses.
  public var candidates: [String]
  /// The addresses of each socket; nil where the list was `null`.
  public var candidateSets: [[String]?]

  public init(
    protocolName: String = TransferClaim.protocolName, phase: String, isRawDirect: Bool = false,
    candidates: [String] = [], candidateSets: [[String]?] = []
  ) {
    self.protocolName = protocolName
    self.phase = phase
    self.isRawDirect = isRawDirect
    self.candidates = candidates
    self.candidateSets = candidateSets
  }
}

extension DataPlaneReady: JSONObject {
  static var blank: DataPlaneReady { DataPlaneReady(protocolName: "", phase: "") }

  mutating func read(_ name: String, _ value: JSONValue) throws(JSONError) {
    switch name {
    case "protocol": try value.store(into: &protocolName)
    case "phase": try value.store(into: &phase)
    case "raw_direct": try value.store(into: &isRawDirect)
    case "candidates": try value.store(into: &candidates)
    case "candidate_sets": candidateSets = try Self.sets(value)
    default: break
    }
  }

  private static func sets(_ value: JSONValue) throws(JSONError) -> [[String]?] {
    switch value {
    case .null: return []
    case .array(let elements):
      var sets: [[String]?] = []
      for element in elements {
        var set: [String] = []
        try element.store(into: &set)
        sets.append(element == .null ? nil : set)
      }
      return sets
    default: throw .wrongShape
    }
  }

  func writeMembers(to writer: inout JSONWriter) {
    writer.member("protocol", protocolName)
    writer.member("phase", omittingEmpty: phase)
    writer.member("raw_direct", omittingEmpty: isRawDirect)
    writer.member("candidates", omittingEmpty: candidates)
    guard !candidateSets.isEmpty else { return }
    writer.name("candidate_sets")
    writer.array { writer in
      for set in candidateSets {
        if let set { writer.value(set) } else { writer.null() }
      }
    }
  }
}
