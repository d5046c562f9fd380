import Basics

/// A bounded table whose entries end when nobody uses them, in the order of their last use. Nothing depends on the order
/// of a dictionary.
struct IdleTable<Key: Hashable, Value> {
  private struct Entry {
    var key: Key
    var value: Value
    var usedAt: Instant
    /// The neighbours in the order of use: places in `entries`, -1 at the ends.
    var before = -1
    var after = -1
  }

  private let limits: FlowLimits
  private var entries: [Entry?] = []
  private var free: [Int] = []
  private var places: [Key: Int] = [:]
  /// The ends of the order of use.
  private var oldest = -1
  private var newest = -1

  init(_ limits: FlowLimits) { self.limits = limits }

  var count: Int { places.count }

  /// When the entry that was used longest ago ends; nil for an empty table.
  var nextDeadline: Instant? { oldest < 0 ? nil : entries[oldest]!.usedAt + limits.idleTimeout }

  /// The value, which is used at `now`; nil when there is none.
  mutating func use(_ key: Key, at now: Instant) -> Value? {
    guard let place = places[key] else { return nil }
    entries[place]!.usedAt = now
    if place != newest {
      unlink(place)
      link(place)
    }
    return entries[place]!.value
  }

  /// Whether a new entry fits, once `makeRoom` has had its way.
  var isFull: Bool { count >= limits.flows }

  /// Adds an entry that is not there, used at `now`. There must be room.
  mutating func insert(_ key: Key, _ value: Value, at now: Instant) {
    precondition(!isFull && places[key] == nil)
    let entry = Entry(key: key, value: value, usedAt: now)
    let place = free.popLast() ?? entries.count
    if place == entries.count { entries.append(entry) } else { entries[place] = entry }
    places[key] = place
    link(place)
  }

  /// Takes the entry that was used longest ago out of a full table, if it has rested long enough.
  mutating func makeRoom(at now: Instant) -> (key: Key, value: Value)? {
    guard isFull, oldest >= 0, entries[oldest]!.usedAt + limits.evictableAfter <= now else { return nil }
    return remove(at: oldest)
  }

  /// Takes out the next entry whose time is over at `now`; nil when there is none.
  mutating func popExpired(at now: Instant) -> (key: Key, value: Value)? {
    guard let nextDeadline, nextDeadline <= now else { return nil }
    return remove(at: oldest)
  }

  /// Takes out whichever entry was used longest ago; nil when there is none.
  mutating func popOldest() -> (key: Key, value: Value)? { oldest < 0 ? nil : remove(at: oldest) }

  private mutating func remove(at place: Int) -> (key: Key, value: Value) {
    unlink(place)
    let entry = entries[place]!
    entries[place] = nil
    places[entry.key] = nil
    free.append(place)
    return (entry.key, entry.value)
  }

  /// Puts an entry behind the newest.
  private mutating func link(_ place: Int) {
    entries[place]!.before = newest
    entries[place]!.after = -1
    if newest >= 0 { entries[newest]!.after = place } else { oldest = place }
    newest = place
  }

  private mutating func unlink(_ place: Int) {
    let entry = entries[place]!
    if entry.before >= 0 { entries[entry.before]!.after = entry.after } else { oldest = entry.after }
    if entry.after >= 0 { entries[entry.after]!.before = entry.before } else { newest = entry.before }
  }
}
