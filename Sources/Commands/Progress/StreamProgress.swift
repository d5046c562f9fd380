import Basics
import Reactor

/// What a session of streams carries at the moment.
struct StreamProgress {
  var counts: StreamHost.Counts
  var path: TransferProgress.Path?
  /// Bytes a second to and from the other side.
  var rates: (sent: UInt64, received: UInt64) = (0, 0)

  /// `3 connections (17 so far), 1.2 MB/s out, 340 kB/s in, direct`.
  var text: String {
    var parts = ["\(Self.connections(UInt64(counts.open))) (\(counts.total) so far)"]
    parts.append("\(RateFormat.size(rates.sent))/s out")
    parts.append("\(RateFormat.size(rates.received))/s in")
    if let path { parts.append(path.rawValue) }
    return parts.joined(separator: ", ")
  }

  /// The `progress` event.
  var json: JSONLine {
    JSONLine(event: "progress").adding("connections", counts.open).adding("connectionsTotal", counts.total)
      .adding("bytesSent", counts.bytesSent).adding("bytesReceived", counts.bytesReceived)
      .adding("bytesPerSecondSent", rates.sent).adding("bytesPerSecondReceived", rates.received)
      .adding("path", optional: path?.rawValue)
  }

  /// `17 connections, 1 refused; 1.2 GB out, 340 kB in, in 12.3 s`.
  func summary(_ elapsed: Interval) -> String {
    var parts = [Self.connections(counts.total)]
    if counts.refused > 0 { parts[0] += ", \(counts.refused) refused" }
    parts.append("\(RateFormat.size(counts.bytesSent)) out, \(RateFormat.size(counts.bytesReceived)) in")
    return parts.joined(separator: "; ") + ", in \(RateFormat.duration(elapsed))"
  }

  private static func connections(_ count: UInt64) -> String {
    count == 1 ? "1 connection" : "\(count) connections"
  }
}
