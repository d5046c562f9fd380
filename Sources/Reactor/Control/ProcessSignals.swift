import Glibc

/// The signals that steer a process that runs for long, as events on its loop.
public final class ProcessSignals {
  /// What a signal asks for.
  public enum Event: Hashable, Sendable {
    /// SIGINT or SIGTERM: end in good order. The exit status that goes with it is 128 and the number.
    case stop(status: Int32)
    /// Another one of those: do not wait for anything.
    case stopAtOnce(status: Int32)
    /// SIGHUP: read files again. Does not come once the process is to stop.
    case reload
  }

  private var watchers: [SignalWatcher] = []
  private var isStopping = false
  private var handler: ((Event) -> Void)?

  /// Handles the three signals until it is cancelled or dropped; only one at a time for a process.
  public init(_ loop: EventLoop, _ handler: @escaping (Event) -> Void) {
    self.handler = handler
    for number in [SIGINT, SIGTERM] {
      watchers.append(loop.onSignal(number) { [weak self] in self?.stop(128 + number) })
    }
    watchers.append(loop.onSignal(SIGHUP) { [weak self] in self?.reload() })
  }

  /// Gives the signals their default actions back.
  public func cancel() {
    for watcher in watchers { watcher.cancel() }
    watchers = []
    handler = nil
  }

  private func reload() {
    if !isStopping { handler?(.reload) }
  }

  private func stop(_ status: Int32) {
    let event: Event = isStopping ? .stopAtOnce(status: status) : .stop(status: status)
    isStopping = true
    handler?(event)
  }
}
