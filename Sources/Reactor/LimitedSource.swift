import Basics

/// A source that gives no more than a rate, for users who want to leave something of their line to others.
public final class LimitedSource: PayloadSource {
  private let loop: EventLoop
  private let source: any PayloadSource
  private var allowance: ByteAllowance
  private var timer: LoopTimer?
  /// The allowance is used up: the source is not watched before the timer fires.
  private var isWaiting = false

  /// Set by the host: is called when `read` may have something again.
  public var readable: () -> Void = {}

  /// Set by the host: whether `readable` is wanted.
  public var wantsRead = false {
    didSet { source.wantsRead = wantsRead && !isWaiting }
  }

  /// Limits another source, which belongs to this one from now on.
  public init(_ loop: EventLoop, _ source: any PayloadSource, bytesPerSecond: UInt64) {
    self.loop = loop
    self.source = source
    allowance = ByteAllowance(bytesPerSecond: bytesPerSecond, at: loop.now)
    source.readable = { [unowned self] in self.readable() }
    timer = loop.makeTimer { [unowned self] in resume() }
  }

  /// Fills a part of `buffer` as far as the rate allows now.
  public func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileError) -> ReadResult {
    let allowed = allowance.bytes(at: loop.now)
    guard allowed > 0 else {
      pause()
      return .wouldBlock
    }
    let result = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(allowed)))
    if case .bytes(let count) = result { allowance.take(count) }
    return result
  }

  private func pause() {
    guard !isWaiting else { return }
    isWaiting = true
    source.wantsRead = false
    // Half a burst at a time, so that reads are large and the rate is still smooth.
    timer?.arm(at: allowance.time(for: max(1, allowance.burst / 2)))
  }

  private func resume() {
    isWaiting = false
    source.wantsRead = wantsRead
    if wantsRead { readable() }
  }
}
