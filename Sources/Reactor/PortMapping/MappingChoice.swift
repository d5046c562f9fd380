/// Which protocol to map by, from what each of them said so far. Only one at a time asks for a mapping: two
/// mappings of one port are one entry in many routers, and removing one would remove the other.
struct MappingChoice {
  enum State: Hashable {
    /// Asked whether it is there.
    case asking
    case present
    /// Asked for the mapping.
    case mapping
    case failed
  }

  enum Step: Hashable {
    case wait
    case map(PortMappingProtocol)
    case giveUp
  }

  /// In order of preference.
  private var entries: [(kind: PortMappingProtocol, state: State)]
  /// Whether the better protocols have had their time to answer.
  var isGraceOver = false

  init(_ kinds: [PortMappingProtocol]) {
    entries = PortMappingProtocol.allCases.filter(kinds.contains).map { ($0, .asking) }
  }

  /// The protocol that is mapping.
  var mapping: PortMappingProtocol? { entries.first { $0.state == .mapping }?.kind }

  mutating func note(_ kind: PortMappingProtocol, _ state: State) {
    guard let index = entries.firstIndex(where: { $0.kind == kind }) else { return }
    entries[index].state = state
  }

  /// What to do now.
  var next: Step {
    if mapping != nil { return .wait }
    for entry in entries {
      if entry.state == .present { return .map(entry.kind) }
      if entry.state == .asking, !isGraceOver { return .wait }
    }
    return entries.allSatisfy { $0.state == .failed } ? .giveUp : .wait
  }
}
