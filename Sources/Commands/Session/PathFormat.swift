import Engine
import Wire

/// Where payload goes, for people and for programs.
enum PathFormat {
  /// `path: direct to 192.0.2.1:4242, round trip 12 ms, 1,452-byte datagrams: the reason`.
  static func text(_ report: PathReport) -> String {
    var text = "path: "
    switch report.path {
    case .relay: text += "relay"
    case .direct(let path): text += "direct to \(path.remote)"
    }
    if let microseconds = report.roundTripMicroseconds { text += ", round trip \(roundTrip(microseconds))" }
    if let size = report.datagramSize { text += ", \(grouped(size))-byte datagrams" }
    return report.reason.isEmpty ? text : "\(text): \(printable(report.reason))"
  }

  /// The `path` event of `--json`.
  static func json(_ report: PathReport) -> JSONLine {
    var line = JSONLine(event: "path")
    switch report.path {
    case .relay: line.add("path", "relay")
    case .direct(let path):
      line.add("path", "direct")
      line.add("remote", path.remote.description)
    }
    return line.adding("roundTripMicroseconds", optional: report.roundTripMicroseconds)
      .adding("datagramSize", optional: report.datagramSize.map(Int64.init))
      .adding("reason", report.reason)
  }

  /// `340 us`, `1.5 ms`, `12 ms`.
  static func roundTrip(_ microseconds: Int64) -> String {
    if microseconds < 1_000 { return "\(microseconds) us" }
    if microseconds < 10_000 { return "\(microseconds / 1_000).\(microseconds % 1_000 / 100) ms" }
    return "\(microseconds / 1_000) ms"
  }

  /// `1,452`.
  private static func grouped(_ value: Int) -> String {
    guard value >= 1_000 else { return "\(value)" }
    let rest = "\(value % 1_000)"
    return "\(value / 1_000),\(String(repeating: "0", count: 3 - rest.count))\(rest)"
  }
}
