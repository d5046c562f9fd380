/// What travels through the channel: a kind, and the claimant that sends or gets it.
struct Message: Equatable {
  enum Kind: UInt8, CaseIterable {
    /// To the acceptor: the claim, an abort, a sealed session frame.
    case claim, claimantAbort, proof
    /// To the claimant: the decision in its three forms, an abort, a sealed session frame.
    case acceptance, refusal, claimedRefusal, acceptorAbort, confirmation
  }

  var kind: Kind
  var claimant: Int

  /// Its bit in `World.channel`.
  var bit: UInt32 { 1 << (UInt32(claimant) * UInt32(Kind.allCases.count) + UInt32(kind.rawValue)) }

  init(_ kind: Kind, _ claimant: Int) {
    self.kind = kind
    self.claimant = claimant
  }

  /// The message whose bit is the lowest in `channel`, which must not be empty.
  init(lowestOf channel: UInt32) {
    let index = channel.trailingZeroBitCount
    self.init(Kind.allCases[index % Kind.allCases.count], index / Kind.allCases.count)
  }

  var isForAcceptor: Bool { kind.rawValue <= Kind.proof.rawValue }

  var description: String { "\(kind)[\(claimant)]" }
}
