/// The repair machine's names, as far as the model gives them a meaning.
enum RepairNames {
  enum State: UInt8, CaseIterable {
    case complete, missing, repairing, repaired, abandoned
  }
  enum Event: UInt8, CaseIterable {
    case gapFound, repairsSent, gapsClosed, tailSilent, endAcknowledged, sessionEnded
  }
  enum Guard: UInt8, CaseIterable {
    case triesAreSpent, budgetIsSpent, gapsRemain
  }
  enum Action: UInt8, CaseIterable {
    case noteGap, sendProbe, clearGaps, reportFinished, reportAbandoned
  }

  static let vocabulary = Vocabulary(
    states: State.allCases.map { "\($0)" }, events: Event.allCases.map { "\($0)" },
    guards: Guard.allCases.map { "\($0)" }, actions: Action.allCases.map { "\($0)" })
}

/// Where one direction's sender stands.
///
/// What travels are pieces: the ranges of bytes in their order, then the end. All lengths are counted in pieces.
struct RepairWorld: PackedWorld {
  static let ranges = 2
  static let end = 2
  static let pieces = 3
  /// How many frames may be in flight, and how many unless they are probes.
  static let capacity = 4
  static let window = 3
  /// How many probes the budget covers before anything was lost.
  static let allowance = 1
  /// How often in a row the lowest missing piece may be lost.
  static let mostTries: UInt8 = 2

  /// A frame in flight.
  struct Frame {
    var piece: Int
    /// Whether the channel lost it.
    var isGone = false
    /// Whether a later frame was acknowledged: it may be found lost.
    var isEvident = false
  }

  var bits: UInt64 = 3 << 18
  var digest: UInt64 { bits }

  var state: RepairNames.State {
    get { RepairNames.State(rawValue: bits[0, 3]) ?? .complete }
    set { bits[0, 3] = newValue.rawValue }
  }
  /// Which pieces are acknowledged, a bit each.
  var acknowledged: UInt8 {
    get { bits[3, 3] }
    set { bits[3, 3] = newValue }
  }
  /// Which pieces were lost and wait to be sent again, a bit each.
  var missing: UInt8 {
    get { bits[6, 3] }
    set { bits[6, 3] = newValue }
  }
  /// The first piece that was never sent.
  var next: Int {
    get { Int(bits[9, 2]) }
    set { bits[9, 2] = UInt8(newValue) }
  }
  /// Whether a probe goes out next.
  var isProbeDue: Bool {
    get { bits[flag: 11] }
    set { bits[flag: 11] = newValue }
  }
  /// What the budget still covers, in frames.
  var balance: Int {
    get { Int(bits[12, 3]) }
    set { bits[12, 3] = UInt8(newValue) }
  }
  /// Behind the last range that was lost.
  var gapEnd: Int {
    get { Int(bits[15, 2]) }
    set { bits[15, 2] = UInt8(newValue) }
  }
  /// Whether the end was lost and is not acknowledged.
  var isEndLost: Bool {
    get { bits[flag: 17] }
    set { bits[flag: 17] = newValue }
  }
  /// The range whose losses are counted; 3 when none is.
  var lowestLost: UInt8 {
    get { bits[18, 2] }
    set { bits[18, 2] = newValue }
  }
  var tries: UInt8 {
    get { bits[20, 2] }
    set { bits[20, 2] = newValue }
  }
  /// The frames in flight, by their packet numbers.
  var frames: [Frame] {
    get {
      (0..<UInt64(bits[22, 3])).map {
        let frame = bits[25 + $0 * 4, 4]
        return Frame(piece: Int(frame & 3), isGone: frame & 4 != 0, isEvident: frame & 8 != 0)
      }
    }
    set {
      bits = bits & (1 << 22 - 1)
      bits[22, 3] = UInt8(newValue.count)
      for (index, frame) in newValue.enumerated() {
        bits[25 + UInt64(index) * 4, 4] =
          UInt8(frame.piece) | (frame.isGone ? 4 : 0) | (frame.isEvident ? 8 : 0)
      }
    }
  }

  init() { balance = Self.allowance }

  var isOver: Bool { state == .repaired || state == .abandoned }
  /// The first range that is not acknowledged.
  var base: Int { (~acknowledged | 1 << Self.ranges).trailingZeroBitCount }
  var isAllAcknowledged: Bool { acknowledged == 1 << Self.pieces - 1 }
  /// Whether what was lost is not all acknowledged, as the host knows it.
  var gapsRemain: Bool { base < gapEnd || isEndLost }
  /// What is missing may be sent again whatever probes cost, so the budget keeps its share.
  var isBudgetSpent: Bool { balance <= missing.nonzeroBitCount }

  /// The piece has arrived: it is missing no longer, and its copies are waited for no longer.
  mutating func land(_ piece: Int) {
    acknowledged |= 1 << piece
    missing &= ~(1 << piece)
    frames = frames.filter { $0.piece != piece }
  }
}
