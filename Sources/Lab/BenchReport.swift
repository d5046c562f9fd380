import Basics
import Glibc

/// The runs of one row.
struct BenchResult {
  let row: BenchRow
  var samples: [BenchSample] = []
  /// Why it has no samples, or not all of them.
  var problem: String?

  /// Median, least and most of a figure over all runs that have it.
  func spread(_ figure: (BenchSample) -> Double?) -> Spread? { Spread(samples.compactMap(figure)) }
}

/// Median, least and most.
struct Spread {
  let median: Double
  let least: Double
  let most: Double

  /// Nil without values.
  init?(_ values: [Double]) {
    guard !values.isEmpty else { return nil }
    let sorted = values.sorted()
    median = sorted[(sorted.count - 1) / 2]
    least = sorted[0]
    most = sorted[sorted.count - 1]
  }

  func text(_ digits: Int) -> String {
    "\(Decimal.text(median, digits)) (\(Decimal.text(least, digits))-\(Decimal.text(most, digits)))"
  }

  var json: String {
    "{\"median\":\(Decimal.text(median, 6)),\"least\":\(Decimal.text(least, 6)),\"most\":\(Decimal.text(most, 6))}"
  }
}

/// Numbers with a fixed count of digits after the point.
enum Decimal {
  static func text(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite, abs(value) < 1e12 else { return "null" }
    let scale = (0..<digits).reduce(1) { product, _ in product * 10 }
    let scaled = Int((value * Double(scale)).rounded())
    let sign = scaled < 0 ? "-" : ""
    guard digits > 0 else { return "\(scaled)" }
    let rest = "\(abs(scaled) % scale)"
    return "\(sign)\(abs(scaled) / scale).\(String(repeating: "0", count: digits - rest.count))\(rest)"
  }
}

/// The tables and the JSON of a benchmark.
struct BenchReport {
  let place: String
  let largeBytes: Int
  let smallBytes: Int
  let runs: Int
  let results: [BenchResult]
  let startUp: Spread?

  private static let roles = BenchStep.Role.allCases

  private var gibibytes: Double { Double(largeBytes) / Double(1 << 30) }

  /// What the other programs are compared with.
  private var reference: Double? {
    results.first { !$0.row.isSmall && $0.row.needs == "iperf3" }?.spread { $0.bytesPerSecond }?.median
  }

  /// The machine and what was done, for the heading.
  static func machine() -> (processors: Int, kernel: String, load: String) {
    let kernel = (try? TextFile.read("/proc/sys/kernel/osrelease"))?.split(separator: "\n").first ?? ""
    let load = (try? TextFile.read("/proc/loadavg"))?.split(separator: " ").first ?? ""
    return (Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))), String(kernel), String(load))
  }

  /// Markdown.
  var text: String {
    let large = results.filter { !$0.row.isSmall && !$0.samples.isEmpty }
    let small = results.filter { $0.row.isSmall && !$0.samples.isEmpty }
    var lines = [
      "| \(largeBytes >> 20) MiB through | MB/s | of iperf3 | CPU s/GiB sender / receiver / relay "
        + "| peak MiB sender / receiver / relay | on the wire | first byte ms |",
      "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    lines += large.map(largeRow)
    if !small.isEmpty {
      lines += [
        "",
        "| \(smallBytes) bytes through | whole ms | first byte ms | on the wire KB | peak MiB sender / receiver |",
        "| --- | --- | --- | --- | --- |",
      ]
      lines += small.map(smallRow)
    }
    if let startUp { lines += ["", "start-up, derphole version: \(startUp.text(1)) ms"] }
    return lines.joined(separator: "\n")
  }

  private func largeRow(_ result: BenchResult) -> String {
    let rate = result.spread { $0.bytesPerSecond / 1e6 }
    let ratio = reference.flatMap { reference in rate.map { Decimal.text($0.median * 1e6 / reference, 2) } }
    let processor = Self.roles.map { role in
      result.spread { $0.usage[role].map { $0.seconds / gibibytes } }.map { Decimal.text($0.median, 2) }
        ?? "-"
    }
    let wire = result.spread { $0.wireBytes.map { Double($0) / Double(largeBytes) } }
    return row([
      result.row.name, rate?.text(0) ?? "-", ratio ?? "-", processor.joined(separator: " / "),
      peaks(result, Self.roles), wire.map { Decimal.text($0.median, 3) + " x" } ?? "-",
      result.spread { $0.firstByteSeconds.map { $0 * 1e3 } }?.text(0) ?? "-",
    ])
  }

  private func smallRow(_ result: BenchResult) -> String {
    row([
      result.row.name, result.spread { $0.seconds * 1e3 }?.text(0) ?? "-",
      result.spread { $0.firstByteSeconds.map { $0 * 1e3 } }?.text(0) ?? "-",
      result.spread { $0.wireBytes.map { Double($0) / 1e3 } }?.text(1) ?? "-",
      peaks(result, [.sender, .receiver]),
    ])
  }

  private func peaks(_ result: BenchResult, _ roles: [BenchStep.Role]) -> String {
    roles.map { role in
      result.spread { $0.usage[role].map { Double($0.peakBytes) / Double(1 << 20) } }
        .map { Decimal.text($0.median, 0) } ?? "-"
    }.joined(separator: " / ")
  }

  private func row(_ cells: [String]) -> String { "| \(cells.joined(separator: " | ")) |" }

  /// The same for programs: every figure with its spread.
  var json: String {
    let machine = Self.machine()
    let rows = results.map { result in
      var members = [
        "\"name\":\(result.row.name.asJSON)", "\"group\":\"\(result.row.group.rawValue)\"",
        "\"bytes\":\(result.row.isSmall ? smallBytes : largeBytes)", "\"runs\":\(result.samples.count)",
      ]
      if let problem = result.problem { members.append("\"problem\":\(problem.asJSON)") }
      func add(_ name: String, _ spread: Spread?) {
        if let spread { members.append("\"\(name)\":\(spread.json)") }
      }
      add("seconds", result.spread { $0.seconds })
      if !result.row.isSmall { add("bytesPerSecond", result.spread { $0.bytesPerSecond }) }
      if let reference, !result.row.isSmall, let rate = result.spread({ $0.bytesPerSecond }) {
        members.append("\"ofIperf3\":\(Decimal.text(rate.median / reference, 4))")
      }
      for role in Self.roles {
        add("\(role.rawValue)ProcessorSeconds", result.spread { $0.usage[role]?.seconds })
        add("\(role.rawValue)PeakBytes", result.spread { $0.usage[role].map { Double($0.peakBytes) } })
      }
      add("wireBytes", result.spread { $0.wireBytes.map(Double.init) })
      add("firstByteSeconds", result.spread { $0.firstByteSeconds })
      return "{\(members.joined(separator: ","))}"
    }
    let startUp = startUp.map { ",\"startUpMilliseconds\":\($0.json)" } ?? ""
    return
      "{\"place\":\(place.asJSON),\"processors\":\(machine.processors),\"kernel\":\(machine.kernel.asJSON),"
      + "\"runs\":\(runs)\(startUp),\"rows\":[\(rows.joined(separator: ","))]}"
  }
}
