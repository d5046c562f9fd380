import ArgumentParser
import Basics
import Simulator

/// `simulate rates`: prints how rate control does on a grid of modelled bottlenecks.
struct RatesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "rates",
    abstract: "Print how rate control does on modelled bottlenecks.",
    discussion: """
      Each line is a path: how much of it was used from the first packet on, what was sent again beyond what was \
      lost at random, how long packets waited in its queue on average and at most, the flows' shares after the first \
      third, and which goals were missed.
      """)

  @Option(help: "Seeds the losses and the timers' lateness.")
  var seed: UInt64 = 1

  @Option(help: "Only paths whose name contains this, such as \"100 Mbit/s, 20 ms\".")
  var only = ""

  @Flag(help: "Print the first flow's state every 100 ms as well.")
  var trace = false

  func run() throws {
    var missed = 0
    let entries = (RateTable.single(seed: seed) + RateTable.pairs(seed: seed)).filter { matches($0.name) }
    for entry in entries {
      let outcome = RateModel.run(
        entry.cell, observe: trace ? { print("  \($0.nanoseconds / 1_000_000) ms: \($1)") } : nil)
      let misses = entry.misses(outcome)
      if !misses.isEmpty { missed += 1 }
      var line =
        "\(entry.name): used \(Self.percent(outcome.utilisation)), again \(Self.percent(outcome.excess))"
      line +=
        ", waits \(Self.milliseconds(outcome.meanDelay)) to \(Self.milliseconds(outcome.maximumDelay)) ms"
      if outcome.shares.count > 1 {
        line += ", shares \(outcome.shares.map(Self.percent).joined(separator: " and "))"
      }
      print(misses.isEmpty ? line : line + "; misses: \(misses.joined(separator: ", "))")
    }
    print("\(entries.count) paths, \(missed) of them miss a goal")
  }

  private func matches(_ name: String) -> Bool {
    only.isEmpty || name.indices.contains { name[$0...].hasPrefix(only) }
  }

  private static func percent(_ part: Double) -> String { tenths(Int(part * 1_000 + 0.5)) + " %" }

  private static func milliseconds(_ interval: Interval) -> String {
    tenths(Int((interval.inMicroseconds + 50) / 100))
  }

  private static func tenths(_ count: Int) -> String { "\(count / 10).\(count % 10)" }
}
