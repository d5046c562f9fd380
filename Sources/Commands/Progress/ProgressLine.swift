import Wire

/// Progress as text: one line of a terminal, or a line of a log.
enum ProgressLine {
  /// A line that takes at most `width` cells.
  ///
  /// When there is no room for everything, parts go in this order: the bar gets shorter, then the name, then both
  /// leave, then the files, the path, the time and the rate. Percent and bytes are always there, cut if they must be.
  static func text(_ progress: TransferProgress, width: Int, isUTF8: Bool) -> String {
    let facts = facts(progress)
    for level in Level.files.rawValue...Level.always.rawValue {
      let kept = facts.filter { $0.level.rawValue >= level }.map(\.text).joined(separator: "  ")
      // The last column stays free, for some terminals begin a new line when it is written.
      let free = width - 1 - DisplayText.width(kept)
      if level == Level.files.rawValue, let front = front(progress, cells: free - 2, isUTF8: isUTF8) {
        return front + "  " + kept
      }
      if free >= 0 { return kept }
    }
    let rest = facts.filter { $0.level == .always }.map(\.text).joined(separator: " ")
    return DisplayText.cut(rest, to: max(width - 1, 0))
  }

  /// The parts behind the bar in the order in which they leave.
  private enum Level: Int {
    case files, path, time, rate, always
  }

  private static let barCells = 8...24
  private static let nameCells = 8...24

  /// Name and bar in so many cells, as wide as they may be; nil when neither is wanted or fits.
  private static func front(_ progress: TransferProgress, cells: Int, isUTF8: Bool) -> String? {
    let hasBar = progress.percent != nil && progress.phase != .comparing
    let nameWidth = DisplayText.width(progress.name)
    let shortestName = min(nameWidth, nameCells.lowerBound)
    let shortestBar = hasBar ? barCells.lowerBound + 2 : 0
    var parts: [String] = []
    var left = cells
    if nameWidth > 0, shortestName + (hasBar ? 2 + shortestBar : 0) <= left {
      let room = min(left - (hasBar ? 2 + shortestBar : 0), nameCells.upperBound)
      parts.append(DisplayText.cut(progress.name, to: room))
      left -= DisplayText.width(parts[0]) + 2
    }
    if hasBar, shortestBar <= left {
      parts.append(bar(progress, cells: min(left - 2, barCells.upperBound), isUTF8: isUTF8))
    }
    return parts.isEmpty ? nil : parts.joined(separator: "  ")
  }

  /// `[█████▌    ]` or `[#####     ]`.
  static func bar(_ progress: TransferProgress, cells: Int, isUTF8: Bool) -> String {
    let steps = isUTF8 ? 8 : 1
    let share = progress.total.map { $0 == 0 ? 1 : min(Double(progress.bytes) / Double($0), 1) } ?? 0
    let filled = Int(share * Double(cells * steps))
    var text = String(repeating: isUTF8 ? "█" : "#", count: filled / steps)
    if filled % steps > 0 { text.append(["▏", "▎", "▍", "▌", "▋", "▊", "▉"][filled % steps - 1]) }
    return "[" + text + String(repeating: " ", count: cells - (filled + steps - 1) / steps) + "]"
  }

  private static func facts(_ progress: TransferProgress) -> [(text: String, level: Level)] {
    var facts: [(text: String, level: Level)] = []
    if let percent = progress.percent {
      let digits = "\(percent)%"
      facts.append((String(repeating: " ", count: 4 - digits.count) + digits, .always))
    }
    facts.append((amount(progress, separator: "/"), .always))
    switch progress.phase {
    case .comparing: facts.append(("comparing", .always))
    case .verifying: facts.append(("verifying", .always))
    case .moving:
      if let rate = progress.bytesPerSecond { facts.append((RateFormat.size(rate) + "/s", .rate)) }
      if progress.total != nil { facts.append((progress.secondsLeft.map(clock) ?? "-:--", .time)) }
    }
    if let path = progress.path { facts.append((path.rawValue, .path)) }
    if let files = progress.files { facts.append(("\(files.done)/\(files.total) files", .files)) }
    return facts
  }

  /// A line of a log: `photos: 40 %, 1.2 GB of 3.0 GB, 112 MB/s, 0:16 left, direct`.
  static func plain(_ progress: TransferProgress) -> String {
    var parts: [String] = []
    if let percent = progress.percent { parts.append("\(percent) %") }
    parts.append(amount(progress, separator: " of "))
    switch progress.phase {
    case .comparing: parts.append("comparing with what is there")
    case .verifying: parts.append("verifying")
    case .moving:
      if let rate = progress.bytesPerSecond { parts.append(RateFormat.size(rate) + "/s") }
      if let left = progress.secondsLeft { parts.append("\(clock(left)) left") }
    }
    if let files = progress.files { parts.append("\(files.done) of \(files.total) files") }
    if let path = progress.path { parts.append(path.rawValue) }
    return (progress.name.isEmpty ? "" : "\(progress.name): ") + parts.joined(separator: ", ")
  }

  private static func amount(_ progress: TransferProgress, separator: String) -> String {
    let bytes = RateFormat.size(progress.bytes)
    return progress.total.map { bytes + separator + RateFormat.size($0) } ?? bytes
  }

  /// `0:16`, `12:05`, `1:02:03`; nothing above 99 hours is worth a number.
  static func clock(_ seconds: UInt64) -> String {
    guard seconds < 99 * 3_600 else { return ">99 h" }
    let two = { (value: UInt64) in value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60)
    return hours > 0
      ? "\(hours):\(two(minutes)):\(two(seconds % 60))" : "\(minutes):\(two(seconds % 60))"
  }
}
