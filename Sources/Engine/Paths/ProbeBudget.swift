import Basics
import Wire

/// What probes may leave (PRB-2): so many a second in all and towards each address, and so many guesses at the
/// ports of an address in the whole session. Nobody can make us flood a third party, whatever candidates they name.
struct ProbeBudget {
  /// How fast a session's budget fills; with a whole burst that is at most 200 in any second.
  static let perSecond = 150
  /// Probes of a session that may leave at once.
  static let burst = 50
  /// Probes a second towards one address, whatever the ports, that are no guesses.
  static let perSecondToAddress = 20
  /// Probes towards one address that may leave at once.
  static let burstToAddress = 40
  /// Guesses at the ports of one address in a session.
  static let guessesPerAddress = 2_048
  /// Addresses that are kept apart; all others share one budget.
  static let maximumAddresses = 64

  /// A bucket that fills at a steady rate.
  private struct Bucket {
    var level: Double
    var updatedAt: Instant

    mutating func fill(perSecond: Int, burst: Int, at now: Instant) {
      level = min(Double(burst), level + max(0, (now - updatedAt).inSeconds) * Double(perSecond))
      updatedAt = max(updatedAt, now)
    }
  }

  private struct Destination {
    /// Nil: every address beyond the limit.
    let address: IPAddress?
    var bucket: Bucket
    var guesses = 0
  }

  private var session: Bucket
  private var destinations: [Destination] = []

  init(at now: Instant) { session = Bucket(level: Double(Self.burst), updatedAt: now) }

  private mutating func index(of address: IPAddress, at now: Instant) -> Int {
    if let index = destinations.firstIndex(where: { $0.address == address }) { return index }
    let isFull = destinations.count >= Self.maximumAddresses
    if isFull, let index = destinations.firstIndex(where: { $0.address == nil }) { return index }
    destinations.append(
      Destination(
        address: isFull ? nil : address,
        bucket: Bucket(level: Double(Self.burstToAddress), updatedAt: now)))
    return destinations.count - 1
  }

  /// Takes a probe to a known candidate from both budgets; false when they do not cover it.
  mutating func takeProbe(to address: IPAddress, at now: Instant) -> Bool {
    session.fill(perSecond: Self.perSecond, burst: Self.burst, at: now)
    guard session.level >= 1 else { return false }
    let index = index(of: address, at: now)
    destinations[index].bucket.fill(perSecond: Self.perSecondToAddress, burst: Self.burstToAddress, at: now)
    guard destinations[index].bucket.level >= 1 else { return false }
    destinations[index].bucket.level -= 1
    session.level -= 1
    return true
  }

  /// Takes a guess at a port of an address; false when the session's rate does not cover it now, or the address has
  /// had its share for good.
  mutating func takeGuess(to address: IPAddress, at now: Instant) -> Bool {
    session.fill(perSecond: Self.perSecond, burst: Self.burst, at: now)
    let index = index(of: address, at: now)
    // Half of the burst stays free for probes of candidates that somebody named.
    guard session.level >= Double(Self.burst / 2), destinations[index].guesses < Self.guessesPerAddress else {
      return false
    }
    destinations[index].guesses += 1
    session.level -= 1
    return true
  }

  /// How many guesses at the ports of an address are left in this session.
  func guessesLeft(to address: IPAddress) -> Int {
    Self.guessesPerAddress - (destinations.first { $0.address == address }?.guesses ?? 0)
  }
}
