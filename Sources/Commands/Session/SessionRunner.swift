import ArgumentParser
import Basics
import Engine
import Glibc
import Reactor

/// Runs one session to its end: loop, signals, progress. What all commands that move payload share.
final class SessionRunner {
  private let loop: EventLoop
  private let session: Session
  private let relay: RelayTarget
  private let options: GlobalOptions
  private let reporter: SessionReporter
  private var host: SessionHost?
  private var signals: [SignalWatcher] = []
  private var progressTimer: LoopTimer?
  private var signalStatus: Int32?
  private var status = ExitStatus.failure

  init(_ transfer: TransferSession, reporter: SessionReporter, options: GlobalOptions) {
    loop = transfer.loop
    session = transfer.session
    relay = transfer.relay
    self.options = options
    self.reporter = reporter
  }

  /// Somebody does not want what the peer offers.
  func decline(reason: String) { host?.decline(reason: reason) }

  /// What the peer says in a transfer makes no sense.
  func refuse(reason: String) { host?.refuse(reason: reason) }

  /// This side cannot go on.
  func fail(reason: String) { host?.fail(reason: reason) }

  /// Everything has been said over the session's streams: it ends in good order.
  func close() { host?.closeStreams() }

  /// Runs a session of one payload; returns the exit code.
  func run(source: (any PayloadSource)? = nil, output: (any PayloadOutput)? = nil) -> Int32 {
    run(source, output, streams: nil)
  }

  /// Runs a session of streams; returns the exit code.
  func run(streams: any StreamDriver) -> Int32 {
    // Each opener may have hundreds of connections.
    _ = RelayHost.raiseOpenFiles()
    return run(nil, nil, streams: streams)
  }

  private func run(
    _ source: (any PayloadSource)?, _ output: (any PayloadOutput)?, streams: (any StreamDriver)?
  ) -> Int32 {
    let host = SessionHost(
      loop, session, relay: relay.endpoint,
      direct: streams is StreamDoor
        ? nil : relay.directPaths(options, portMapping: reporter.portMapping(loop)), source: source,
      output: output,
      observer: { [unowned self] event in reporter.show(event, at: loop.now) },
      completion: { [unowned self] outcome in ended(outcome) })
    self.host = host
    host.streams = streams
    host.noted = { [unowned self] note in reporter.detail(note.description) }
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signals.append(loop.onSignal(number) { [unowned self] in interrupted(by: number) })
    }
    if let interval = reporter.progressInterval {
      progressTimer = loop.makeTimer { [unowned self] in showProgress(interval) }
      progressTimer?.arm(after: interval)
    }
    loop.defer { host.start() }
    loop.run()
    return status
  }

  private func showProgress(_ interval: Interval) {
    reporter.progress(session.statistics, at: loop.now)
    progressTimer?.arm(after: interval)
  }

  /// The first signal says goodbye to the peer; the second does not wait for that.
  private func interrupted(by number: Int32) {
    guard signalStatus == nil else { _exit(128 + number) }
    signalStatus = 128 + number
    // Streams have no end of their own: stopping them is how they end well.
    if let door = host?.streams as? StreamDoor {
      door.close { [weak self] in self?.host?.interrupt() }
    } else if host?.streams != nil {
      host?.closeStreams()
    } else {
      host?.interrupt()
    }
  }

  private func ended(_ outcome: SessionOutcome) {
    progressTimer?.disarm()
    status = reporter.finish(outcome, session.statistics, at: loop.now)
    if let signalStatus,
      outcome == .failure(.cancelled) || host?.streams != nil && status == ExitStatus.success
    {
      status = signalStatus
    }
    loop.stop()
  }
}

extension CommandFailure {
  /// Runs `body`; a descriptor that cannot be used is a failure of this command.
  static func using<Result>(_ body: () throws(FileError) -> Result) throws(CommandFailure) -> Result {
    do {
      return try body()
    } catch {
      throw CommandFailure("cannot use \(error)", status: ExitStatus.localInputOutput)
    }
  }
}

extension ParsableCommand {
  /// Runs `body` and ends the process with its exit code; a `CommandFailure` is printed in one line first.
  func exitWith(_ options: GlobalOptions, _ body: () throws -> Int32) throws {
    let status: Int32
    do {
      status = Program.current.exitStatus(try body())
    } catch let failure as CommandFailure {
      status = Program.current.exitStatus(failure.status)
      if options.json {
        JSONLine(event: "error").adding("message", failure.message).adding("exitStatus", status).emit()
      } else {
        Console.error(failure.message)
      }
    }
    if status != ExitStatus.success { throw ExitCode(status) }
  }
}
