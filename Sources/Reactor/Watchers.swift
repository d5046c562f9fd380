import Basics
import CLibev
import Glibc

/// What a descriptor is ready for, or is watched for.
public struct IOEvents: OptionSet, Hashable, Sendable {
  public let rawValue: Int32
  public init(rawValue: Int32) { self.rawValue = rawValue }

  /// Reading will not block (data, end of stream or an error is there).
  public static let readable = IOEvents(rawValue: 1)
  /// Writing will not block.
  public static let writable = IOEvents(rawValue: 2)
}

/// Readiness of one descriptor. Cancel it before the descriptor is closed.
///
/// Dropping the last reference cancels. A descriptor that is closed under the watcher is reported once as
/// ready for everything, so that the next read or write finds the error.
public final class IOWatcher {
  private let loop: EventLoop
  private let watcher = UnsafeMutablePointer<ev_io>.allocate(capacity: 1)
  private var handler: ((IOEvents) -> Void)?
  private var noted: Int?
  /// The descriptor that is watched.
  public let descriptor: Int32

  /// The events to report; empty pauses. Without effect after `cancel()`.
  ///
  /// A change is only noted: the kernel is told once a round, just before the loop waits, so that turning an
  /// interest on and off again costs nothing.
  public var interest: IOEvents = [] {
    didSet {
      if interest != oldValue, handler != nil, noted == nil { noted = loop.noteChange(of: self) }
    }
  }

  init(_ loop: EventLoop, _ descriptor: Int32, _ handler: @escaping (IOEvents) -> Void) {
    self.loop = loop
    self.descriptor = descriptor
    self.handler = handler
    let callback: @convention(c) (OpaquePointer?, UnsafeMutablePointer<ev_io>?, Int32) -> Void = {
      _, watcher, events in
      guard let context = watcher?.pointee.data else { return }
      // The strong reference keeps watcher and handler alive while the handler runs, whatever it cancels.
      let this = Unmanaged<IOWatcher>.fromOpaque(context).takeUnretainedValue()
      this.fire(events)
    }
    derphole_ev_io_init(watcher, callback, descriptor, 0)
    watcher.pointee.data = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit {
    cancel()
    watcher.deallocate()
  }

  /// Stops for good and lets go of the handler.
  public func cancel() {
    if let index = noted { loop.dropChange(at: index) }
    noted = nil
    ev_io_stop(loop.raw, watcher)
    handler = nil
    interest = []
  }

  /// Hands the interest to libev. Called by the loop only.
  func applyInterest() {
    noted = nil
    guard handler != nil, watcher.pointee.active == 0 || watcher.pointee.events & 3 != interest.rawValue
    else { return }
    ev_io_stop(loop.raw, watcher)
    guard !interest.isEmpty else { return }
    // libev ends the process when epoll refuses a descriptor, so a closed one must not get there.
    guard fcntl(descriptor, F_GETFD) >= 0 else {
      interest = []
      loop.defer { [weak self] in self?.handler?([.readable, .writable]) }
      return
    }
    derphole_ev_io_modify(watcher, interest.rawValue)
    ev_io_start(loop.raw, watcher)
  }

  private func fire(_ events: Int32) {
    // An interest given up earlier in this round counts; libev does not know of it yet.
    let wanted = IOEvents(rawValue: events).intersection(interest)
    // libev stops a watcher whose descriptor epoll gave up on: reported once, as for a closed one.
    if watcher.pointee.active == 0 { interest = [] }
    if !wanted.isEmpty { handler?(wanted) }
  }
}

/// A one-shot timer on the monotonic clock. Never early; late by up to a millisecond (epoll's resolution) plus
/// whatever the loop is busy with.
///
/// Moving the deadline of an armed timer later costs a store: the running wait is left alone and prolonged
/// when it ends. Dropping the last reference disarms.
public final class LoopTimer {
  private let loop: EventLoop
  private let watcher = UnsafeMutablePointer<ev_timer>.allocate(capacity: 1)
  private let fire: () -> Void
  /// When the running libev timer ends; meaningful while it is active.
  private var wakesAt = Instant.zero

  /// When the timer will fire; nil while disarmed.
  public private(set) var deadline: Instant?

  init(_ loop: EventLoop, _ fire: @escaping () -> Void) {
    self.loop = loop
    self.fire = fire
    let callback: @convention(c) (OpaquePointer?, UnsafeMutablePointer<ev_timer>?, Int32) -> Void = {
      _, watcher, _ in
      guard let context = watcher?.pointee.data else { return }
      Unmanaged<LoopTimer>.fromOpaque(context).takeUnretainedValue().woke()
    }
    derphole_ev_timer_init(watcher, callback)
    watcher.pointee.data = Unmanaged.passUnretained(self).toOpaque()
  }

  deinit {
    ev_timer_stop(loop.raw, watcher)
    watcher.deallocate()
  }

  /// Fires once at `instant`, or in the next round of the loop when that has passed. Replaces what was armed.
  public func arm(at instant: Instant) {
    deadline = instant
    if watcher.pointee.active != 0, wakesAt <= instant { return }
    start(at: instant, now: loop.now)
  }

  /// Fires once `interval` from now.
  public func arm(after interval: Interval) { arm(at: loop.now + interval) }

  /// Forgets the deadline. Costs no system call and no heap work.
  public func disarm() { deadline = nil }

  private func start(at instant: Instant, now: Instant) {
    ev_timer_stop(loop.raw, watcher)
    // libev counts from the time it cached at the start of the round, so the timer may end early by the age
    // of that reading; `woke` then waits for the rest.
    derphole_ev_timer_set(watcher, max(0, (instant - now).inSeconds))
    ev_timer_start(loop.raw, watcher)
    wakesAt = instant
  }

  private func woke() {
    guard let due = deadline else { return }
    let now = loop.now
    if now < due { return start(at: due, now: now) }
    deadline = nil
    fire()
  }
}

/// Arrivals of one signal, reported on the loop. Dropping the last reference restores the default action.
public final class SignalWatcher {
  private let loop: EventLoop
  private let watcher = UnsafeMutablePointer<ev_signal>.allocate(capacity: 1)
  private var handler: (() -> Void)?

  init(_ loop: EventLoop, _ number: Int32, _ handler: @escaping () -> Void) {
    self.loop = loop
    self.handler = handler
    let callback: @convention(c) (OpaquePointer?, UnsafeMutablePointer<ev_signal>?, Int32) -> Void = {
      _, watcher, _ in
      guard let context = watcher?.pointee.data else { return }
      let this = Unmanaged<SignalWatcher>.fromOpaque(context).takeUnretainedValue()
      this.handler?()
    }
    derphole_ev_signal_init(watcher, callback, number)
    watcher.pointee.data = Unmanaged.passUnretained(self).toOpaque()
    ev_signal_start(loop.raw, watcher)
  }

  deinit {
    ev_signal_stop(loop.raw, watcher)
    watcher.deallocate()
  }

  /// Stops for good; the signal has its default action again.
  public func cancel() {
    ev_signal_stop(loop.raw, watcher)
    handler = nil
  }
}
