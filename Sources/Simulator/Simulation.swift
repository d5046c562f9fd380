import Basics
import Engine

/// Runs of the virtual world.
public enum Simulation {
  /// Runs one world to its end.
  ///
  /// - Parameters:
  ///   - options: what it is made of.
  ///   - log: takes the event log, line by line; nil when nobody reads it.
  public static func run(_ options: Options, log: ((String) -> Void)? = nil) -> RunResult {
    let world = World(options, log: log)
    world.run()
    return RunResult(
      options: options, violation: world.violation, digest: world.digest, coverage: world.coverage,
      outcomes: world.outcomes, isSuccess: world.isSuccess,
      retransmissions: world.parties.reduce(0) { $0 + ($1.session?.statistics.framesRetransmitted ?? 0) },
      seconds: (world.now - Instant.zero).inSeconds)
  }
}
