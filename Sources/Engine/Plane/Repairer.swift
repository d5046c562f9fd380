import Machines

/// Decides what is sent again and when the sending half is finished (`specs/repair.md`): runs the machine, its budget
/// and its count of tries. Which bytes are missing is for `PayloadSender` to know.
struct Repairer {
  /// How often in a row the lowest missing byte may be lost (RPR-6).
  static let mostTries = 64
  /// The part of what was delivered that probes may cost besides what was lost, one in so many (RPR-5).
  static let deliveredShare: UInt64 = 50
  /// What they may cost besides, in bytes.
  static let allowance: UInt64 = 256 << 10
  /// By how many bytes the budget grows with each turn that a probe waits for it (RPR-5).
  static let waitingAllowance: UInt64 = 16 << 10

  /// What the machine wants of its host.
  enum Order {
    case sendProbe
    case abandon
  }

  private(set) var machine = RepairMachine()
  /// The offset below which everything that was lost lies.
  private var gapEnd: UInt64 = 0
  /// Whether the end was lost and has not been acknowledged.
  private var isEndLost = false
  private var lowestLost: UInt64?
  private var tries = 0
  /// Bytes that were lost by evidence, that were delivered, and that were sent again.
  private var lost: UInt64 = 0
  private var delivered: UInt64 = 0
  private var spent: UInt64 = 0
  /// How often a probe has waited for the budget.
  private var turnsWaited: UInt64 = 0

  /// Whether transitions are kept for `takeRecord`: nobody else pays for them.
  var isTraced = false
  private var records: [TransitionRecord] = []

  var hasRecords: Bool { !records.isEmpty }

  /// The oldest transition that was not taken.
  mutating func takeRecord() -> TransitionRecord? { records.isEmpty ? nil : records.removeFirst() }

  /// Whether anything may be missing or on its way as a repair.
  var isRepairing: Bool { machine.state == .missing || machine.state == .repairing }
  /// Whether every byte and the end are acknowledged.
  var isFinished: Bool { machine.state == .repaired }

  // MARK: Budget

  /// Bytes were acknowledged for the first time.
  mutating func noteDelivered(_ count: Int) { delivered += UInt64(count) }

  /// Bytes were sent again, as a repair or as a probe.
  mutating func noteSent(_ count: Int) { spent += UInt64(count) }

  /// Whether the budget covers no probe (RPR-5). A repair is always covered: its bytes were lost before, and a probe
  /// does not take the share of the `waiting` bytes that are still missing.
  private func isBudgetSpent(waiting: Int) -> Bool {
    spent + UInt64(waiting)
      >= lost + delivered / Self.deliveredShare + Self.allowance + turnsWaited * Self.waitingAllowance
  }

  // MARK: Events

  /// Frames were lost (RPR-1).
  ///
  /// - Parameters:
  ///   - count: bytes of them that are needed.
  ///   - lowest: the lowest missing offset, if it is one of them and the loss is evidence against it.
  ///   - end: the offset behind the highest missing byte.
  ///   - isEnd: whether the end is among them.
  mutating func gapFound(_ count: Int, lowest: UInt64?, end: UInt64, isEnd: Bool) -> Order? {
    lost += UInt64(count)
    gapEnd = max(gapEnd, end)
    if isEnd { isEndLost = true }
    if let lowest {
      tries = lowest == lowestLost ? tries + 1 : 1
      lowestLost = lowest
    }
    return step(.gapFound)
  }

  /// Nothing that is missing waits any more (RPR-2).
  mutating func repairsSent() {
    if machine.state == .missing { _ = step(.repairsSent) }
  }

  /// Bytes arrived (RPR-3).
  ///
  /// - Parameters:
  ///   - base: everything below this offset is acknowledged.
  ///   - isWaiting: whether something missing waits to be sent again.
  ///   - isEndAcknowledged: whether the end is.
  mutating func arrived(upTo base: UInt64, isWaiting: Bool, isEndAcknowledged: Bool) {
    if isEndAcknowledged { isEndLost = false }
    guard isRepairing, !isWaiting else { return }
    let remain = base < gapEnd || isEndLost
    if machine.state == .missing || !remain { _ = step(.gapsClosed, gapsRemain: remain) }
  }

  /// The probe timeout passed (RPR-4).
  ///
  /// - Parameter waiting: bytes that are missing and wait to be sent again.
  mutating func tailSilent(waiting: Int) -> Order? { step(.tailSilent, waiting: waiting) }

  /// Every byte and the end are acknowledged (RPR-7).
  mutating func endAcknowledged() { _ = step(.endAcknowledged) }

  /// The session is over.
  mutating func sessionEnded() { _ = step(.sessionEnded) }

  private mutating func step(
    _ event: RepairMachine.Event, gapsRemain: Bool = false, waiting: Int = 0
  ) -> Order? {
    let isHopeless = tries >= Self.mostTries
    let isSpent = isBudgetSpent(waiting: waiting)
    if event == .tailSilent, isSpent { turnsWaited += 1 }
    let result = machine.handle(event) { condition in
      switch condition {
      case .triesAreSpent: isHopeless
      case .budgetIsSpent: isSpent
      case .gapsRemain: gapsRemain
      }
    }
    // RPR-8: the host names no event that its state does not know.
    assert(result.kind != .protocolError, "\(result.description)")
    if isTraced, result.kind != .ignored { records.append(TransitionRecord(result)) }
    var order: Order?
    for action in result.actions {
      switch action {
      // What `gapFound` noted stands already.
      case .noteGap, .reportFinished: break
      case .sendProbe: order = .sendProbe
      case .clearGaps:
        lowestLost = nil
        tries = 0
      case .reportAbandoned: order = .abandon
      }
    }
    return order
  }
}
