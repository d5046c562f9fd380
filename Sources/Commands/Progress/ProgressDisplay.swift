import Basics
import Wire

/// Where progress is shown, and when: a line of the terminal that is rewritten, lines of a log, or events for programs.
final class ProgressDisplay {
  enum Style {
    /// One line that is rewritten, ten times a second at most.
    case line
    /// A line after each tenth of the whole, but no more often than every ten seconds; by time alone while the size is
    /// unknown.
    case log
    /// Four events a second.
    case json
    case hidden
  }

  /// What the display needs of a terminal; tests put in their own.
  struct Screen {
    var width: () -> Int = { Console.width }
    var isUTF8 = Console.speaksUTF8
    /// Replaces the line; the second argument says whether what was there is longer.
    var status: (String, Bool) -> Void = { Console.status($0, erasing: $1) }
    var line: (String) -> Void = { Console.line($0) }
  }

  private static let logInterval = Interval.seconds(10)
  private static let logPercent = 10

  let style: Style
  private let screen: Screen
  private var meter = RateMeter()
  private var meterIn = RateMeter()
  private var shown = ""
  private var lastLog: (percent: Int, at: Instant)?

  init(_ style: Style, screen: Screen = Screen()) {
    self.style = style
    self.screen = screen
  }

  /// How often `show` should be called; nil for never.
  var interval: Interval? {
    switch style {
    case .line: .milliseconds(100)
    case .json: .milliseconds(250)
    case .log: .seconds(1)
    case .hidden: nil
    }
  }

  /// Shows where the payload is. The rate is measured here, whatever the argument says about it.
  func show(_ progress: TransferProgress, at now: Instant) {
    meter.add(progress.bytes, at: now)
    var progress = progress
    progress.bytesPerSecond = progress.phase == .moving ? meter.bytesPerSecond : nil
    switch style {
    case .line: draw(ProgressLine.text(progress, width: screen.width(), isUTF8: screen.isUTF8))
    case .log: log(progress, at: now)
    case .json: screen.line(Self.json(progress).text)
    case .hidden: break
    }
  }

  /// Shows what a session of streams carries. A log has a line for each connection instead, when it wants one.
  func show(_ progress: StreamProgress, at now: Instant) {
    meter.add(progress.counts.bytesSent, at: now)
    meterIn.add(progress.counts.bytesReceived, at: now)
    var progress = progress
    progress.rates = (meter.bytesPerSecond ?? 0, meterIn.bytesPerSecond ?? 0)
    switch style {
    case .line: draw(DisplayText.cut(progress.text, to: max(screen.width() - 1, 0)))
    case .json: screen.line(progress.json.text)
    case .log, .hidden: break
    }
  }

  /// Takes the line away, so that something else can be written. The next `show` brings it back.
  func clear() {
    guard !shown.isEmpty else { return }
    screen.status("", true)
    shown = ""
  }

  private func draw(_ text: String) {
    guard text != shown else { return }
    screen.status(text, DisplayText.width(text) < DisplayText.width(shown))
    shown = text
  }

  private func log(_ progress: TransferProgress, at now: Instant) {
    // The first line comes after an interval, too: most transfers are over before it, and their summary says all.
    guard let last = lastLog else {
      lastLog = (progress.percent ?? 0, now)
      return
    }
    let isFurther = progress.percent.map { $0 - last.percent >= Self.logPercent } ?? true
    guard isFurther, now - last.at >= Self.logInterval else { return }
    lastLog = (progress.percent ?? 0, now)
    screen.line(ProgressLine.plain(progress))
  }

  /// The `progress` event.
  static func json(_ progress: TransferProgress) -> JSONLine {
    var line = JSONLine(event: "progress").adding("bytes", progress.bytes)
    if let total = progress.total { line.add("total", total) }
    if progress.resumed > 0 { line.add("resumedBytes", progress.resumed) }
    if let files = progress.files {
      line.add("filesDone", files.done)
      line.add("files", files.total)
    }
    line.add("bytesPerSecond", progress.bytesPerSecond ?? 0)
    if let path = progress.path { line.add("path", path.rawValue) }
    switch progress.phase {
    case .moving: break
    case .comparing: line.add("phase", "comparing")
    case .verifying: line.add("phase", "verifying")
    }
    return line
  }
}
