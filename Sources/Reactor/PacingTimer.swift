import Basics
import CSockets
import Glibc

/// A one-shot timer that is late by microseconds rather than by epoll's millisecond, for packets that are to leave
/// evenly. What is far away it leaves to an ordinary timer, which costs less.
public final class PacingTimer {
  /// What is nearer than this is waited for with the kernel's high-resolution clock.
  private static let nearby = Interval.milliseconds(3)

  private let loop: EventLoop
  private let fire: () -> Void
  private let descriptor: Int32
  private var watcher: IOWatcher?
  private var far: LoopTimer?
  /// What the kernel was told; zero while it is not to wake us.
  private var armed = Instant.zero

  /// When the timer will fire; nil while disarmed.
  public private(set) var deadline: Instant?

  /// A timer that calls `fire` when armed and due.
  public init(_ loop: EventLoop, _ fire: @escaping () -> Void) {
    self.loop = loop
    self.fire = fire
    // Without a descriptor to spare the ordinary timer serves alone.
    descriptor = derphole_timer_open()
    far = loop.makeTimer { [unowned self] in woke() }
    guard descriptor >= 0 else { return }
    watcher = loop.watch(descriptor) { [unowned self] _ in
      // Setting it anew takes back what there is to read.
      derphole_timer_set(descriptor, 0)
      armed = .zero
      woke()
    }
    watcher?.interest = .readable
  }

  deinit {
    watcher?.cancel()
    if descriptor >= 0 { close(descriptor) }
  }

  /// Fires once at `instant`, or in the next round of the loop when that has passed. Replaces what was armed.
  public func arm(at instant: Instant) {
    guard deadline != instant else { return }
    deadline = instant
    let now = loop.now
    guard descriptor >= 0, instant > now, instant - now < Self.nearby else {
      far?.arm(at: instant)
      return
    }
    far?.disarm()
    // An earlier wake finds that it is too early, and waits on.
    if armed != .zero, armed <= instant, armed > now { return }
    set(instant)
  }

  /// Forgets the deadline.
  public func disarm() {
    deadline = nil
    far?.disarm()
  }

  private func set(_ instant: Instant) {
    armed = instant
    derphole_timer_set(descriptor, instant.nanoseconds)
  }

  private func woke() {
    guard let due = deadline else { return }
    deadline = nil
    if loop.now < due { return arm(at: due) }
    fire()
  }
}
