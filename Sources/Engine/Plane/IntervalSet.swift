import DequeModule

/// A set of 64-bit numbers held as sorted, disjoint, non-adjacent half-open ranges: packet numbers that arrived
/// or are in flight, bytes that are acknowledged or wait for repair.
///
/// At both ends adding and taking out cost the same however many ranges there are; in the middle it costs a
/// search, and a move of ranges when their number changes.
struct IntervalSet {
  /// The ranges in ascending order.
  private(set) var ranges: Deque<Range<UInt64>> = []

  var isEmpty: Bool { ranges.isEmpty }
  /// The lowest range, if any.
  var first: Range<UInt64>? { ranges.first }

  /// The index of the first range that ends at or after `value`.
  private func index(endingAtOrAfter value: UInt64) -> Int {
    // New ranges nearly always extend the last one; what is taken out nearly always lies in the first.
    if let last = ranges.last, last.lowerBound <= value {
      return last.upperBound >= value ? ranges.count - 1 : ranges.count
    }
    if let first = ranges.first, first.upperBound >= value { return 0 }
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

  /// The lowest part of `range` that is in the set, in one piece.
  func firstOverlap(with range: Range<UInt64>) -> Range<UInt64>? {
    guard !range.isEmpty else { return nil }
    let index = index(endingAtOrAfter: range.lowerBound + 1)
    guard index < ranges.count, ranges[index].lowerBound < range.upperBound else { return nil }
    return ranges[index].clamped(to: range)
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
    if end == start {
      ranges.insert(merged, at: start)
    } else {
      ranges[start] = merged
      if end > start + 1 { ranges.removeSubrange(start + 1..<end) }
    }
  }

  /// Adds what of `range` is not in `other`; returns whether that was anything.
  mutating func insert(_ range: Range<UInt64>, without other: IntervalSet) -> Bool {
    var rest = range
    var isAnything = false
    while !rest.isEmpty {
      let held = other.firstOverlap(with: rest) ?? rest.upperBound..<rest.upperBound
      isAnything = isAnything || held.lowerBound > rest.lowerBound
      insert(rest.lowerBound..<held.lowerBound)
      rest = held.upperBound..<rest.upperBound
    }
    return isAnything
  }

  /// Takes `range` out, splitting what surrounds it.
  mutating func remove(_ range: Range<UInt64>) {
    guard !range.isEmpty, !ranges.isEmpty else { return }
    let start = index(endingAtOrAfter: range.lowerBound + 1)
    guard start < ranges.count, ranges[start].lowerBound < range.upperBound else { return }
    let left = ranges[start].lowerBound..<max(ranges[start].lowerBound, range.lowerBound)
    var end = start
    var right = range.upperBound..<range.upperBound
    while end < ranges.count, ranges[end].lowerBound < range.upperBound {
      right = range.upperBound..<max(ranges[end].upperBound, range.upperBound)
      end += 1
    }
    var next = start
    if !left.isEmpty {
      ranges[next] = left
      next += 1
    }
    if !right.isEmpty {
      if next < end { ranges[next] = right } else { ranges.insert(right, at: next) }
      next += 1
    }
    if next == 0, end == 1 {
      ranges.removeFirst()
    } else if next < end {
      ranges.removeSubrange(next..<end)
    }
  }

  /// Drops the lowest range and returns it.
  mutating func removeFirst() -> Range<UInt64>? { ranges.popFirst() }

  mutating func removeAll() { ranges.removeAll() }
}
