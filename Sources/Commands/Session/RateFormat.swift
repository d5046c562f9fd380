import Basics

/// Sizes and rates for people, in decimal units.
enum RateFormat {
  /// `1.2 GB`, `340 kB`, `17 B`.
  static func size(_ bytes: UInt64) -> String {
    let units = ["kB", "MB", "GB", "TB", "PB", "EB"]
    guard bytes >= 1_000 else { return "\(bytes) B" }
    var value = Double(bytes) / 1_000
    var unit = 0
    while value >= 999.5, unit + 1 < units.count {
      value /= 1_000
      unit += 1
    }
    let tenths = Int((value * 10).rounded())
    return tenths >= 1_000 ? "\(tenths / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
  }

  /// The rate of `bytes` within `interval`.
  static func rate(_ bytes: UInt64, in interval: Interval) -> String {
    "\(size(UInt64(Double(bytes) / max(interval.inSeconds, 1e-6))))/s"
  }

  /// `340 ms`, `12.3 s`.
  static func duration(_ interval: Interval) -> String {
    let milliseconds = interval.inMilliseconds
    if milliseconds < 10_000 { return "\(milliseconds) ms" }
    return "\(milliseconds / 1_000).\(milliseconds % 1_000 / 100) s"
  }
}
