import Basics

/// Pairs that carried probes but failed their confirmation (PRM-2). A bar grows with each failure; it is forgotten
/// when the pair is confirmed after all.
struct PathBars {
  static let shortest = Interval.seconds(5)
  static let longest = Interval.seconds(300)
  /// Bars that are kept; the oldest is dropped first.
  static let maximumCount = 64

  private struct Bar {
    let path: DirectPath
    var until: Instant
    var length: Interval
  }

  private var bars: [Bar] = []

  func isBarred(_ path: DirectPath, at now: Instant) -> Bool {
    bars.contains { $0.path == path && $0.until > now }
  }

  mutating func bar(_ path: DirectPath, at now: Instant) {
    var length = Self.shortest
    if let index = bars.firstIndex(where: { $0.path == path }) {
      length = min(bars[index].length * 2, Self.longest)
      bars.remove(at: index)
    }
    if bars.count >= Self.maximumCount { bars.removeFirst() }
    bars.append(Bar(path: path, until: now + length, length: length))
  }

  mutating func forget(_ path: DirectPath) { bars.removeAll { $0.path == path } }

  /// Another network may carry what this one did not.
  mutating func forgetAll() { bars.removeAll() }

  /// When the next bar is over.
  func nextEnd(after now: Instant) -> Instant? { bars.lazy.map(\.until).filter { $0 > now }.min() }
}
