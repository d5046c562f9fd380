import Basics

/// The paths that rate control was tuned on, and what it is to reach there.
public enum RateTable {
  /// A cell and its goals.
  public struct Entry: Sendable {
    public var name: String
    public var cell: RateModel.Cell
    /// The least part of the link that is to be used.
    public var leastUse: Double
    /// Between these the first flow's share is to lie; nil when it is alone.
    public var share: ClosedRange<Double>?

    /// What of the goals was missed, in words.
    public func misses(_ outcome: RateModel.Outcome) -> [String] {
      var misses: [String] = []
      if outcome.utilisation < leastUse { misses.append("use") }
      if share == nil, outcome.excess > RateTable.mostExcess { misses.append("repair") }
      if let share, !share.contains(outcome.shares[0]) { misses.append("share") }
      return misses
    }
  }

  /// The most that may be sent again beyond the loss, as a part of the payload.
  public static let mostExcess = 0.02
  private static let queues: [(name: String, length: @Sendable (Interval) -> Interval)] = [
    ("5 ms", { _ in .milliseconds(5) }), ("50 ms", { _ in .milliseconds(50) }), ("1 BDP", { $0 }),
    ("4 BDP", { $0 * 4 }),
  ]

  /// One flow of ours alone.
  public static func single(seed: UInt64 = 1) -> [Entry] {
    var entries: [Entry] = []
    for megabits in [1.0, 10, 100, 1_000] {
      for microseconds in [100, 20_000, 100_000, 300_000] as [Int64] {
        for loss in [0, 0.01, 0.05] {
          for queue in queues {
            let roundTrip = Interval.microseconds(microseconds)
            let cell = RateModel.Cell(
              megabits: megabits, roundTrip: roundTrip, loss: loss, queue: queue.length(roundTrip),
              duration: max(.seconds(8), roundTrip * 150), seed: seed)
            let use = loss == 0 ? 0.9 : loss == 0.01 ? 0.8 : 0.6
            entries.append(
              Entry(
                name:
                  "\(Int(megabits)) Mbit/s, \(milliseconds(roundTrip)) ms, loss \(loss), queue \(queue.name)",
                cell: cell, leastUse: use, share: nil))
          }
        }
      }
    }
    return entries
  }

  /// Two of ours, and one of ours beside CUBIC, whichever begins.
  public static func pairs(seed: UInt64 = 1) -> [Entry] {
    let kinds: [(name: String, flows: [RateModel.Competitor], share: ClosedRange<Double>)] = [
      ("ours and ours", [.ours, .ours], 0.4...0.6), ("ours, then CUBIC", [.ours, .cubic], 0.3...0.7),
      ("CUBIC, then ours", [.cubic, .ours], 0.3...0.7),
    ]
    var entries: [Entry] = []
    for megabits in [10.0, 100] {
      for microseconds in [100, 20_000, 100_000] as [Int64] {
        for queue in queues.dropFirst() where microseconds > 100 || queue.name == "50 ms" {
          for kind in kinds {
            let roundTrip = Interval.microseconds(microseconds)
            let cell = RateModel.Cell(
              megabits: megabits, roundTrip: roundTrip, queue: queue.length(roundTrip), flows: kind.flows,
              duration: .seconds(microseconds > 50_000 ? 60 : 30), seed: seed)
            let name =
              "\(Int(megabits)) Mbit/s, \(milliseconds(roundTrip)) ms, queue \(queue.name), \(kind.name)"
            entries.append(Entry(name: name, cell: cell, leastUse: 0.9, share: kind.share))
          }
        }
      }
    }
    return entries
  }

  private static func milliseconds(_ interval: Interval) -> String {
    interval < .milliseconds(1) ? "0.1" : "\(interval.inMilliseconds)"
  }
}
