import Logging

/// Writes log messages to standard error: the bare message for a person, one JSON object a line for a program.
///
/// Metadata is for programs only; its `event` names the JSON event, otherwise the level does.
struct ConsoleLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level
  private let isJSON: Bool

  init(level: Logger.Level, isJSON: Bool) {
    logLevel = level
    self.isJSON = isJSON
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    Console.line(text(of: event.level, "\(event.message)", metadata.merging(event.metadata ?? [:]) { $1 }))
  }

  /// The line for one message.
  func text(of level: Logger.Level, _ message: String, _ metadata: Logger.Metadata) -> String {
    guard isJSON else { return level >= .warning ? "\(Program.current): \(level): \(message)" : message }
    var line = JSONLine(event: metadata["event"].map { "\($0)" } ?? "\(level)")
    for (name, value) in metadata.sorted(by: { $0.key < $1.key }) where name != "event" {
      line.add(name, "\(value)")
    }
    line.add("message", message)
    return line.text
  }
}
