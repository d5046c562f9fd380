import Basics

/// What came out of one cell.
struct CellReport {
  /// One session.
  struct Attempt {
    var isDirect: Bool
    /// From the start of `pipe` to the first byte of payload out of `listen`.
    var firstByte: Interval
    /// The same of a session with `--force-relay`, just before, through the same routers.
    var relayedFirstByte: Interval
    /// From the first byte to both sides being direct; nil when that never was.
    var direct: Interval?
    var reason: String
  }

  let cell: Cell
  var attempts: [Attempt] = []
  /// What went wrong whatever the path was.
  var broken: [String] = []

  init(_ cell: Cell) { self.cell = cell }

  private var directCount: Int { attempts.count { $0.isDirect } }
  private var isDirect: Bool { directCount > 0 }

  /// What was not as expected.
  func failures(ignoringPath: Bool) -> [String] {
    var result = broken
    guard !ignoringPath, broken.isEmpty else { return result }
    switch cell.expectation {
    case .direct where directCount < attempts.count: result.append("relayed, but a direct path is possible")
    case .likely where !isDirect: result.append("relayed \(attempts.count) times of \(attempts.count)")
    case .relayed where isDirect: result.append("direct, which cannot be")
    default: break
    }
    return result
  }

  private var path: String {
    attempts.isEmpty ? "broken" : isDirect ? "direct" : "relayed"
  }

  private static let columns = [34, 8, 9, 9, 10, 10, 10]

  static func heading(_ options: LabOptions) -> String {
    let titles = ["sender x receiver", "path", "theory", "sessions", "first byte", "relay only", "direct"]
    return """
      round trip \(options.roundTrip) ms\(options.loss > 0 ? ", loss \(options.loss) of 10,000" : ""); \
      times in ms; sessions: direct of all; direct: after the first byte
      \(line(titles))
      """
  }

  /// The table's line; times are medians.
  var row: String {
    Self.line([
      cell.name, path, cell.expectation.rawValue, "\(directCount)/\(attempts.count)",
      Self.median(attempts.map(\.firstByte)), Self.median(attempts.map(\.relayedFirstByte)),
      Self.median(attempts.compactMap(\.direct)),
    ]) + (attempts.last.map { $0.reason.isEmpty ? "" : "  \($0.reason)" } ?? "")
  }

  /// The same for programs.
  var json: String {
    let sessions = attempts.map { attempt in
      "{\"direct\":\(attempt.isDirect),\"firstByteMicroseconds\":\(attempt.firstByte.inMicroseconds),"
        + "\"relayOnlyFirstByteMicroseconds\":\(attempt.relayedFirstByte.inMicroseconds),"
        + (attempt.direct.map { "\"directAfterMicroseconds\":\($0.inMicroseconds)," } ?? "")
        + "\"reason\":\(attempt.reason.asJSON)}"
    }
    return "{\"event\":\"cell\",\"name\":\(cell.name.asJSON),\"path\":\(path.asJSON),"
      + "\"theory\":\(cell.expectation.rawValue.asJSON),\"sessions\":[\(sessions.joined(separator: ","))],"
      + "\"broken\":[\(broken.map(\.asJSON).joined(separator: ","))]}"
  }

  /// The last lines of the table.
  static func summary(_ reports: [CellReport], failed: Int, _ options: LabOptions) -> String {
    let possible = reports.filter { $0.cell.expectation != .relayed }
    let slow = possible.filter { report in
      report.cell.isEasy && report.attempts.contains { ($0.direct ?? .zero) > .seconds(1) }
    }
    // Two sessions one after the other are never equally fast; this much more is a cause, not noise.
    let margin = Interval.milliseconds(options.roundTrip + 25)
    let late = reports.filter { report in
      report.attempts.contains { $0.firstByte > $0.relayedFirstByte + margin }
    }
    var lines = ["\(possible.count { $0.isDirect }) of \(possible.count) possible pairs direct"]
    if !slow.isEmpty {
      lines.append("direct later than 1 s though easy: \(slow.map(\.cell.name).joined(separator: ", "))")
    }
    if !late.isEmpty {
      lines.append(
        "first byte later than over the relay alone: \(late.map(\.cell.name).joined(separator: ", "))")
    }
    let sessions = reports.flatMap(\.attempts)
    lines.append(
      "first byte, median of all sessions: \(median(sessions.map(\.firstByte))) ms, over the relay alone "
        + "\(median(sessions.map(\.relayedFirstByte))) ms")
    lines.append("\(reports.count - failed) pairs as expected, \(failed) not")
    return lines.joined(separator: "\n")
  }

  private static func line(_ cells: [String]) -> String {
    zip(cells, columns).enumerated().map { index, cell in cell.0.padded(cell.1, right: index > 2) }
      .joined(separator: " ")
  }

  private static func median(_ values: [Interval]) -> String {
    guard !values.isEmpty else { return "-" }
    return Milliseconds.text(values.sorted()[values.count / 2])
  }
}

/// Times for people.
enum Milliseconds {
  /// Milliseconds with one digit after the point.
  static func text(_ interval: Interval) -> String {
    let tenths = interval.inMicroseconds / 100
    return "\(tenths / 10).\(tenths % 10)"
  }
}
