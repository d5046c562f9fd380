import Glibc

/// When a key stops to be accepted.
struct KeyExpiry: Equatable {
  private enum Moment: Equatable {
    case after(seconds: Int64)
    case at(unixSeconds: Int64)
  }

  private let moment: Moment
  private static let longestSeconds: Int64 = 100 * 366 * 86_400

  /// Parses `90m`, `12h`, `30d` or `2026-12-31T00:00:00Z`; nil for anything else.
  init?(_ text: String) {
    if let unit = text.last, let seconds = ["m": 60, "h": 3_600, "d": 86_400][unit] as Int64? {
      guard let number = Int64(text.dropLast()), number > 0, text.first != "+",
        number <= Self.longestSeconds / seconds
      else { return nil }
      moment = .after(seconds: number * seconds)
      return
    }
    guard let seconds = Timestamp.parse(text) else { return nil }
    moment = .at(unixSeconds: seconds)
  }

  /// Whether a key would be written that nobody can use.
  func isPast(nowUnixSeconds: Int64) -> Bool {
    if case .at(let seconds) = moment { seconds <= nowUnixSeconds } else { false }
  }

  /// As authorized_keys has it: `YYYYMMDDHHMMSSZ`.
  func text(nowUnixSeconds: Int64) -> String {
    var time =
      switch moment {
      case .after(let seconds): time_t(nowUnixSeconds + seconds)
      case .at(let seconds): time_t(seconds)
      }
    var fields = tm()
    gmtime_r(&time, &fields)
    var buffer = [CChar](repeating: 0, count: 32)
    strftime(&buffer, buffer.count, "%Y%m%d%H%M%SZ", &fields)
    return buffer.withUnsafeBufferPointer { $0.baseAddress.map { String(cString: $0) } ?? "" }
  }
}
