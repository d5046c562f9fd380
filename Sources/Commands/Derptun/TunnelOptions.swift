import ArgumentParser
import Basics
import Engine

/// What `derptun serve`, `open` and `connect` share.
struct TunnelOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "How long connections are kept while the other side is not heard, such as 30s, 5m or 1h.",
      valueName: "duration"))
  var resumeWindow: DurationText?

  /// The window, or its default.
  var window: Interval { resumeWindow?.interval ?? TunnelSupervisor.Options().resumeWindow }
}

/// How a running tunnel is looked after.
struct OperationOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "What `derptun status` calls this process; role and process ID otherwise.", valueName: "name"))
  var name: String?

  @Option(
    name: .long,
    help: ArgumentHelp(
      "Serve metrics in Prometheus's text form here, at a loopback address only, such as 127.0.0.1:9100.",
      valueName: "address"))
  var metrics: String?

  @Option(
    name: .long,
    help: ArgumentHelp("Write `ready` to this inherited descriptor once it can be used.", valueName: "number")
  )
  var readyFd: Int32?
}

/// A length of time as options take it: a number with `ms`, `s`, `m` or `h`; alone it means seconds.
struct DurationText: ExpressibleByArgument, Equatable {
  /// Longer than anybody waits, and far from any overflow.
  private static let longest: Int64 = 366 * 86_400_000

  var interval: Interval

  init?(argument: String) {
    let digits = argument.prefix { $0.isASCII && $0.isNumber }
    let factor: Int64
    switch argument[digits.endIndex...] {
    case "ms": factor = 1
    case "", "s": factor = 1_000
    case "m", "min": factor = 60_000
    case "h": factor = 3_600_000
    case "d": factor = 86_400_000
    default: return nil
    }
    guard digits.count <= 12, let number = Int64(digits), number <= Self.longest / factor else { return nil }
    interval = .milliseconds(number * factor)
  }
}
