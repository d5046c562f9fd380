import Basics
import CLibev
import Glibc

/// One thread's event loop: libev on epoll.
///
/// Everything that hangs on a loop (watchers, streams, dialers) belongs to the thread that runs it; none of it
/// is `Sendable`. Watchers keep the loop alive, never the other way round: dropping the last reference to a
/// watcher stops it, and a watcher that is cancelled is never called again, even when its event is already
/// pending in the round being handled.
public final class EventLoop {
  let raw: OpaquePointer
  private let prepare = UnsafeMutablePointer<ev_prepare>.allocate(capacity: 1)
  private let idle = UnsafeMutablePointer<ev_idle>.allocate(capacity: 1)
  private var deferred: [() -> Void] = []
  /// Watchers whose interest changed in this round. Unowned: a watcher removes itself when it goes.
  private var changed: [Unmanaged<IOWatcher>?] = []
  /// The ones being handled; empty otherwise. Kept for its memory.
  private var applying: [Unmanaged<IOWatcher>?] = []
  private var stopRequested = false
  private var isRunning = false

  /// Makes a loop. The process ignores SIGPIPE from then on, so that writing to a closed pipe is an error
  /// that can be reported; and standard descriptors that it was started without are occupied, so that no
  /// socket takes their place.
  public init() throws(ReactorError) {
    signal(SIGPIPE, SIG_IGN)
    StandardDescriptors.occupyClosed()
    // NOENV: the environment must not choose another backend.
    guard let raw = ev_loop_new(UInt32(EVFLAG_NOENV | EVBACKEND_EPOLL)) else {
      throw .noEventLoop
    }
    self.raw = raw
    derphole_ev_prepare_init(prepare) { _, watcher, _ in
      guard let context = watcher?.pointee.data else { return }
      Unmanaged<EventLoop>.fromOpaque(context).takeUnretainedValue().prepareToWait()
    }
    prepare.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    // The idle watcher only keeps the loop from waiting while work is queued.
    derphole_ev_idle_init(idle) { _, _, _ in }
    // Never balanced by an unref: the loop runs until stop(), watchers or not.
    ev_prepare_start(raw, prepare)
  }

  deinit {
    ev_idle_stop(raw, idle)
    ev_prepare_stop(raw, prepare)
    ev_loop_destroy(raw)
    idle.deallocate()
    prepare.deallocate()
  }

  /// The monotonic clock, read when asked.
  public var now: Instant {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Instant(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
  }

  /// Handles events until `stop()`. A `stop()` that came before makes it return at once. Not reentrant.
  public func run() {
    precondition(!isRunning, "the loop runs already")
    isRunning = true
    if !stopRequested { ev_run(raw, 0) }
    stopRequested = false
    isRunning = false
  }

  /// Ends `run()` as soon as the callback at hand returns and the events already fetched are handled.
  public func stop() {
    stopRequested = true
    ev_break(raw, Int32(EVBREAK_ONE))
  }

  /// Runs `work` once, on this loop, before the loop next waits. Work that defers more work lets other events
  /// through in between.
  public func `defer`(_ work: @escaping () -> Void) {
    deferred.append(work)
    if deferred.count == 1 { ev_idle_start(raw, idle) }
  }

  /// A timer that calls `fire` when armed and due.
  public func makeTimer(_ fire: @escaping () -> Void) -> LoopTimer { LoopTimer(self, fire) }

  /// Watches a descriptor; nothing is reported until `interest` is set. Regular files are always ready.
  public func watch(_ descriptor: Int32, _ handler: @escaping (IOEvents) -> Void) -> IOWatcher {
    IOWatcher(self, descriptor, handler)
  }

  /// Calls `handler` on the loop for each arrival of the signal. One loop per signal at a time.
  public func onSignal(_ number: Int32, _ handler: @escaping () -> Void) -> SignalWatcher {
    SignalWatcher(self, number, handler)
  }

  /// Notes a watcher whose interest must be told to libev before the loop waits; returns its place.
  func noteChange(of watcher: IOWatcher) -> Int {
    changed.append(.passUnretained(watcher))
    return changed.count - 1
  }

  /// Forgets a noted watcher.
  func dropChange(at index: Int) { changed[index] = nil }

  private func prepareToWait() {
    if !deferred.isEmpty {
      let round = deferred
      deferred = []
      ev_idle_stop(raw, idle)
      for work in round { work() }
    }
    // Last, right before libev hands its changes to epoll. No user code runs from here.
    guard !changed.isEmpty else { return }
    swap(&changed, &applying)
    for watcher in applying { watcher?.takeUnretainedValue().applyInterest() }
    applying.removeAll(keepingCapacity: true)
  }
}
