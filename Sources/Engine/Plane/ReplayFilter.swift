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

  /// The newest ranges for an acknowledgement, the highest first.
  func acknowledgedRanges() -> [PacketNumberRange] {
    seen.ranges.suffix(Acknowledgement.maximumRanges).reversed().map {
      PacketNumberRange(lower: $0.lowerBound, upper: $0.upperBound - 1)
    }
  }
}
