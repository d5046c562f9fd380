/// One state of the whole composition in two machine words: the claimants, the acceptor, what is in flight,
/// and what the adversary has left.
///
/// Besides what the machines know it holds the history that the invariants speak of, such as what was reported.
struct World: PackedWorld {
  /// Claimants (16 bits each, at most three) and the acceptor (the upper 16 bits).
  var parties: UInt64 = 0
  /// Messages in flight (a bit each) below, what the surroundings are above.
  var rest: UInt64 = 0

  var digest: UInt64 { parties &+ rest &* 0x9E37_79B9_7F4A_7C15 }

  /// The most claimants that fit.
  static let maximumClaimants = 3

  subscript(claimant index: Int) -> ClaimantState {
    get { ClaimantState(bits: UInt16(truncatingIfNeeded: parties >> (UInt64(index) * 16))) }
    set {
      let shift = UInt64(index) * 16
      parties = parties & ~(0xFFFF << shift) | UInt64(newValue.bits) << shift
    }
  }

  var acceptor: AcceptorState {
    get { AcceptorState(bits: UInt16(truncatingIfNeeded: parties >> 48)) }
    set { parties = parties & 0x0000_FFFF_FFFF_FFFF | UInt64(newValue.bits) << 48 }
  }

  /// The set of messages in flight. It has no order and a message may be delivered and stay, so it stands for
  /// a channel that reorders, delays and doubles without limit.
  var channel: UInt32 {
    get { UInt32(truncatingIfNeeded: rest) }
    set { rest = rest & ~0xFFFF_FFFF | UInt64(newValue) }
  }

  var relayIsUp: Bool {
    get { rest >> 32 & 1 == 1 }
    set { rest = rest & ~(1 << 32) | (newValue ? 1 << 32 : 0) }
  }
  /// How often the relay may still go down, at most 3.
  var restartsLeft: Int {
    get { Int(rest >> 33 & 3) }
    set { rest = rest & ~(3 << 33) | UInt64(newValue) << 33 }
  }
  /// How many parties may still crash, at most 3.
  var crashesLeft: Int {
    get { Int(rest >> 35 & 3) }
    set { rest = rest & ~(3 << 35) | UInt64(newValue) << 35 }
  }
}

/// One bit, or a few, of a party's word.
private func bits(_ word: UInt16, _ offset: UInt16, _ width: UInt16) -> UInt8 {
  UInt8(truncatingIfNeeded: word >> offset & (1 << width - 1))
}

private func setBits(_ word: inout UInt16, _ offset: UInt16, _ width: UInt16, _ value: UInt8) {
  let mask: UInt16 = (1 << width - 1) << offset
  word = word & ~mask | UInt16(value) << offset & mask
}

/// A claimant in the composition.
struct ClaimantState {
  var bits: UInt16 = 0

  /// What a claimant has told its host.
  enum Report: UInt8 {
    case none, refusal, abort, deadline, cancelled, relayLost
  }

  var state: ClaimNames.State {
    get { ClaimNames.State(rawValue: Explorer.bits(bits, 0, 3)) ?? .idle }
    set { setBits(&bits, 0, 3, newValue.rawValue) }
  }
  /// Armed timers, a bit each in the order of the spec's table.
  var armed: UInt8 {
    get { Explorer.bits(bits, 3, 2) }
    set { setBits(&bits, 3, 2, newValue) }
  }
  var report: Report {
    get { Report(rawValue: Explorer.bits(bits, 5, 3)) ?? .none }
    set { setBits(&bits, 5, 3, newValue.rawValue) }
  }
  var isCrashed: Bool {
    get { Explorer.bits(bits, 8, 1) == 1 }
    set { setBits(&bits, 8, 1, newValue ? 1 : 0) }
  }
  /// Whether its connection to the relay is up.
  var isLinked: Bool {
    get { Explorer.bits(bits, 9, 1) == 1 }
    set { setBits(&bits, 9, 1, newValue ? 1 : 0) }
  }
  /// Whether it has adopted a decision, so that it has keys.
  var hasAdopted: Bool {
    get { Explorer.bits(bits, 10, 1) == 1 }
    set { setBits(&bits, 10, 1, newValue ? 1 : 0) }
  }
  /// Whether its claim has gone out.
  var hasClaimed: Bool {
    get { Explorer.bits(bits, 11, 1) == 1 }
    set { setBits(&bits, 11, 1, newValue ? 1 : 0) }
  }
  /// Whether its claim is one that an acceptor can accept.
  var isAcceptable: Bool {
    get { Explorer.bits(bits, 12, 1) == 1 }
    set { setBits(&bits, 12, 1, newValue ? 1 : 0) }
  }

  var isFinal: Bool { state == .established || state == .refused || state == .givenUp }
  /// Whether it still runs: neither crashed nor done.
  var isTrying: Bool { !isCrashed && !isFinal }
}

/// The acceptor in the composition. Claimants are numbered from 1 here; 0 is nobody.
struct AcceptorState {
  var bits: UInt16 = 0

  /// What the acceptor has told its host.
  enum Report: UInt8 {
    case none, expired, cancelled, relayLost
  }

  var state: DecisionNames.State {
    get { DecisionNames.State(rawValue: Explorer.bits(bits, 0, 2)) ?? .waiting }
    set { setBits(&bits, 0, 2, newValue.rawValue) }
  }
  var armed: UInt8 {
    get { Explorer.bits(bits, 2, 1) }
    set { setBits(&bits, 2, 1, newValue) }
  }
  var report: Report {
    get { Report(rawValue: Explorer.bits(bits, 3, 2)) ?? .none }
    set { setBits(&bits, 3, 2, newValue.rawValue) }
  }
  var isCrashed: Bool {
    get { Explorer.bits(bits, 5, 1) == 1 }
    set { setBits(&bits, 5, 1, newValue ? 1 : 0) }
  }
  /// The claimant that is bound.
  var bound: Int {
    get { Int(Explorer.bits(bits, 6, 2)) }
    set { setBits(&bits, 6, 2, UInt8(newValue)) }
  }
  /// The claimant whose session was started.
  var adopted: Int {
    get { Int(Explorer.bits(bits, 8, 2)) }
    set { setBits(&bits, 8, 2, UInt8(newValue)) }
  }
  /// Whether that session is over.
  var sessionHasEnded: Bool {
    get { Explorer.bits(bits, 10, 1) == 1 }
    set { setBits(&bits, 10, 1, newValue ? 1 : 0) }
  }
  var tokenIsExpired: Bool {
    get { Explorer.bits(bits, 11, 1) == 1 }
    set { setBits(&bits, 11, 1, newValue ? 1 : 0) }
  }

  var isOpen: Bool { !isCrashed && state != .closed }
}
