import Basics
import Wire

/// Counts the probes of one session by the address that they go to (PRB-I1): nobody can aim a session at a third party.
struct ProbeMeter {
  /// The most probes towards one address within any second.
  static let perSecond = 200
  /// The most probes of a session towards ports of one address that nobody told.
  static let guessesPerAddress = 2_048

  private struct Count {
    /// When the last `perSecond` probes left, as a ring.
    var times: [Instant] = []
    var next = 0
    var guesses = 0
  }

  private var counts: [IPAddress: Count] = [:]
  /// Probes in all.
  private(set) var total = 0

  /// Counts a probe; returns what is wrong with it, if anything.
  mutating func count(to remote: IPEndpoint, isGuess: Bool, at now: Instant) -> String? {
    total += 1
    if isGuess, remote.port < 1_024 { return "a probe of the guessed port \(remote)" }
    var count = counts[remote.address] ?? Count()
    defer { counts[remote.address] = count }
    if isGuess {
      count.guesses += 1
      if count.guesses > Self.guessesPerAddress { return "too many guessed probes towards \(remote.address)" }
    }
    guard count.times.count == Self.perSecond else {
      count.times.append(now)
      return nil
    }
    let oldest = count.times[count.next]
    count.times[count.next] = now
    count.next = (count.next + 1) % Self.perSecond
    return now - oldest < .seconds(1)
      ? "more than \(Self.perSecond) probes a second towards \(remote.address)" : nil
  }
}
