import Simulator

/// What `simulate` prints.
enum SimulationReport {
  static func heading(_ options: Options) -> String {
    "seed \(options.seed), scenario \(options.scenario.rawValue)\n" + indented(options.assignments)
  }

  static func ending(_ result: RunResult) -> String {
    var lines = result.outcomes
    lines.append("\(decimal(result.seconds, digits: 3)) virtual seconds, digest \(result.digest)")
    lines.append(result.violation.map { "VIOLATION \($0)" } ?? "nothing happened that must not")
    return lines.joined(separator: "\n")
  }

  static func failure(_ result: RunResult) -> String {
    var lines = [
      "seed \(result.options.seed) (\(result.options.scenario.rawValue)): \(result.violation ?? "")"
    ]
    lines += result.outcomes.map { "  \($0)" }
    lines.append(indented(result.options.assignments))
    lines.append("  again: \(result.replayCommand)")
    return lines.joined(separator: "\n")
  }

  static func summary(_ batch: BatchSummary, seconds: Double) -> String {
    var lines: [String] = []
    for (name, count) in batch.coverage.rows { lines.append("\(padded(count, to: 7))  \(name)") }
    lines.append(
      "\(batch.runs) seeds in \(decimal(seconds, digits: 1)) s "
        + "(\(decimal(Double(batch.runs) / max(seconds, 1e-9), digits: 1)) a second), "
        + "\(decimal(batch.virtualSeconds, digits: 0)) virtual seconds, digest \(batch.digest)")
    lines.append(
      "\(batch.successes) transfers succeeded, \(batch.runs - batch.successes) ended otherwise, "
        + "\(batch.retransmissions) frames sent again")
    let missing = batch.coverage.missing
    lines.append(
      "\(batch.coverage.rows.count - missing.count) of \(batch.coverage.rows.count) rows taken"
        + (missing.isEmpty ? "" : "; never: " + missing.joined(separator: ", ")))
    lines.append(batch.failures == 0 ? "all clean" : "\(batch.failures) SEEDS FAILED")
    return lines.joined(separator: "\n")
  }

  private static func indented(_ assignments: [String]) -> String {
    "  " + assignments.joined(separator: " ")
  }

  private static func padded(_ number: Int, to width: Int) -> String {
    let text = "\(number)"
    return String(repeating: " ", count: max(0, width - text.count)) + text
  }

  private static func decimal(_ value: Double, digits: Int) -> String {
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = Int((value * scale).rounded())
    guard digits > 0 else { return "\(scaled)" }
    let fraction = "\(scaled % Int(scale))"
    return "\(scaled / Int(scale))." + String(repeating: "0", count: digits - fraction.count) + fraction
  }
}
