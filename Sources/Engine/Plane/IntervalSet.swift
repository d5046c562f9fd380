/// A set of 64-bit numbers held as sorted, disjoint, non-adjacent half-open ranges: packet numbers that arrived,
/// bytes that are acknowledged or wait for repair.
struct IntervalSet {
  /// The ranges in ascending order.
  private(set) var ranges: [Range<UInt64>] = []

  var isEmpty: Bool { ranges.isEmpty }
  /// The lowest range, if any.
  var first: Range<UInt64>? { ranges.first }

  /// The index of the first range that ends at or after `value`.
  private func index(endingAtOrAfter value: UInt64) -> Int {
    // New ranges nearly always extend the last one.
    if let last = ranges.last, last.lowerBound <= value {
      return last.upperBound >= value ? ranges.count - 1 : ranges.count
    }
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < value { low = middle + 1 } else { high = middle }
    }
    return low
  }

  func contains(_ value: UInt64) -> Bool {
    let index = index(endingAtOrAfter: value + 1)
    return index < ranges.count && ranges[index].contains(value)
  }

  /// Adds `range`, merging with what it overlaps or touches.
  mutating func insert(_ range: Range<UInt64>) {
    guard !range.isEmpty else { return }
    let start = index(endingAtOrAfter: range.lowerBound)
    var end = start
    var merged = range
    while end < ranges.count, ranges[end].lowerBound <= range.upperBound {
      merged = min(merged.lowerBound, ranges[end].lowerBound)..<max(merged.upperBound, ranges[end].upperBound)
      end += 1
    }
    if end == start + 1 {
      ranges[start] = merged
    } else {
      ranges.replaceSubrange(start..<end, with: CollectionOfOne(merged))
    }
  }

  /// Takes `range` out, splitting what surrounds it.
  mutating func remove(_ range: Range<UInt64>) {
    guard !range.isEmpty, !ranges.isEmpty else { return }
    let start = index(endingAtOrAfter: range.lowerBound + 1)
    var end = start
    var left: Range<UInt64>?
    var right: Range<UInt64>?
    while end < ranges.count, ranges[end].lowerBound < range.upperBound {
      let old = ranges[end]
      if old.lowerBound < range.lowerBound { left = old.lowerBound..<range.lowerBound }
      if old.upperBound > range.upperBound { right = range.upperBound..<old.upperBound }
      end += 1
    }
    guard end > start else { return }
    ranges.replaceSubrange(start..<end, with: [left, right].compactMap { $0 })
  }

  /// Drops the lowest range and returns it.
  mutating func removeFirst() -> Range<UInt64>? {
    ranges.isEmpty ? nil : ranges.removeFirst()
  }
}
