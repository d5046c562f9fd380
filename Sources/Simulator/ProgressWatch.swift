import Basics

/// Notices runs that do not come to an end, and loops in which no time passes.
struct ProgressWatch {
  /// The most events of one instant.
  static let eventsPerInstant = 20_000
  /// The most events of a run.
  static let eventsPerRun = 4_000_000

  private var instant = Instant.zero
  private var eventsAtInstant = 0
  private var events = 0

  /// Counts an event; returns what is wrong, if anything.
  mutating func check(_ now: Instant, limit: Instant) -> String? {
    events += 1
    eventsAtInstant = now == instant ? eventsAtInstant + 1 : 1
    instant = now
    if eventsAtInstant > Self.eventsPerInstant { return "time does not pass" }
    if events > Self.eventsPerRun { return "too many events" }
    if now > limit { return "still running" }
    return nil
  }
}
