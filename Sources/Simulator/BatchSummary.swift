/// What came of many runs.
public struct BatchSummary: Sendable {
  public private(set) var runs: UInt64 = 0
  /// Runs in which something happened that must not.
  public private(set) var failures: UInt64 = 0
  /// Runs in which the payload arrived and both sides know it.
  public private(set) var successes: UInt64 = 0
  /// Frames that had to be sent again.
  public private(set) var retransmissions: UInt64 = 0
  public private(set) var virtualSeconds = 0.0
  public private(set) var coverage = RowCoverage()
  /// The digest of all runs' digests, in their order.
  public private(set) var digest = EventDigest()

  /// No runs.
  public init() {}

  /// Adds a run.
  public mutating func add(_ result: RunResult) {
    runs += 1
    if result.violation != nil { failures += 1 }
    if result.isSuccess { successes += 1 }
    retransmissions += result.retransmissions
    virtualSeconds += result.seconds
    coverage.add(result.coverage)
    digest.add("\(result.options.seed):\(result.digest)")
  }
}
