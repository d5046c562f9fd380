import Wire

/// Remembers which packet numbers arrived, so that none is taken twice, in bounded memory.
///
/// When too many gaps stay open the oldest is given up: every number below it then counts as seen. A sender never
/// relies on an old number, because a retransmission has a new one.
struct ReplayFilter {
  /// The most separate ranges that are remembered.
  static let maximumRanges = 256

  private var seen = IntervalSet()
  /// Numbers below this one count as seen.
  private var floor: UInt64 = 0

  /// The highest number seen.
  var largest: UInt64? { seen.ranges.last.map { $0.upperBound - 1 } }

  func hasSeen(_ packetNumber: UInt64) -> Bool {
    packetNumber < floor || seen.contains(packetNumber)
  }

  mutating func insert(_ packetNumber: UInt64) {
    seen.insert(packetNumber..<packetNumber + 1)
    if seen.ranges.count > Self.maximumRanges, let oldest = seen.removeFirst() {
      floor = max(floor, oldest.upperBound)
    }
  }

  /// Replaces `ranges` with the newest ones for an acknowledgement, the highest first. Reuses their memory.
  func storeNewest(into ranges: inout [PacketNumberRange]) {
    ranges.removeAll(keepingCapacity: true)
    let count = seen.ranges.count
    for index in stride(from: count - 1, through: max(0, count - Acknowledgement.maximumRanges), by: -1) {
      let range = seen.ranges[index]
      ranges.append(PacketNumberRange(lower: range.lowerBound, upper: range.upperBound - 1))
    }
  }
}
