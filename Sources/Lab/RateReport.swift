import Basics

/// What came out of one cell.
struct RateReport {
  let cell: RateCell
  /// Payload that arrived, in bits a second, of all our sessions.
  var goodput = 0.0
  /// What left the queue of the bottleneck meanwhile, in bits a second.
  var passed = 0.0
  /// Frames sent again and sent at all, both by our senders.
  var repeated = 0.0
  var sent = 0.0
  /// The share of our datagrams that was dropped at random.
  var lost = 0.0
  /// Packets that found the queue full.
  var queueDrops = 0
  /// Datagrams that the receiver's socket had no room for, and those that the lab lost though it should not.
  var overrun = 0
  var strayed = 0
  /// Seconds in the queue, the median and what 95 of 100 stay below.
  var queueDelay: (median: Double, high: Double)?
  /// Our first session's part of what all of them got.
  var share: Double?
  /// How much of our payload went directly.
  var direct = 0.0
  /// What is wrong however fast it was: bytes, exit codes, an end that does not come.
  var problems: [String] = []

  /// Sent again, of all frames sent.
  var repeatedShare: Double { sent > 0 ? repeated / sent : 0 }
  var beyondLoss: Double { repeatedShare - lost }

  private func ofLink(_ bits: Double) -> Double? { cell.bitsPerSecond.map { bits / Double($0) } }

  /// Goals that were not met.
  var missed: [String] {
    var result: [String] = []
    if let least = cell.leastUse, let use = ofLink(goodput), use < least {
      result.append("use \(Decimal.text(least, 2))")
    }
    if beyondLoss >= RateCell.mostBeyondLoss {
      result.append("repair \(Decimal.text(RateCell.mostBeyondLoss * 100, 0)) %")
    }
    if let wanted = cell.share, let share, !wanted.contains(share) {
      result.append("share \(Decimal.text(wanted.lowerBound, 1))-\(Decimal.text(wanted.upperBound, 1))")
    }
    return result
  }

  /// Losses that are neither the link's nor its queue's.
  private var notes: String {
    (overrun > 0 ? "; receiver's socket full: \(overrun)" : "")
      + (strayed > 0 ? "; lost by the lab itself: \(strayed)" : "")
  }

  private static let columns = [24, 9, 8, 8, 9, 9, 13, 7, 7, 7]

  static var heading: String {
    line([
      "link", "MB/s", "payload", "used", "repeated", "-loss", "queue ms", "full", "share", "direct", "goals",
    ])
  }

  var row: String {
    let queue = queueDelay.map { "\(Decimal.text($0.median * 1e3, 1)) / \(Decimal.text($0.high * 1e3, 1))" }
    return Self.line([
      cell.name, Decimal.text(goodput / 8e6, 2), ofLink(goodput).map { Decimal.text($0, 2) } ?? "-",
      ofLink(passed).map { Decimal.text($0, 2) } ?? "-", Self.percent(repeatedShare),
      Self.percent(beyondLoss),
      queue ?? "-", "\(queueDrops)", share.map { Decimal.text($0, 2) } ?? "-", Self.percent(direct),
      problems.isEmpty
        ? (missed.isEmpty ? "met" : "not met: \(missed.joined(separator: ", "))") + notes
        : "BROKEN: \(problems.joined(separator: "; "))",
    ])
  }

  private static func percent(_ share: Double) -> String { Decimal.text(share * 100, 1) + " %" }

  private static func line(_ cells: [String]) -> String {
    cells.enumerated().map { index, cell in
      index < columns.count ? cell.padded(columns[index], right: index > 0) : " " + cell
    }.joined(separator: " ")
  }

  /// The same for programs.
  var json: String {
    var members = [
      "\"event\":\"rate\"", "\"name\":\(cell.name.asJSON)", "\"bitsPerSecond\":\(Decimal.text(goodput, 0))",
      "\"repeatedShare\":\(Decimal.text(repeatedShare, 5))", "\"lostShare\":\(Decimal.text(lost, 5))",
      "\"queueDrops\":\(queueDrops)", "\"overrun\":\(overrun)", "\"strayed\":\(strayed)",
      "\"directShare\":\(Decimal.text(direct, 4))",
      "\"missed\":[\(missed.map(\.asJSON).joined(separator: ","))]",
      "\"problems\":[\(problems.map(\.asJSON).joined(separator: ","))]",
    ]
    if let use = ofLink(goodput) { members.append("\"payloadOfLink\":\(Decimal.text(use, 4))") }
    if let used = ofLink(passed) { members.append("\"usedOfLink\":\(Decimal.text(used, 4))") }
    if let share { members.append("\"share\":\(Decimal.text(share, 4))") }
    if let queueDelay {
      members.append("\"queueMicroseconds\":\(Decimal.text(queueDelay.median * 1e6, 0))")
      members.append("\"queueMicroseconds95\":\(Decimal.text(queueDelay.high * 1e6, 0))")
    }
    return "{\(members.joined(separator: ","))}"
  }
}
