// Generated from specs/tunnel.md by spec-compiler. Do not edit: change the table instead.

import Basics

/// The `tunnel` machine of `specs/tunnel.md`, where its rules stand.
public struct TunnelMachine: TransitionMachine {
  /// Where the machine stands.
  public enum State: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Nothing was begun
    case idle
    /// A session was begun; the server has not let it in yet
    case connecting
    /// The server is heard, local connections travel
    case open
    /// The server is not heard, or no way leads to it; local connections are held
    case silent
    /// No session; the next attempt waits for its time
    case resting
    /// The client is over
    case closed

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .idle: "idle"
      case .connecting: "connecting"
      case .open: "open"
      case .silent: "silent"
      case .resting: "resting"
      case .closed: "closed"
      }
    }
  }

  /// What can happen to it.
  public enum Event: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The host wants the tunnel
    case start
    /// The server has let the session in
    case established
    /// The session is over for a reason that may pass
    case ended
    /// The server refused or ended the session for a reason that no attempt can change
    case refused
    /// The server is not heard any more, or the last way to it is gone
    case silence
    /// The server gave a sign of life
    case heard
    /// The server does not know the session any more
    case restarted
    /// The window timer fired
    case windowElapsed
    /// The retry timer fired
    case retryDue
    /// The machine has other addresses or routes
    case networkChanged
    /// The user, or the host, wants to stop
    case stop

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .start: "start"
      case .established: "established"
      case .ended: "ended"
      case .refused: "refused"
      case .silence: "silence"
      case .heard: "heard"
      case .restarted: "restarted"
      case .windowElapsed: "windowElapsed"
      case .retryDue: "retryDue"
      case .networkChanged: "networkChanged"
      case .stop: "stop"
      }
    }
  }

  /// What a row may depend on.
  public enum Guard: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// The client was not told to give up after so many attempts
    case mayRetry

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .mayRetry: "mayRetry"
      }
    }
  }

  /// What the host has to do, in the order given.
  public enum Action: UInt8, CaseIterable, Sendable, CustomStringConvertible {
    /// Begin a session
    case startSession
    /// Give the session up: what is open in it is reset, the server is told as far as it hears
    case endSession
    /// Start the window timer
    case armWindow
    /// Stop the window timer
    case disarmWindow
    /// Start the retry timer with the next pause
    case armRetry
    /// Stop the retry timer
    case disarmRetry
    /// The next pause is the shortest one
    case resetPause
    /// Tell the host that connections travel
    case reportOpen
    /// Tell the host that the server is not heard
    case reportSilent
    /// Tell the host that the server is heard again
    case reportBack
    /// Tell the host that the session is over and another one follows
    case reportLost
    /// Tell the host that no further attempt is made
    case reportGivenUp
    /// Tell the host that the server does not want this client
    case reportRefused

    /// The spelling of the spec.
    public var description: String {
      switch self {
      case .startSession: "startSession"
      case .endSession: "endSession"
      case .armWindow: "armWindow"
      case .disarmWindow: "disarmWindow"
      case .armRetry: "armRetry"
      case .disarmRetry: "disarmRetry"
      case .resetPause: "resetPause"
      case .reportOpen: "reportOpen"
      case .reportSilent: "reportSilent"
      case .reportBack: "reportBack"
      case .reportLost: "reportLost"
      case .reportGivenUp: "reportGivenUp"
      case .reportRefused: "reportRefused"
      }
    }
  }

  /// How long each timer runs before it fires, once.
  public enum Timers {
    /// Fires as `windowElapsed`; started by `armWindow`.
    public static let window = Interval.milliseconds(300000)
    /// Fires as `retryDue`; started by `armRetry`.
    public static let retry = Interval.milliseconds(500)
  }

  public typealias Step = MachineStep<State, Event, Action>

  /// Where the machine stands now.
  public private(set) var state: State

  /// Starts a machine in its initial state, `idle`.
  public init() { state = .idle }

  /// Starts a machine elsewhere, for tests.
  init(state: State) { self.state = state }

  public static let name = "tunnel"

  /// Whether `state` is final: nothing changes it any more.
  public static func isTerminal(_ state: State) -> Bool {
    switch state {
    case .closed: true
    case .idle, .connecting, .open, .silent, .resting: false
    }
  }

  /// Takes one event; `holds` is asked for a guard when a row of the pair has one.
  public mutating func handle(_ event: Event, holds: (Guard) -> Bool) -> Step {
    let from = state
    switch Self.select(from, event, holds) {
    case .row(let index):
      let row = Self.rows[index]
      state = row.to
      return Step(
        machine: Self.name, from: from, event: event, to: row.to, actions: row.actions,
        rule: row.rule, row: index, kind: .moved)
    case .ignored(let rule):
      return Step(
        machine: Self.name, from: from, event: event, to: from, actions: [], rule: rule, row: nil,
        kind: .ignored)
    case .protocolError(let rule):
      return Step(
        machine: Self.name, from: from, event: event, to: from, actions: [], rule: rule, row: nil,
        kind: .protocolError)
    }
  }

  private static func select(
    _ state: State, _ event: Event, _ holds: (Guard) -> Bool
  ) -> RowSelection {
    switch state {
    case .idle:
      switch event {
      case .start: return .row(0)
      case .stop: return .row(1)
      case .established, .ended, .refused, .silence, .heard, .restarted,
        .windowElapsed, .retryDue:
        return .protocolError("TUN-11")
      case .networkChanged: return .ignored("TUN-8")
      }
    case .connecting:
      switch event {
      case .established: return .row(2)
      case .ended:
        if holds(.mayRetry) { return .row(3) }
        return .row(4)
      case .refused: return .row(5)
      case .stop: return .row(6)
      case .start, .windowElapsed, .retryDue: return .protocolError("TUN-11")
      case .silence, .heard, .restarted: return .ignored("TUN-2")
      case .networkChanged: return .ignored("TUN-8")
      }
    case .open:
      switch event {
      case .ended:
        if holds(.mayRetry) { return .row(8) }
        return .row(9)
      case .refused: return .row(10)
      case .silence: return .row(7)
      case .stop: return .row(11)
      case .start, .established, .windowElapsed, .retryDue: return .protocolError("TUN-11")
      case .heard, .restarted: return .ignored("TUN-4")
      case .networkChanged: return .ignored("TUN-8")
      }
    case .silent:
      switch event {
      case .ended:
        if holds(.mayRetry) { return .row(15) }
        return .row(16)
      case .refused: return .row(17)
      case .heard: return .row(12)
      case .restarted: return .row(13)
      case .windowElapsed: return .row(14)
      case .stop: return .row(18)
      case .start, .retryDue: return .protocolError("TUN-11")
      case .established, .silence: return .ignored("TUN-4")
      case .networkChanged: return .ignored("TUN-8")
      }
    case .resting:
      switch event {
      case .retryDue: return .row(19)
      case .networkChanged: return .row(20)
      case .stop: return .row(21)
      case .start, .established, .ended, .refused, .silence, .heard,
        .restarted, .windowElapsed:
        return .protocolError("TUN-11")
      }
    case .closed:
      switch event {
      case .start, .established, .ended, .refused, .silence, .heard,
        .restarted, .windowElapsed, .retryDue, .networkChanged, .stop:
        return .ignored("TUN-10")
      }
    }
  }

  /// How many rows the table has; `Step.row` counts from 0.
  public static let rowCount = 22

  /// What each row is, for coverage reports.
  public static let rowNames: [String] = [
    "idle --start--> connecting [TUN-1]",
    "idle --stop--> closed [TUN-9]",
    "connecting --established--> open [TUN-2]",
    "connecting --ended [mayRetry]--> resting [TUN-3]",
    "connecting --ended--> closed [TUN-3]",
    "connecting --refused--> closed [TUN-7]",
    "connecting --stop--> closed [TUN-9]",
    "open --silence--> silent [TUN-4]",
    "open --ended [mayRetry]--> resting [TUN-3]",
    "open --ended--> closed [TUN-3]",
    "open --refused--> closed [TUN-7]",
    "open --stop--> closed [TUN-9]",
    "silent --heard--> open [TUN-4]",
    "silent --restarted--> connecting [TUN-5]",
    "silent --windowElapsed--> connecting [TUN-6]",
    "silent --ended [mayRetry]--> resting [TUN-3]",
    "silent --ended--> closed [TUN-3]",
    "silent --refused--> closed [TUN-7]",
    "silent --stop--> closed [TUN-9]",
    "resting --retryDue--> connecting [TUN-3]",
    "resting --networkChanged--> connecting [TUN-8]",
    "resting --stop--> closed [TUN-9]",
  ]

  private static let rows: [(to: State, actions: [Action], rule: String)] = [
    (.connecting, [.startSession], "TUN-1"),
    (.closed, [], "TUN-9"),
    (.open, [.resetPause, .reportOpen], "TUN-2"),
    (.resting, [.armRetry, .reportLost], "TUN-3"),
    (.closed, [.reportGivenUp], "TUN-3"),
    (.closed, [.reportRefused], "TUN-7"),
    (.closed, [.endSession], "TUN-9"),
    (.silent, [.armWindow, .reportSilent], "TUN-4"),
    (.resting, [.armRetry, .reportLost], "TUN-3"),
    (.closed, [.reportGivenUp], "TUN-3"),
    (.closed, [.reportRefused], "TUN-7"),
    (.closed, [.endSession], "TUN-9"),
    (.open, [.disarmWindow, .reportBack], "TUN-4"),
    (.connecting, [.disarmWindow, .endSession, .reportLost, .startSession], "TUN-5"),
    (.connecting, [.endSession, .reportLost, .startSession], "TUN-6"),
    (.resting, [.disarmWindow, .armRetry, .reportLost], "TUN-3"),
    (.closed, [.disarmWindow, .reportGivenUp], "TUN-3"),
    (.closed, [.disarmWindow, .reportRefused], "TUN-7"),
    (.closed, [.disarmWindow, .endSession], "TUN-9"),
    (.connecting, [.startSession], "TUN-3"),
    (.connecting, [.disarmRetry, .resetPause, .startSession], "TUN-8"),
    (.closed, [.disarmRetry], "TUN-9"),
  ]
}
