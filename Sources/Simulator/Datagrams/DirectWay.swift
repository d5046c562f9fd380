import Wire

/// The way of datagrams between the public network and the parties: what is cut of it, and what takes a detour.
struct DirectWay {
  var isCutToClaimant = false
  var isCutToAcceptor = false
  /// One family is cut in both directions.
  var isIPv4Cut = false
  var isIPv6Cut = false
  var isDetour = false
  var isIPv4Detour = false

  /// Whether nothing is cut and nothing takes a detour.
  var isWell: Bool {
    !isCutToClaimant && !isCutToAcceptor && !isIPv4Cut && !isIPv6Cut && !isDetour && !isIPv4Detour
  }

  /// Whether datagrams to an address of this family are lost.
  func isCut(to address: IPAddress) -> Bool { address.isIPv4 ? isIPv4Cut : isIPv6Cut }

  /// Whether datagrams to an address of this family take the long way.
  func isLong(to address: IPAddress) -> Bool { isDetour || isIPv4Detour && address.isIPv4 }

  mutating func heal() {
    (isCutToClaimant, isCutToAcceptor, isIPv4Cut, isIPv6Cut) = (false, false, false, false)
  }
}
