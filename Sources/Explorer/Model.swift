/// One state of a model, small enough to be kept by the million.
protocol PackedWorld: Equatable {
  /// A word that differs between most worlds.
  var digest: UInt64 { get }
}

/// Where a choice may happen.
enum Weather {
  /// While the channel is healthy and everybody is patient.
  case healthy
  /// While the channel is healthy and long timers run out.
  case late
  /// Only while things go wrong.
  case faulty
}

/// What must be reached in the end.
struct Goal<World> {
  var invariant: String
  var reason: String
  /// Whether long timers may run out on the way.
  var isPatient: Bool
  /// The worlds that it must be reached from.
  var concerns: (World) -> Bool
  var isReached: (World) -> Bool
}

/// Machines and their surroundings, as `Search` walks through them.
protocol Model {
  associatedtype World: PackedWorld
  associatedtype Choice

  /// What is in the model and how far it goes, for the report.
  var summary: String { get }
  /// The first invariant that the current step broke.
  var broken: (invariant: String, reason: String)? { get }
  /// The rows that no step took yet, as `claim: idle --cancel--> givenUp`.
  var rowsNotTaken: [String] { get }
  var goals: [Goal<World>] { get }

  /// The worlds that everything starts in.
  func initialWorlds() -> [World]
  /// Calls `visit` with every choice that `world` offers, always in the same order.
  func forEachChoice(in world: World, _ visit: (Choice, Weather) -> Void)
  /// The world after `choice`. Invariants of the steps taken are noted in `broken`.
  mutating func apply(_ choice: Choice, to old: World) -> World
  /// Notes in `broken` what every single world must keep.
  mutating func checkWorld(_ world: World)
  /// The lines that a trace has for `choice` in `world`.
  func trace(of choice: Choice, in world: World) -> [String]
}
