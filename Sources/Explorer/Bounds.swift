/// How far the explorer looks. Within its bounds it looks at everything.
public struct Bounds: Equatable, Sendable, CustomStringConvertible {
  /// Claimants that hold the same token, 1 to 3. One initial world has only acceptable claims, in another the
  /// last claimant's claim is not acceptable.
  public var claimants: Int
  /// Different messages in flight at once; what is sent beyond that is lost.
  public var messages: Int
  /// How many parties may crash, 0 to 3.
  public var crashes: Int
  /// How often the relay may go down, 0 to 3; everything in flight is lost then.
  public var restarts: Int

  public init(claimants: Int, messages: Int, crashes: Int, restarts: Int) {
    self.claimants = min(max(claimants, 1), World.maximumClaimants)
    self.messages = min(max(messages, 1), 24)
    self.crashes = min(max(crashes, 0), 3)
    self.restarts = min(max(restarts, 0), 3)
  }

  /// What `spec-compiler explore` uses.
  public static let full = Bounds(claimants: 2, messages: 3, crashes: 1, restarts: 1)
  /// Enough for every row to be taken and every mutation to be noticed.
  public static let small = Bounds(claimants: 2, messages: 2, crashes: 0, restarts: 1)

  public var description: String {
    "\(claimants) claimants, 1 acceptor, \(messages) messages in flight, \(crashes) crash(es), "
      + "\(restarts) relay restart(s); loss, doubling, delay and reordering without limit"
  }
}

/// A broken invariant and the shortest way there.
public struct Violation: Equatable, Sendable {
  /// The invariant's name, such as `CLM-I3`.
  public var invariant: String
  public var reason: String
  /// One line per step, in order.
  public var trace: [String]
}

/// What an exploration saw.
public struct Exploration: Sendable {
  /// The model and its bounds.
  public var model: String
  /// Different worlds reached.
  public var states: Int
  /// Steps between them, those that change nothing included.
  public var transitions: Int
  /// Nil when every invariant holds.
  public var violation: Violation?
  /// Rows that no step took, as `claim: idle --cancel--> givenUp`; only complete when nothing was violated.
  public var rowsNotTaken: [String]
}
