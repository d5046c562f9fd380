import Basics
import Engine
import Glibc
import Logging
import Reactor
import Wire

/// Tells a person, or a program with `--json`, what a session does.
final class SessionReporter {
  private let options: GlobalOptions
  private let logger: Logger
  private let display: ProgressDisplay
  private var startedAt: Instant?
  private var path: TransferProgress.Path?
  private var refusals: UInt64 = 0

  /// What this session moves, when it is more than a stream; is asked whenever progress is shown. With it there is
  /// always a summary at the end, and progress also where no terminal is.
  var transfer: (() -> TransferProgress)?
  /// The connections of a session of streams; is asked whenever progress is shown.
  var streams: (() -> StreamHost.Counts)?
  /// Whether progress begins with the wait for others, of whom several may come.
  var startsWaiting = false
  /// Whether a success needs no summary: what there is to say is said elsewhere.
  var isSilentAtEnd = false
  /// Which direction the summary speaks of.
  var direction: TransferSummary.Direction?
  /// The digest of the whole content for the summary, once it is known.
  var digest: () -> Bytes32? = { nil }
  /// What the other side needs; shown once this side can be reached through the relay.
  var invitation: Invitation?

  /// `movesFiles`: progress is also wanted where no terminal is.
  init(_ options: GlobalOptions, movesFiles: Bool = false) {
    self.options = options
    let style: ProgressDisplay.Style =
      if options.hideProgress {
        .hidden
      } else if options.json {
        .json
      } else if Console.isTerminal {
        .line
      } else {
        movesFiles ? .log : .hidden
      }
    display = ProgressDisplay(style)
    logger = Logger(label: "derphole") { _ in
      ConsoleLogHandler(level: options.verbose ? .trace : .warning, isJSON: options.json)
    }
  }

  /// How often `progress` should be called; nil for never.
  var progressInterval: Interval? { display.interval }

  /// Says what is about to be moved.
  func offer(_ offer: OfferDescription, _ verb: String) {
    if options.json { return offer.json.emit() }
    line("\(verb) \(offer.text)")
  }

  /// A line for a person, whatever progress shows; nothing with `--json`.
  func line(_ text: String) {
    guard !options.json else { return }
    display.clear()
    Console.line(text)
  }

  /// A connection that a service did not take: the first and then one in a hundred is worth a line, the rest are for
  /// `--verbose`.
  func refusal(_ text: String) {
    if refusals % 100 == 0 { warning(text) } else { detail(text) }
    refusals += 1
  }

  /// Something to know that is no failure.
  func warning(_ text: String) {
    display.clear()
    logger.warning("\(text)")
  }

  /// A detail for `--verbose`.
  func detail(_ text: String) {
    guard options.verbose else { return }
    display.clear()
    logger.debug("\(text)", metadata: ["event": "detail"])
  }

  /// Shows an event of the session.
  func show(_ event: SessionEvent, at now: Instant) {
    switch event {
    case .state(let state):
      if startedAt == nil, state == .connectedRelay || state == .connectedDirect || startsWaiting {
        startedAt = now
      }
      if state == .waitingForClaim {
        invitation?.show(isJSON: options.json)
        invitation = nil
      }
      showState(state)
    case .transition(let record):
      guard options.verbose, record.row != nil || record.isProtocolError else { return }
      display.clear()
      logger.trace(
        "\(record.description)",
        metadata: ["event": "transition", "machine": "\(record.machine)", "rule": "\(record.rule)"])
    case .relayLost(let reason):
      detail("relay lost, reconnecting: \(printable(reason))")
    case .relayNotice(let notice):
      detail(notice.description)
    case .path(let report): showPath(report)
    case .peerMissing(let isMissing):
      if options.json {
        JSONLine(event: "peer").adding("missing", isMissing).emit()
      } else {
        line(isMissing ? "the other side is silent; waiting for it" : "the other side is back")
      }
    case .dialRelay, .closeRelay, .payloadEnded, .finished, .openSocket, .closeSocket, .knock, .envelope,
      .peerRestarted:
      break
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
    if case .direct = report.path { path = .direct } else { path = .relay }
    if options.json {
      PathFormat.json(report).emit()
    } else {
      detail(PathFormat.text(report))
    }
  }

  /// Shows how far the payload is.
  func progress(_ statistics: SessionStatistics, at now: Instant) {
    guard let startedAt, now >= startedAt else { return }
    if let streams {
      display.show(StreamProgress(counts: streams(), path: path), at: now)
    } else {
      display.show(current(statistics), at: now)
    }
  }

  private func current(_ statistics: SessionStatistics) -> TransferProgress {
    var progress = transfer?() ?? TransferProgress(bytes: statistics.payloadBytes)
    progress.path = path
    return progress
  }

  /// Shows the end and returns the exit code.
  func finish(_ outcome: SessionOutcome, _ statistics: SessionStatistics, at now: Instant) -> Int32 {
    let elapsed = startedAt.map { now - $0 } ?? .zero
    display.clear()
    switch outcome {
    case .success where isSilentAtEnd:
      details(statistics, elapsed)
      return ExitStatus.success
    case .success where streams != nil:
      finishStreams(streams?() ?? StreamHost.Counts(), statistics, elapsed)
      return ExitStatus.success
    case .success(let bytes):
      let summary = summary(statistics, bytes, elapsed)
      if options.json {
        describe(JSONLine(event: "finished").adding("success", true), statistics, elapsed)
          .adding("bytes", summary.bytes).adding("resumedBytes", optional: summary.resumed)
          .adding("sha256", optional: digest()?.hex).emit()
      } else if transfer != nil || display.style == .line {
        Console.line(summary.text)
        if let digest = summary.digestText { Console.line(digest) }
      }
      details(statistics, elapsed)
      return ExitStatus.success
    case .failure(let failure):
      let status = ExitStatus.of(failure)
      if options.json {
        describe(JSONLine(event: "finished").adding("success", false), statistics, elapsed)
          .adding("bytes", current(statistics).bytes).adding("message", failure.description)
          .adding("exitStatus", status).emit()
      } else {
        Console.error(failure.description)
      }
      details(statistics, elapsed)
      return status
    }
  }

  private func finishStreams(
    _ counts: StreamHost.Counts, _ statistics: SessionStatistics, _ elapsed: Interval
  ) {
    if options.json {
      describe(JSONLine(event: "finished").adding("success", true), statistics, elapsed)
        .adding("connections", counts.total).adding("refused", counts.refused)
        .adding("bytesSent", counts.bytesSent).adding("bytesReceived", counts.bytesReceived).emit()
    } else {
      Console.line(StreamProgress(counts: counts).summary(elapsed))
    }
    details(statistics, elapsed)
  }

  private func summary(
    _ statistics: SessionStatistics, _ bytes: UInt64, _ elapsed: Interval
  ) -> TransferSummary {
    let last = transfer?()
    return TransferSummary(
      direction: direction, name: last?.name ?? "", bytes: last?.bytes ?? bytes, resumed: last?.resumed ?? 0,
      files: last?.files?.total, elapsed: elapsed, directBytes: statistics.directBytes,
      relayBytes: statistics.relayBytes,
      repairedPerMille: direction == .received ? nil : TransferSummary.repaired(statistics), digest: digest())
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
}
