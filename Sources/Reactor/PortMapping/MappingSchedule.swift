import Basics

/// When a request that got no answer is sent again: after 250 ms, 500 ms, 1 s; given up 2 s later. That is
/// RFC 6886's schedule (section 3.1), cut short because a router on the same link answers at once or never.
enum MappingRetransmission {
  /// How long to wait for an answer after sending for the `attempt`th time, counted from 0; nil: give up.
  static func wait(afterAttempt attempt: Int) -> Interval? {
    (0..<4).contains(attempt) ? .milliseconds(250 << Int64(attempt)) : nil
  }

  /// From the first packet to giving up.
  static let limit = Interval.milliseconds(3_750)
}

/// The pause between attempts: doubled after each failure, forgotten after a success.
struct MappingBackOff {
  private let first: Interval
  private let longest: Interval
  private var next: Interval

  init(first: Interval, longest: Interval) {
    self.first = first
    self.longest = longest
    next = first
  }

  /// The pause after one more failure.
  mutating func pause() -> Interval {
    defer { next = min(next * 2, longest) }
    return min(next, longest)
  }

  mutating func reset() { next = first }
}

/// What a router promised, and when to ask it again.
struct MappingLease {
  /// Shorter promises would have us ask all the time, longer ones never.
  static let bounds = Interval.seconds(60)...Interval.seconds(86_400)
  /// When less than this is left, a mapping that cannot be renewed counts as lost.
  static let margin = Interval.seconds(10)

  let expires: Instant

  init(lifetime: Interval, at now: Instant) {
    expires = now + min(max(lifetime, Self.bounds.lowerBound), Self.bounds.upperBound)
  }

  /// When to renew: when half of what is left has passed (RFC 6886 section 3.3, RFC 6887 section 11.2.1); nil
  /// when it is too late.
  func renewal(at now: Instant) -> Instant? {
    let left = expires - now
    return left < Self.margin ? nil : now + left / 2
  }
}

/// Notices that a router lost its mappings, by the clock that it sends along (RFC 6887, section 8.5; the rule
/// of RFC 6886, section 3.6, is a laxer form of it).
struct EpochWatch {
  private var last: (epoch: UInt32, at: Instant)?

  /// Takes a router's clock, in seconds, as read `now`; false when it does not continue the one seen before.
  mutating func isContinuous(_ epoch: UInt32, at now: Instant) -> Bool {
    defer { last = (epoch, now) }
    guard let last else { return true }
    let server = Int64(epoch) - Int64(last.epoch)
    // Packets may be overtaken: one second back is nothing.
    guard server >= -1 else { return false }
    let client = (now - last.at).nanoseconds / 1_000_000_000
    return client + 2 >= server - server / 16 && server + 2 >= client - client / 16
  }
}
