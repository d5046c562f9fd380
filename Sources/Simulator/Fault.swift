import Basics

/// Something that goes wrong, or somebody who interferes, at one moment of a run.
public enum FaultKind: String, CaseIterable, Sendable {
  /// The relay's process dies with all its connections; nobody can connect.
  case relayDown = "relay-down"
  /// The relay is started again.
  case relayUp = "relay-up"
  /// The relay hangs: connections stay, but it reads, writes and accepts nothing; and goes on.
  case relayFreezes = "relay-freezes"
  case relayThaws = "relay-thaws"
  /// The connection of one side breaks.
  case dropClaimant = "drop-claimant"
  case dropAcceptor = "drop-acceptor"
  /// The program of one side is killed; its connection ends.
  case crashClaimant = "crash-claimant"
  case crashAcceptor = "crash-acceptor"
  /// The machine of one side vanishes; its connection stays, but nothing is read or written any more.
  case vanishClaimant = "vanish-claimant"
  case vanishAcceptor = "vanish-acceptor"
  /// The user of one side interrupts it.
  case interruptClaimant = "interrupt-claimant"
  case interruptAcceptor = "interrupt-acceptor"
  /// The sender's source cannot be read.
  case sourceFails = "source-fails"
  /// The receiver's output cannot be written.
  case outputFails = "output-fails"
  /// The relay drops every packet for one side, and stops doing so.
  case deafenClaimant = "deafen-claimant"
  case hearClaimant = "hear-claimant"
  case deafenAcceptor = "deafen-acceptor"
  case hearAcceptor = "hear-acceptor"
  /// A holder of the token sends the acceptor a claim of upstream's transfer protocol.
  case foreignClaim = "foreign-claim"
  /// A holder of the token sends the acceptor a claim with something wrong.
  case badClaim = "bad-claim"
  /// Somebody sends the acceptor a good claim whose claimant is long gone.
  case strayClaim = "stray-claim"
  /// Somebody sends bytes without meaning to both sides.
  case garbage = "garbage"

  /// The network between the sides loses every datagram, those for one side only, those of one family, or none any
  /// more.
  case cutDirect = "cut-direct"
  case cutToClaimant = "cut-to-claimant"
  case cutToAcceptor = "cut-to-acceptor"
  case cutIPv4 = "cut-ipv4"
  case cutIPv6 = "cut-ipv6"
  case healDirect = "heal-direct"
  /// Datagrams take a longer way, or those of IPv4 only, and the short one again.
  case detour = "detour"
  case detourIPv4 = "detour-ipv4"
  case detourEnds = "detour-ends"
  /// One side's interface has no IPv6 address any more; it is told.
  case claimantLosesIPv6 = "claimant-loses-ipv6"
  case acceptorLosesIPv6 = "acceptor-loses-ipv6"
  /// One side's machine gets another address in another network; it is told.
  case claimantMoves = "claimant-moves"
  case acceptorMoves = "acceptor-moves"
  /// The NATs of one side start again with other external addresses; nobody is told.
  case claimantRebinds = "claimant-rebinds"
  case acceptorRebinds = "acceptor-rebinds"
  /// The next hop of both sides carries smaller packets, or as large ones as at first, without a word.
  case shrinkMTU = "shrink-mtu"
  case growMTU = "grow-mtu"
  /// A firewall begins to drop all datagrams of one side, those of STUN too, and stops doing so.
  case blockClaimant = "block-claimant"
  case unblockClaimant = "unblock-claimant"
  /// The system of one side refuses to send datagrams, and no longer does.
  case refuseClaimant = "refuse-claimant"
  case permitClaimant = "permit-claimant"

  /// Whether it strikes datagrams only: a session goes on over the relay.
  var isOfDatagrams: Bool {
    switch self {
    case .cutDirect, .cutToClaimant, .cutToAcceptor, .cutIPv4, .cutIPv6, .healDirect, .detour, .detourIPv4,
      .detourEnds, .claimantLosesIPv6, .acceptorLosesIPv6, .claimantMoves, .acceptorMoves,
      .claimantRebinds, .acceptorRebinds, .shrinkMTU, .growMTU, .blockClaimant, .unblockClaimant,
      .refuseClaimant, .permitClaimant:
      true
    default: false
    }
  }
}

/// A fault and when it strikes: some time after the start, or after a machine first reached a state. Its text is
/// `relay-down@1500us` or `interrupt-acceptor@bound+20us`.
public struct Fault: Hashable, Sendable, CustomStringConvertible {
  public var kind: FaultKind
  /// The state of a machine that it waits for; nil for the start of the run.
  public var state: String?
  /// How long after that.
  public var delay: Interval

  public init(_ kind: FaultKind, after state: String? = nil, _ delay: Interval) {
    self.kind = kind
    self.state = state
    self.delay = delay
  }

  public var description: String {
    let time = "\(delay.inMicroseconds)us"
    return "\(kind.rawValue)@" + (state.map { "\($0)+\(time)" } ?? time)
  }

  /// Reads the text of a fault; nil when it is none.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "@", maxSplits: 1)
    guard parts.count == 2, let kind = FaultKind(rawValue: String(parts[0])), parts[1].hasSuffix("us") else {
      return nil
    }
    let trigger = parts[1].dropLast(2).split(separator: "+", maxSplits: 1)
    guard let last = trigger.last, let time = Int64(last), time >= 0 else { return nil }
    self.init(kind, after: trigger.count == 2 ? String(trigger[0]) : nil, .microseconds(time))
  }
}
