import Basics
import Engine
import Glibc
import Logging

/// Tells a person, or a program with `--json`, what a session does.
final class SessionReporter {
  private let options: GlobalOptions
  private let logger: Logger
  private let isTerminal = Console.isTerminal
  private var startedAt: Instant?
  private var lastBytes: UInt64 = 0
  private var lastShownAt: Instant?
  private var statusIsShown = false

  init(_ options: GlobalOptions) {
    self.options = options
    logger = Logger(label: "derphole") { _ in
      ConsoleLogHandler(level: options.verbose ? .trace : .warning, isJSON: options.json)
    }
  }

  /// Whether `progress` should be called now and then.
  var wantsProgress: Bool { !options.hideProgress && (options.json || isTerminal) }

  /// The token that the other side needs; printed once this side can be reached through the relay.
  var token: (text: String, isForStandardOutput: Bool)?

  /// What to do at the other side; printed like the token.
  var instruction: String?
  /// The code of a transfer, for `--json`.
  var code: String?
  /// What is known of the transfer that the session is for.
  var transfer = TransferReport()

  var isJSON: Bool { options.json }

  /// Something that a person wants to read; programs have the events.
  func hint(_ text: String) {
    guard !options.json else { return }
    line(text)
  }

  /// A line of its own.
  func line(_ text: String) {
    clearStatus()
    Console.line(text)
  }

  private func printToken() {
    if let code, options.json { JSONLine(event: "token").adding("token", code).emit() }
    if let instruction { hint(instruction) }
    instruction = nil
    code = nil
    guard let (token, isForStandardOutput) = token else { return }
    self.token = nil
    if isForStandardOutput {
      Console.write(token + "\n", to: STDOUT_FILENO)
    } else if options.json {
      JSONLine(event: "token").adding("token", token).emit()
    } else {
      Console.line(token)
    }
  }

  /// Something to know that is no failure.
  func warning(_ text: String) {
    clearStatus()
    logger.warning("\(text)")
  }

  /// A detail for `--verbose`.
  func detail(_ text: String) {
    guard options.verbose else { return }
    clearStatus()
    logger.debug("\(text)", metadata: ["event": "detail"])
  }

  /// Shows an event of the session.
  func show(_ event: SessionEvent, at now: Instant) {
    switch event {
    case .state(let state):
      if startedAt == nil, state == .connectedRelay || state == .connectedDirect { startedAt = now }
      if state == .waitingForClaim { printToken() }
      showState(state)
    case .transition(let record):
      guard options.verbose, record.row != nil || record.isProtocolError else { return }
      clearStatus()
      logger.trace(
        "\(record.description)",
        metadata: ["event": "transition", "machine": "\(record.machine)", "rule": "\(record.rule)"])
    case .relayLost(let reason):
      detail("relay lost, reconnecting: \(printable(reason))")
    case .relayNotice(let notice):
      detail(notice.description)
    case .path(let report): showPath(report)
    case .dialRelay, .closeRelay, .payloadEnded, .finished, .openSocket, .closeSocket: break
    }
  }

  private func showState(_ state: SessionState) {
    if options.json {
      JSONLine(event: "state").adding("state", state.rawValue).emit()
    } else {
      detail(state.rawValue)
    }
  }

  private func showPath(_ report: PathReport) {
    if options.json {
      PathFormat.json(report).emit()
    } else {
      detail(PathFormat.text(report))
    }
  }

  /// Shows how far the payload is.
  func progress(_ statistics: SessionStatistics, at now: Instant) {
    guard wantsProgress, let startedAt else { return }
    let bytes = statistics.payloadBytes
    let since = lastShownAt ?? startedAt
    let recent = bytes - min(lastBytes, bytes)
    if options.json {
      let rate = Int64(Double(recent) / max((now - since).inSeconds, 1e-6))
      JSONLine(event: "progress").adding("bytes", bytes).adding("bytesPerSecond", rate).emit()
    } else {
      Console.status("\(amount(bytes))  \(RateFormat.rate(recent, in: now - since))")
      statusIsShown = true
    }
    lastBytes = bytes
    lastShownAt = now
  }

  /// How much there is, and of how much.
  private func amount(_ payload: UInt64) -> String {
    guard transfer.held != nil, let size = transfer.offer?.size else { return RateFormat.size(payload) }
    return "\(RateFormat.size(transfer.done(payload))) of \(RateFormat.size(size))"
  }

  /// Shows the end and returns the exit code.
  func finish(_ outcome: SessionOutcome, _ statistics: SessionStatistics, at now: Instant) -> Int32 {
    let elapsed = startedAt.map { now - $0 } ?? .zero
    switch outcome {
    case .success(let bytes):
      if options.json {
        describe(JSONLine(event: "finished").adding("success", true), statistics, elapsed)
          .adding("bytes", bytes).emit()
      } else if statusIsShown {
        Console.status(
          "\(RateFormat.size(bytes)) in \(RateFormat.duration(elapsed)), \(RateFormat.rate(bytes, in: elapsed))\n"
        )
        statusIsShown = false
      }
      details(statistics, elapsed)
      return ExitStatus.success
    case .failure(let failure):
      let status = ExitStatus.of(failure)
      clearStatus()
      if options.json {
        describe(JSONLine(event: "finished").adding("success", false), statistics, elapsed)
          .adding("bytes", statistics.payloadBytes).adding("message", failure.description)
          .adding("exitStatus", status).emit()
      } else {
        Console.error(failure.description)
      }
      details(statistics, elapsed)
      return status
    }
  }

  private func describe(_ line: JSONLine, _ statistics: SessionStatistics, _ elapsed: Interval) -> JSONLine {
    line.adding("milliseconds", elapsed.inMilliseconds)
      .adding("framesSent", statistics.framesSent).adding("framesReceived", statistics.framesReceived)
      .adding("framesRefused", statistics.framesRefused)
      .adding("framesRetransmitted", statistics.framesRetransmitted)
      .adding("framesDuplicated", statistics.framesDuplicated)
      .adding("relayReconnections", statistics.relayReconnections)
      .adding("pathChanges", statistics.pathChanges).adding("directBytes", statistics.directBytes)
      .adding("relayBytes", statistics.relayBytes)
      .adding("roundTripMicroseconds", optional: statistics.roundTrip?.inMicroseconds)
  }

  private func details(_ statistics: SessionStatistics, _ elapsed: Interval) {
    guard options.verbose, !options.json else { return }
    let roundTrip = statistics.roundTrip.map { ", round trip \($0.inMicroseconds) us" } ?? ""
    Console.line(
      "\(statistics.payloadBytes) bytes in \(elapsed.inMilliseconds) ms; frames: \(statistics.framesSent) sent, "
        + "\(statistics.framesReceived) received, \(statistics.framesRetransmitted) sent again, "
        + "\(statistics.framesDuplicated) doubled, \(statistics.framesRefused) refused; "
        + "relay reconnections: \(statistics.relayReconnections)\(roundTrip); "
        + "\(statistics.directBytes) bytes direct, \(statistics.relayBytes) by relay, "
        + "path changes: \(statistics.pathChanges)")
  }

  private func clearStatus() {
    guard statusIsShown else { return }
    Console.status("")
    statusIsShown = false
  }
}
