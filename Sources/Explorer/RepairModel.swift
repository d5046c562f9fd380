import SpecCompiler

/// One direction's sender, and a channel that loses, delays and reorders: ranges and an end that are sent, lost,
/// sent again and acknowledged, or arrive otherwise.
///
/// It drives the machine as `PayloadSender` and `Repairer` do. Time is not in it: a frame may be found lost once a
/// later one was acknowledged, and silence may fall while no frame can be found lost.
struct RepairModel: Model {
  enum Choice {
    case sendNew
    case sendRepair
    case sendProbe
    /// A frame is acknowledged, by its place in flight.
    case acknowledge(Int)
    /// Every range below this one is acknowledged, by whatever brought it.
    case arrive(Int)
    /// The channel loses a frame, by its place in flight.
    case vanish(Int)
    /// So many of the oldest frames are found lost by evidence.
    case lose(Int)
    /// The path is given up with everything in flight.
    case abandonPath
    case silence
    case sessionEnd
  }

  var machine: Interpreter

  /// - Throws: a diagnostic when the spec uses a name that the model does not know.
  init(_ spec: Spec) throws(Diagnostic) {
    machine = try Interpreter(spec, RepairNames.vocabulary, errorInvariant: "RPR-I6")
  }

  var summary: String {
    "repair: \(RepairWorld.ranges) ranges and an end, \(RepairWorld.capacity) frames in flight, "
      + "\(RepairWorld.mostTries) tries, a budget for \(RepairWorld.allowance) probe besides what was lost"
  }
  var broken: (invariant: String, reason: String)? { machine.broken }
  var rowsNotTaken: [String] { machine.rowsNotTaken }

  var goals: [Goal<RepairWorld>] {
    [
      Goal(
        invariant: "RPR-I3", reason: "the direction is neither finished nor abandoned", isPatient: true,
        concerns: { _ in true }, isReached: \.isOver),
      // Without the session's end: only a silence that the budget covers no more may stand in the way.
      Goal(
        invariant: "RPR-I4", reason: "nothing is probed for and nothing goes on", isPatient: false,
        concerns: { _ in true }, isReached: { $0.isOver || Self.isBeyondHope($0) }),
    ]
  }

  /// Whether everything in flight is gone, nothing can show it, and the budget covers no probe.
  private static func isBeyondHope(_ world: RepairWorld) -> Bool {
    let frames = world.frames
    return !frames.isEmpty && frames.allSatisfy { $0.isGone && !$0.isEvident } && world.isBudgetSpent
      && !world.isProbeDue && !maySend(world)
  }

  /// Whether anything but a probe can leave.
  private static func maySend(_ world: RepairWorld) -> Bool {
    !world.isProbeDue && world.frames.count < RepairWorld.window
      && (world.missing != 0 || world.next < RepairWorld.pieces)
  }

  func initialWorlds() -> [RepairWorld] { [RepairWorld()] }

  func forEachChoice(in world: RepairWorld, _ visit: (Choice, Weather) -> Void) {
    guard world.state != .abandoned else { return }
    // The peer's silence ends the session: that is another machine's concern.
    visit(.sessionEnd, Self.isBeyondHope(world) ? .late : .faulty)
    guard !world.isOver else { return }
    let frames = world.frames
    if world.isProbeDue {
      visit(.sendProbe, .healthy)
    } else if Self.maySend(world) {
      // What is missing goes before new payload; the end goes last.
      let isNewFirst = world.missing & (1 << RepairWorld.ranges - 1) == 0 && world.next < RepairWorld.ranges
      visit(world.missing == 0 || isNewFirst ? .sendNew : .sendRepair, .healthy)
    }
    for (index, frame) in frames.enumerated() where !frame.isGone {
      visit(.acknowledge(index), .healthy)
      visit(.vanish(index), .faulty)
    }
    let sent = min(world.next, RepairWorld.ranges)
    if world.base < sent {
      for limit in world.base + 1...sent { visit(.arrive(limit), .faulty) }
    }
    let evident = frames.prefix { $0.isEvident }
    for count in 0..<evident.count {
      visit(.lose(count + 1), evident.prefix(count + 1).allSatisfy(\.isGone) ? .healthy : .faulty)
    }
    guard !frames.isEmpty else { return }
    visit(.abandonPath, .faulty)
    if evident.isEmpty, !world.isProbeDue, frames.count < RepairWorld.capacity || world.isBudgetSpent {
      visit(.silence, frames.allSatisfy(\.isGone) ? .healthy : .faulty)
    }
  }

  mutating func apply(_ choice: Choice, to old: RepairWorld) -> RepairWorld {
    var world = old
    switch choice {
    case .sendNew: send(world.next, &world)
    case .sendRepair: send(world.missing.trailingZeroBitCount, &world)
    case .sendProbe: send(world.frames[0].piece, &world)
    case .acknowledge(let index):
      var frames = world.frames
      let piece = frames.remove(at: index).piece
      for earlier in 0..<index { frames[earlier].isEvident = true }
      world.frames = frames
      world.isProbeDue = false
      world.land(piece)
      settle(&world)
    case .arrive(let limit):
      for piece in world.base..<limit { world.land(piece) }
      settle(&world)
    case .vanish(let index): world.frames[index].isGone = true
    case .lose(let count): lose(count, isEvidence: true, &world)
    case .abandonPath:
      world.isProbeDue = false
      lose(world.frames.count, isEvidence: false, &world)
    case .silence:
      if step(.tailSilent, &world).contains(.sendProbe) { world.isProbeDue = true }
    case .sessionEnd: _ = step(.sessionEnded, &world)
    }
    if world.frames.isEmpty { world.isProbeDue = false }
    // More credit than for what is missing and the first probes would only make more worlds.
    world.balance = min(world.balance, RepairWorld.allowance + world.missing.nonzeroBitCount)
    return world
  }

  // MARK: The host

  /// A frame leaves with the piece.
  private mutating func send(_ piece: Int, _ world: inout RepairWorld) {
    if piece < world.next {
      if world.acknowledged >> piece & 1 == 1 { machine.fail("RPR-I1", "sends again what arrived") }
      if !world.isProbeDue, world.missing >> piece & 1 == 0 {
        machine.fail("RPR-I1", "sends again what is not missing")
      }
      if world.balance == 0 { machine.fail("RPR-I2", "the budget is overdrawn") }
      world.balance = max(world.balance - 1, 0)
    }
    world.isProbeDue = false
    world.missing &= ~(1 << piece)
    world.next = max(world.next, piece + 1)
    world.frames.append(RepairWorld.Frame(piece: piece))
    if world.state == .missing, world.missing == 0 { _ = step(.repairsSent, &world) }
  }

  /// Tells the machine what arrived.
  private mutating func settle(_ world: inout RepairWorld) {
    if world.isAllAcknowledged {
      if world.state != .repaired { _ = step(.endAcknowledged, &world) }
      return
    }
    guard world.state == .missing || world.state == .repairing else { return }
    if world.acknowledged >> RepairWorld.end & 1 == 1 { world.isEndLost = false }
    guard world.missing == 0 else { return }
    if world.state == .missing || !world.gapsRemain { _ = step(.gapsClosed, &world) }
  }

  /// The oldest frames are lost, by evidence or with their path.
  private mutating func lose(_ count: Int, isEvidence: Bool, _ world: inout RepairWorld) {
    var gap = Gap()
    var isLowest = false
    for frame in world.frames.prefix(count) {
      world.missing |= 1 << frame.piece
      world.balance = min(world.balance + 1, 7)
      if frame.piece == RepairWorld.end {
        gap.isEnd = true
      } else {
        gap.end = max(gap.end, frame.piece + 1)
        if world.missing.trailingZeroBitCount == frame.piece { isLowest = true }
      }
    }
    world.frames.removeFirst(count)
    gap.lowest = world.lowestLost
    gap.tries = world.tries
    if isLowest, isEvidence {
      let lowest = UInt8(world.missing.trailingZeroBitCount)
      gap.tries = lowest == world.lowestLost ? world.tries + 1 : 1
      gap.lowest = lowest
    }
    _ = step(.gapFound, &world, gap)
  }

  /// What was lost at once.
  private struct Gap {
    var end = 0
    var isEnd = false
    var lowest: UInt8 = 3
    var tries: UInt8 = 0
  }

  private mutating func step(
    _ event: RepairNames.Event, _ world: inout RepairWorld, _ gap: Gap = Gap()
  ) -> [RepairNames.Action] {
    let before = world
    let isHopeless = gap.tries >= RepairWorld.mostTries
    var holding: UInt8 = 0
    if isHopeless { holding |= 1 << RepairNames.Guard.triesAreSpent.rawValue }
    if world.isBudgetSpent { holding |= 1 << RepairNames.Guard.budgetIsSpent.rawValue }
    if world.gapsRemain { holding |= 1 << RepairNames.Guard.gapsRemain.rawValue }
    var actions: [RepairNames.Action] = []
    if let row = machine.row(state: world.state.rawValue, event: event.rawValue, holding: holding) {
      actions = machine.table.actions[row].map { RepairNames.Action.allCases[Int($0)] }
      world.state = RepairNames.State.allCases[Int(machine.table.next[row])]
    }
    for action in actions {
      switch action {
      case .noteGap:
        world.gapEnd = max(world.gapEnd, gap.end)
        if gap.isEnd { world.isEndLost = true }
        world.lowestLost = gap.lowest
        world.tries = gap.tries
      case .clearGaps:
        world.gapEnd = 0
        world.lowestLost = 3
        world.tries = 0
      case .sendProbe, .reportFinished, .reportAbandoned: break
      }
    }
    check(event, isHopeless, before, world, actions)
    return actions
  }

  // MARK: Invariants

  /// What a step may lead to and has to do.
  private mutating func check(
    _ event: RepairNames.Event, _ isHopeless: Bool, _ before: RepairWorld, _ after: RepairWorld,
    _ actions: [RepairNames.Action]
  ) {
    func hold(_ action: RepairNames.Action, _ isWanted: Bool, _ invariant: String) {
      let count = actions.count { $0 == action }
      if count != (isWanted ? 1 : 0) {
        machine.fail(invariant, "\(action) \(count) times at \(event) in \(before.state)")
      }
    }
    let isAbandoning = event == .gapFound && isHopeless
    let isSessionOver = event == .sessionEnded
    if before.state != .repaired {
      if (after.state == .abandoned) != (isAbandoning || isSessionOver) {
        machine.fail("RPR-I3", "\(event) leads from \(before.state) to \(after.state)")
      }
      if (after.state == .repaired) != (event == .endAcknowledged) {
        machine.fail("RPR-I3", "\(event) leads from \(before.state) to \(after.state)")
      }
    }
    hold(.reportFinished, event == .endAcknowledged, "RPR-I3")
    hold(.reportAbandoned, isAbandoning, "RPR-I3")
    let isCovered = !before.isBudgetSpent
    hold(.sendProbe, event == .tailSilent && isCovered, isCovered ? "RPR-I4" : "RPR-I2")
    hold(.noteGap, event == .gapFound && !isAbandoning, "RPR-I5")
    hold(.clearGaps, event == .gapsClosed && !before.gapsRemain, "RPR-I5")
  }

  mutating func checkWorld(_ world: RepairWorld) {
    if world.state == .repaired, !world.isAllAcknowledged {
      machine.fail("RPR-I3", "finished with something missing")
    }
    guard !world.isOver else { return }
    if world.isAllAcknowledged { machine.fail("RPR-I3", "everything arrived, and it is not finished") }
    if (world.state == .missing) != (world.missing != 0) {
      machine.fail("RPR-I1", "\(world.state) with \(world.missing.nonzeroBitCount) pieces missing")
    }
    if (world.state == .complete) == world.gapsRemain {
      machine.fail("RPR-I5", "\(world.state), and gaps \(world.gapsRemain ? "remain" : "are closed")")
    }
  }

  func trace(of choice: Choice, in world: RepairWorld) -> [String] {
    var copy = self
    copy.machine.startTracing()
    _ = copy.apply(choice, to: world)
    return ["\(choice)"] + copy.machine.steps
  }
}
