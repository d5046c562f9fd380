import Basics

/// When a lost relay is dialled again, and when that is given up: back-off from 50 ms to 5 s with jitter, for a
/// minute without success.
struct RelaySchedule {
  static let firstDelay = Interval.milliseconds(50)
  static let longestDelay = Interval.seconds(5)
  static let giveUpAfter = Interval.seconds(60)

  /// The longest pause that a relay's restart notice can ask for.
  static let longestAnnouncedDelay = Interval.seconds(30)

  private let patience: Interval
  private let longestDelay: Interval
  private var delay = RelaySchedule.firstDelay
  private var lostAt: Instant?
  /// When the next attempt is due.
  private(set) var dialAt: Instant?

  /// - Parameters:
  ///   - patience: how long attempts may fail before it is time to give up.
  ///   - longestDelay: the longest pause between attempts.
  init(
    patience: Interval = RelaySchedule.giveUpAfter, longestDelay: Interval = RelaySchedule.longestDelay
  ) {
    self.patience = patience
    self.longestDelay = longestDelay
  }

  /// The connection was lost or an attempt failed. False when it is time to give up.
  ///
  /// - Parameter isNeeded: whether anything depends on the relay; otherwise it is never given up.
  mutating func lost(at now: Instant, isNeeded: Bool, random: inout some RandomNumberGenerator) -> Bool {
    let since = isNeeded ? lostAt ?? now : now
    lostAt = since
    guard now - since < patience else { return false }
    let jitter = Int64.random(in: 0...delay.nanoseconds / 2, using: &random)
    dialAt = now + delay + Interval(nanoseconds: jitter)
    delay = min(max(delay, Self.firstDelay) * 2, longestDelay)
    return true
  }

  /// The relay announced its restart: the first attempt waits as long as it asked, within reason.
  mutating func restartAnnounced(reconnectIn announced: Interval) {
    delay = max(Self.firstDelay, min(announced, Self.longestAnnouncedDelay))
  }

  /// An attempt is under way.
  mutating func dialling() { dialAt = nil }

  /// The relay answered: the next loss starts afresh.
  mutating func established() { self = RelaySchedule(patience: patience, longestDelay: longestDelay) }
}
