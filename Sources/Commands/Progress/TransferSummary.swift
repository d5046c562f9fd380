import Basics
import Engine
import Wire

/// What a transfer was, when it is over.
struct TransferSummary {
  enum Direction: String {
    case sent
    case received
  }

  /// Which of the two this side did; nil for streams, where it is plain.
  var direction: Direction?
  /// Safe to print; empty for a stream.
  var name = ""
  /// What is at the destination now.
  var bytes: UInt64
  /// How much of it was there before.
  var resumed: UInt64 = 0
  var files: Int?
  var elapsed: Interval
  /// How the payload travelled.
  var directBytes: UInt64
  var relayBytes: UInt64
  /// How much of what was sent was sent again, in thousandths; nil on the side that does not know.
  var repairedPerMille: Int?
  /// With `--verify`: the digest of the whole content.
  var digest: Bytes32?

  /// `sent photos: 3.0 GB in 26.8 s, 112 MB/s, direct, 0.3 % repaired`.
  var text: String {
    var parts: [String] = []
    let moved = bytes - min(resumed, bytes)
    parts.append("\(RateFormat.size(moved)) in \(RateFormat.duration(elapsed))")
    if moved > 0 { parts.append(RateFormat.rate(moved, in: elapsed)) }
    if let files { parts.append(files == 1 ? "1 file" : "\(files) files") }
    if resumed > 0 {
      parts.append("\(RateFormat.size(resumed)) of \(RateFormat.size(bytes)) were there already")
    }
    if let paths { parts.append(paths) }
    if let repairedPerMille, repairedPerMille > 0 {
      parts.append("\(repairedPerMille / 10).\(repairedPerMille % 10) % repaired")
    }
    let title = [direction?.rawValue, name.isEmpty ? nil : name].compactMap(\.self).joined(separator: " ")
    return (title.isEmpty ? "" : title + ": ") + parts.joined(separator: ", ")
  }

  /// `SHA-256 6b86b2…`, as `sha256sum` writes it.
  var digestText: String? { digest.map { "SHA-256 \($0.hex)" } }

  /// `direct`, `relay`, `direct and 12 % by relay`; nil when nothing travelled.
  private var paths: String? {
    switch (directBytes, relayBytes) {
    case (0, 0): return nil
    case (_, 0): return "direct"
    case (0, _): return "relay"
    default:
      let (all, overflow) = directBytes.addingReportingOverflow(relayBytes)
      let percent = Int((Double(relayBytes) / (overflow ? 1.8e19 : Double(all)) * 100).rounded())
      return percent == 0 ? "direct" : percent == 100 ? "relay" : "direct and \(percent) % by relay"
    }
  }

  /// The share of frames that were sent again, in thousandths.
  static func repaired(_ statistics: SessionStatistics) -> Int? {
    guard statistics.framesSent > 0 else { return nil }
    return Int((Double(statistics.framesRetransmitted) / Double(statistics.framesSent) * 1_000).rounded())
  }
}
