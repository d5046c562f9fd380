import Basics
import Simulator
import Testing

/// Goals of rate control on modelled bottlenecks: a part of what `simulate rates` prints.
@Suite struct RateModelTests {
  private static func entry(_ name: String) throws -> RateTable.Entry {
    try #require((RateTable.single() + RateTable.pairs()).first { $0.name == name }, "\(name)")
  }

  static let alone = [
    "1 Mbit/s, 100 ms, loss 0.0, queue 4 BDP",
    "10 Mbit/s, 0.1 ms, loss 0.0, queue 50 ms", "10 Mbit/s, 20 ms, loss 0.0, queue 5 ms",
    "10 Mbit/s, 20 ms, loss 0.01, queue 50 ms", "10 Mbit/s, 100 ms, loss 0.05, queue 1 BDP",
    "10 Mbit/s, 100 ms, loss 0.0, queue 50 ms", "10 Mbit/s, 300 ms, loss 0.05, queue 50 ms",
  ]

  @Test(arguments: alone)
  func aFlowAloneUsesItsPathAndRepeatsLittle(_ name: String) throws {
    let entry = try Self.entry(name)
    let outcome = RateModel.run(entry.cell)
    #expect(entry.misses(outcome).isEmpty, "\(outcome)")
  }

  /// A slow link stays usable: the queue that we make is short, however long it may become.
  @Test func theQueueOfASlowLinkStaysShort() throws {
    var cell = try Self.entry("1 Mbit/s, 20 ms, loss 0.0, queue 4 BDP").cell
    cell.queue = .seconds(2)
    let outcome = RateModel.run(cell)
    #expect(outcome.utilisation > 0.9)
    #expect(outcome.meanDelay < .milliseconds(60))
  }

  @Test(arguments: [
    "10 Mbit/s, 20 ms, queue 50 ms, ours and ours", "10 Mbit/s, 20 ms, queue 50 ms, ours, then CUBIC",
    "10 Mbit/s, 20 ms, queue 50 ms, CUBIC, then ours",
    "10 Mbit/s, 0.1 ms, queue 50 ms, ours, then CUBIC",
    "10 Mbit/s, 100 ms, queue 1 BDP, CUBIC, then ours",
  ])
  func twoFlowsShareTheirPath(_ name: String) throws {
    let entry = try Self.entry(name)
    let outcome = RateModel.run(entry.cell)
    #expect(entry.misses(outcome).isEmpty, "\(outcome)")
  }

  @Test func aRunIsTheSameEveryTime() throws {
    let cell = try Self.entry("10 Mbit/s, 20 ms, loss 0.01, queue 50 ms").cell
    let (first, second) = (RateModel.run(cell), RateModel.run(cell))
    #expect(first.utilisation == second.utilisation && first.excess == second.excess)
    #expect(first.meanDelay == second.meanDelay && first.maximumDelay == second.maximumDelay)
  }
}
