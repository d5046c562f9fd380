import Basics
import Glibc

/// Notices that a small file has changed, was replaced, has appeared or gone, by looking at it once a second.
///
/// The state to compare with is taken when the watch is made: who reads the file after that misses nothing. libev's
/// own watcher compares times by the second and takes a read for a change, so it is not used.
public final class FileWatch {
  /// What tells one content of a name from another, as far as can be told without reading it.
  private struct State: Equatable {
    var device: dev_t
    var number: ino_t
    var size: off_t
    var modified: [Int]
    /// Also moves when the time of the content was set back, as copying tools do.
    var changed: [Int]
  }

  /// How often the file is looked at.
  public static let interval = Interval.seconds(1)

  private let path: String
  private let interval: Interval
  private let changed: () -> Void
  private var timer: LoopTimer?
  private var state: State?

  /// `changed` is called on the loop, at most once for each look. Links in the path are followed.
  public init(
    _ loop: EventLoop, path: String, interval: Interval = FileWatch.interval,
    changed: @escaping () -> Void
  ) {
    self.path = path
    self.interval = interval
    self.changed = changed
    state = Self.state(of: path)
    timer = loop.makeTimer { [weak self] in self?.look() }
    timer?.arm(after: interval)
  }

  /// Stops for good.
  public func cancel() { timer = nil }

  private func look() {
    timer?.arm(after: interval)
    let found = Self.state(of: path)
    guard found != state else { return }
    state = found
    changed()
  }

  private static func state(of path: String) -> State? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return State(
      device: status.st_dev, number: status.st_ino, size: status.st_size,
      modified: [status.st_mtim.tv_sec, status.st_mtim.tv_nsec],
      changed: [status.st_ctim.tv_sec, status.st_ctim.tv_nsec])
  }
}
