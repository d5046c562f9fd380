import Basics
import Testing
import Wire

@testable import Engine

@Suite("Interval sets")
struct IntervalSetTests {
  @Test("Ranges that overlap or touch become one")
  func merging() {
    var set = IntervalSet()
    set.insert(10..<20)
    set.insert(30..<40)
    #expect(set.ranges == [10..<20, 30..<40])
    set.insert(20..<25)
    #expect(set.ranges == [10..<25, 30..<40])
    set.insert(24..<31)
    #expect(set.ranges == [10..<40])
    set.insert(0..<10)
    #expect(set.ranges == [0..<40])
    set.insert(50..<50)
    #expect(set.ranges == [0..<40])
  }

  @Test("Taking out splits, shortens and removes")
  func removing() {
    var set = IntervalSet()
    set.insert(0..<100)
    set.remove(40..<60)
    #expect(set.ranges == [0..<40, 60..<100])
    set.remove(30..<70)
    #expect(set.ranges == [0..<30, 70..<100])
    set.remove(0..<30)
    #expect(set.first == 70..<100)
    set.remove(0..<200)
    #expect(set.isEmpty)
    set.remove(0..<200)
    #expect(set.isEmpty)
  }

  @Test("Overlaps are found from the lowest on, and what another set holds can be left out")
  func overlaps() {
    var set = IntervalSet()
    set.insert(10..<20)
    set.insert(30..<40)
    #expect(set.firstOverlap(with: 0..<10) == nil)
    #expect(set.firstOverlap(with: 0..<35) == 10..<20)
    #expect(set.firstOverlap(with: 15..<16) == 15..<16)
    #expect(set.firstOverlap(with: 20..<100) == 30..<40)
    #expect(set.firstOverlap(with: 40..<100) == nil)
    var rest = IntervalSet()
    let isAnything = [rest.insert(5..<50, without: set), rest.insert(12..<18, without: set)]
    #expect(isAnything == [true, false])
    #expect(rest.ranges == [5..<10, 20..<30, 40..<50])
  }

  @Test("The lowest range can be dropped")
  func droppingFirst() {
    var set = IntervalSet()
    set.insert(1..<2)
    set.insert(5..<6)
    #expect(set.removeFirst() == 1..<2)
    #expect(set.removeFirst() == 5..<6)
    #expect(set.removeFirst() == nil)
  }

  @Test("It agrees with a plain list of numbers, whatever is done to it", arguments: UInt64(0)..<20)
  func agreesWithModel(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var set = IntervalSet()
    var model = [Bool](repeating: false, count: 64)
    for _ in 0..<300 {
      let lower = Int.random(in: 0..<64, using: &random)
      let upper = Int.random(in: lower...64, using: &random)
      let adds = Bool.random(using: &random)
      for index in lower..<upper { model[index] = adds }
      if adds { set.insert(UInt64(lower)..<UInt64(upper)) } else { set.remove(UInt64(lower)..<UInt64(upper)) }
      #expect((0..<64).map { set.contains(UInt64($0)) } == model)
      // Sorted, disjoint, not adjacent, not empty.
      for (left, right) in zip(set.ranges, set.ranges.dropFirst()) {
        #expect(left.upperBound < right.lowerBound)
      }
      #expect(set.ranges.allSatisfy { !$0.isEmpty })
    }
  }
}

@Suite("Replay filter")
struct ReplayFilterTests {
  @Test("A number counts once")
  func once() {
    var filter = ReplayFilter()
    #expect(!filter.hasSeen(0))
    filter.insert(0)
    filter.insert(7)
    #expect(filter.hasSeen(0) && filter.hasSeen(7) && !filter.hasSeen(3))
    #expect(filter.largest == 7)
  }

  @Test("Memory is bounded: the oldest gaps are given up and count as seen")
  func bounded() {
    var filter = ReplayFilter()
    for number in 0..<10_000 { filter.insert(UInt64(number) * 2) }
    #expect(filter.hasSeen(1))
    #expect(!filter.hasSeen(19_997))
    var newest: [PacketNumberRange] = []
    filter.storeNewest(into: &newest)
    #expect(newest.count <= 32)
    // What was given up stays given up.
    filter.insert(3)
    #expect(filter.hasSeen(5))
  }

  @Test("Acknowledgements name the newest ranges, the highest first")
  func newestFirst() {
    var filter = ReplayFilter()
    for number in 0..<50 { filter.insert(UInt64(number) * 3) }
    var ranges: [PacketNumberRange] = []
    filter.storeNewest(into: &ranges)
    #expect(ranges.first?.upper == 147)
    #expect(zip(ranges, ranges.dropFirst()).allSatisfy { $0.lower > $1.upper + 1 })
  }
}
