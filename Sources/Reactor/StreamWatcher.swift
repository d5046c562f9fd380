/// Calls back while a stream has something to read or room to write.
///
/// Knows what TLS asks of the socket underneath (a read that has to write first, decrypted bytes that no
/// descriptor announces), so that its user can treat plain and TLS streams alike. Neither callback has to
/// drain the stream: it is called again.
public final class StreamWatcher {
  private let loop: EventLoop
  private let stream: any ByteStream
  private var watcher: IOWatcher?
  private var readable: (() -> Void)?
  private var writable: (() -> Void)?
  private var retryQueued = false

  /// Whether to report that there is something to read (end and errors included).
  public var wantsRead = false { didSet { if wantsRead != oldValue { refresh() } } }
  /// Whether to report that there is room to write.
  public var wantsWrite = false { didSet { if wantsWrite != oldValue { refresh() } } }

  /// Reports nothing until `wantsRead` or `wantsWrite` is set.
  public init(
    _ loop: EventLoop, _ stream: any ByteStream, readable: @escaping () -> Void,
    writable: @escaping () -> Void
  ) {
    self.loop = loop
    self.stream = stream
    self.readable = readable
    self.writable = writable
    watcher = loop.watch(stream.descriptor) { [weak self] events in self?.fire(events) }
    stream.onPendingOutput = { [weak self] in self?.refresh() }
  }

  deinit { cancel() }

  /// Stops for good and lets go of the callbacks. To be called before the stream is closed.
  public func cancel() {
    watcher?.cancel()
    watcher = nil
    stream.onPendingOutput = nil
    readable = nil
    writable = nil
  }

  private func fire(_ events: IOEvents) {
    // A failure of the flush is kept by the stream and found by the callbacks below.
    if stream.hasPendingOutput, events.contains(.writable) { try? stream.flush() }
    if wantsRead, !events.isDisjoint(with: stream.needs(reading: true, writing: false)) { readable?() }
    if wantsWrite, !stream.hasPendingOutput,
      !events.isDisjoint(with: stream.needs(reading: false, writing: true))
    {
      writable?()
    }
    refresh()
  }

  private func refresh() {
    guard let watcher else { return }
    guard stream.descriptor >= 0 else { return cancel() }
    watcher.interest = stream.needs(reading: wantsRead, writing: wantsWrite)
    if wantsRead, stream.hasBufferedInput, !retryQueued {
      retryQueued = true
      loop.defer { [weak self] in self?.retry() }
    }
  }

  private func retry() {
    retryQueued = false
    if wantsRead, stream.hasBufferedInput { readable?() }
    refresh()
  }
}
