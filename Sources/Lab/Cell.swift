/// One pair of sites, and what theory says about them.
struct Cell {
  /// What must come out.
  enum Expectation: String {
    /// Every session goes direct.
    case direct
    /// Ports are guessed: at least one session of several goes direct.
    case likely
    /// No session can go direct.
    case relayed
  }

  /// Its name, for `--cells`.
  var name: String
  /// Where the sender is.
  var sender: Site
  /// Where the receiver is; nil for the sender's own local network.
  var receiver: Site?
  var expectation: Expectation
  /// Whether a direct path needs no guessing, so that it should be there within a second.
  var isEasy = true
  /// Whether `--quick` runs it.
  var isQuick = false

  /// All cells in the order of the table.
  static let all = grid + others

  /// The four classic kinds against each other, both ways.
  static var grid: [Cell] {
    let kinds: [NATKind] = [.open, .restricted, .portRestricted, .hard]
    return kinds.flatMap { one in kinds.map { pair(one, $0) } }
  }

  private static func pair(_ one: NATKind, _ other: NATKind) -> Cell {
    let expectation: Expectation =
      switch (one, other) {
      case (.hard, .hard): .relayed
      case (.hard, .portRestricted), (.portRestricted, .hard): .likely
      default: .direct
      }
    let quick: [(NATKind, NATKind)] = [
      (.open, .open), (.portRestricted, .portRestricted), (.restricted, .hard),
    ]
    return Cell(
      name: "\(one.rawValue)-x-\(other.rawValue)", sender: Site(one), receiver: Site(other),
      expectation: expectation, isEasy: one != .hard && other != .hard,
      isQuick: quick.contains { $0 == (one, other) })
  }

  private static let others: [Cell] = [
    Cell(name: "none-x-none", sender: Site(.none), receiver: Site(.none), expectation: .direct),
    Cell(
      name: "none-x-port-restricted", sender: Site(.none), receiver: Site(.portRestricted),
      expectation: .direct),
    Cell(name: "none-x-hard", sender: Site(.none), receiver: Site(.hard), expectation: .direct),
    Cell(
      name: "random-x-restricted", sender: Site(.random), receiver: Site(.restricted), expectation: .direct,
      isEasy: false),
    Cell(
      name: "random-x-port-restricted", sender: Site(.random), receiver: Site(.portRestricted),
      expectation: .likely, isEasy: false),
    Cell(
      name: "udp-blocked-x-open", sender: Site(.udpBlocked), receiver: Site(.open), expectation: .relayed,
      isQuick: true),
    Cell(
      name: "double-x-port-restricted", sender: Site(.portRestricted, .portRestricted),
      receiver: Site(.portRestricted), expectation: .direct),
    Cell(
      name: "double-x-double", sender: Site(.portRestricted, .portRestricted),
      receiver: Site(.portRestricted, .portRestricted), expectation: .direct),
    Cell(
      name: "double-hard-x-open", sender: Site(.hard, .hard), receiver: Site(.open), expectation: .direct,
      isEasy: false),
    Cell(name: "same-network", sender: Site(.hard), receiver: nil, expectation: .direct, isQuick: true),
    Cell(
      name: "ipv6-only", sender: Site(.portRestricted, ipv4: false, ipv6: true),
      receiver: Site(.portRestricted, ipv4: false, ipv6: true), expectation: .direct),
    Cell(
      name: "mixed-hard-x-hard", sender: Site(.hard, ipv6: true), receiver: Site(.hard, ipv6: true),
      expectation: .direct),
    Cell(
      name: "mixed-x-ipv4-only", sender: Site(.portRestricted, ipv6: true), receiver: Site(.portRestricted),
      expectation: .direct),
  ]

  /// Whether two sockets find each other without guessing ports and without IPv6.
  var isPassedByPlainUDP: Bool {
    let isHardBothWays = [sender, receiver ?? sender].allSatisfy { $0.routers.contains(.hard) }
    return expectation == .direct && !isHardBothWays
  }

  /// The families that relays and STUN serve.
  var families: (ipv4: Bool, ipv6: Bool) {
    let sites = [sender, receiver ?? sender]
    return (sites.allSatisfy(\.hasIPv4), sites.contains(where: \.hasIPv6))
  }

  /// Whether the name fits a pattern in which `*` stands for anything.
  func fits(_ pattern: String) -> Bool {
    let pieces = pattern.split(separator: "*", omittingEmptySubsequences: false)
    var rest = Substring(name)
    for (index, piece) in pieces.enumerated() {
      let isFirst = index == 0
      let isLast = index == pieces.count - 1
      if isFirst && isLast { return rest == piece }
      if isFirst {
        guard rest.hasPrefix(piece) else { return false }
        rest = rest.dropFirst(piece.count)
      } else if isLast {
        return rest.hasSuffix(piece)
      } else {
        while !rest.hasPrefix(piece) {
          guard !rest.isEmpty else { return false }
          rest = rest.dropFirst()
        }
        rest = rest.dropFirst(piece.count)
      }
    }
    return true
  }
}
