import Basics
import Machines

/// Drives the tunnel machine (`specs/tunnel.md`): when a client begins, keeps and gives up its sessions.
public struct TunnelSupervisor {
  public struct Options: Hashable, Sendable {
    /// How long a session with a server that is not heard is kept.
    public var resumeWindow = TunnelMachine.Timers.window
    /// After so many attempts in a row that the server did not let in nobody tries again; nil for never.
    public var attempts: Int?
    /// The longest pause between attempts, without jitter.
    public var longestPause = Interval.seconds(10)

    public init() {}
  }

  /// What the host tells.
  public enum Event: Hashable, Sendable {
    case start
    case established
    /// The session is over; nil when it ended in good order.
    case ended(SessionFailure?)
    case silence
    case heard
    case restarted
    case networkChanged
    case stop
  }

  /// What the host has to do, in this order.
  public enum Effect: Hashable, Sendable {
    case startSession
    /// Reset what is open in the session and let it say goodbye.
    case endSession
    /// Ask the server whether it knows the session (`Session.askAgain`).
    case askAgain
    case open
    case silent
    case back(after: Interval)
    case lost(reason: String)
    /// The next attempt comes after this.
    case resting(Interval)
    case transition(TransitionRecord)
    case over(End)
  }

  public enum End: Hashable, Sendable {
    case stopped
    /// The server does not want this client, now or later.
    case refused(SessionFailure)
    /// So many attempts were in vain.
    case givenUp(SessionFailure?)

    /// What a person is told.
    public var failure: SessionFailure? {
      switch self {
      case .stopped: nil
      case .refused(let failure): failure
      case .givenUp(let failure): failure
      }
    }
  }

  public typealias State = TunnelMachine.State

  /// How often a server that is not heard is asked whether it knows the session.
  static let askInterval = Interval.seconds(1)

  private var machine = TunnelMachine()
  private let options: Options
  private var random: any RandomNumberGenerator
  private var failures = 0
  private var pause = TunnelMachine.Timers.retry
  private var windowAt: Instant?
  private var retryAt: Instant?
  private var askAt: Instant?
  private var silentSince: Instant?
  private var isEstablished = false

  public init(_ options: Options, random: any RandomNumberGenerator) {
    self.options = options
    self.random = random
  }

  public var state: State { machine.state }

  /// When `handleTimeout` is due.
  public var deadline: Instant? { [windowAt, retryAt, askAt].compactMap { $0 }.min() }

  /// Takes what happened.
  public mutating func handle(_ event: Event, at now: Instant) -> [Effect] {
    switch event {
    case .start: return step(.start, at: now)
    case .established: return step(.established, at: now)
    case .silence: return step(.silence, at: now)
    case .heard: return step(.heard, at: now)
    case .restarted: return step(.restarted, at: now, reason: "the server was started anew")
    case .networkChanged: return step(.networkChanged, at: now)
    case .stop: return step(.stop, at: now)
    case .ended(let failure):
      if !isEstablished { failures += 1 }
      isEstablished = false
      let isFinal = failure?.isFinal ?? false
      return step(
        isFinal ? .refused : .ended, at: now,
        reason: failure?.description ?? "the server has closed the session", failure: failure)
    }
  }

  /// Does what time makes due. A timer is cleared before it is reported, so it fires once (TUN-11).
  public mutating func handleTimeout(at now: Instant) -> [Effect] {
    var effects: [Effect] = []
    if let due = windowAt, due <= now {
      windowAt = nil
      effects += step(.windowElapsed, at: now, reason: "the server was not heard for too long")
    }
    if let due = retryAt, due <= now {
      retryAt = nil
      effects += step(.retryDue, at: now)
    }
    if let due = askAt, due <= now {
      // TUN-5: a server that was started anew answers, but not as it did.
      askAt = machine.state == .silent ? now + Self.askInterval : nil
      if machine.state == .silent { effects.append(.askAgain) }
    }
    return effects
  }

  private mutating func step(
    _ event: TunnelMachine.Event, at now: Instant, reason: String = "", failure: SessionFailure? = nil
  ) -> [Effect] {
    let mayRetry = options.attempts.map { failures < $0 } ?? true
    let step = machine.handle(event) { condition in
      switch condition {
      case .mayRetry: mayRetry
      }
    }
    var effects: [Effect] = [.transition(TransitionRecord(step))]
    for action in step.actions {
      switch action {
      // One at a time (TUN-1).
      case .startSession:
        isEstablished = false
        effects.append(.startSession)
      case .endSession: effects.append(.endSession)
      case .armWindow:
        silentSince = now
        windowAt = now + options.resumeWindow
        askAt = now
      case .disarmWindow:
        windowAt = nil
        askAt = nil
      case .armRetry: effects.append(.resting(rest(at: now)))
      case .disarmRetry: retryAt = nil
      // The server has let us in (TUN-2), or another network may be a better one (TUN-8).
      case .resetPause:
        pause = TunnelMachine.Timers.retry
        failures = 0
      case .reportOpen:
        isEstablished = true
        effects.append(.open)
      // Held, not lost (TUN-4).
      case .reportSilent: effects.append(.silent)
      case .reportBack:
        effects.append(.back(after: silentSince.map { now - $0 } ?? .zero))
        silentSince = nil
      // By a restart (TUN-5), the window's end (TUN-6) or the session's own end (TUN-3).
      case .reportLost:
        silentSince = nil
        effects.append(.lost(reason: reason))
      case .reportGivenUp: effects.append(.over(.givenUp(failure)))
      // No attempt can change it (TUN-7).
      case .reportRefused: if let failure { effects.append(.over(.refused(failure))) }
      }
    }
    // TUN-9; from then on nothing happens any more (TUN-10).
    if event == .stop, step.kind == .moved { effects.append(.over(.stopped)) }
    return effects
  }

  /// TUN-3: the pauses double, with jitter, so that clients of a server that was away do not come all at once.
  private mutating func rest(at now: Instant) -> Interval {
    let jitter = Int64.random(in: 0...pause.nanoseconds / 2, using: &random)
    let length = pause + Interval(nanoseconds: jitter)
    pause = min(pause * 2, options.longestPause)
    retryAt = now + length
    return length
  }
}

extension SessionFailure {
  /// Whether another attempt with the same credential would end in the same way (TUN-7).
  public var isFinal: Bool {
    switch self {
    case .refused(let code, _): code != "claimed" && code != "full"
    case .peerDeclined, .tokenExpired: true
    default: false
    }
  }
}
