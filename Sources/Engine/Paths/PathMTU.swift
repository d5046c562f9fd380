import Basics

/// How large datagrams of one path may be: starts at a size that every path carries and searches upwards, as RFC 8899
/// describes it (datagram packetization layer path-MTU discovery). A search packet is a sealed challenge, padded, with
/// "don't fragment" set; a lost one costs nothing else.
///
/// The sizes tried are those of common links rather than a bisection: two or three packets find the usual answer.
struct PathMTU {
  /// What every path carries: 1,280 bytes of IPv6 (RFC 8200 section 5) less headers, and a margin for tunnels.
  static let base = 1_200
  /// How often a size is tried.
  static let tries = 3
  /// A failed search is repeated after this long (RFC 8899 section 5.1.1, PMTU_RAISE_TIMER).
  static let raiseAfter = Interval.seconds(600)

  /// Bytes of UDP payload that are tried, ascending: PPPoE and tunnels, Ethernet, jumbo frames.
  private let sizes: [Int]
  /// Bytes of UDP payload that are known to arrive.
  private(set) var size = PathMTU.base
  /// Index into `sizes` of what is being tried.
  private var next = 0
  private var triesLeft = PathMTU.tries
  private var dueAt: Instant
  private var token: UInt64?

  /// - Parameter isIPv6: IPv6 headers are 20 bytes longer.
  init(isIPv6: Bool, at now: Instant) {
    let headers = isIPv6 ? 48 : 28
    sizes = [1_380, 1_420, 1_492, 1_500, 9_000].map { $0 - headers }
    dueAt = now
  }

  /// When a search packet is due.
  var deadline: Instant { dueAt }

  /// The size of the search packet that is due, if any.
  mutating func dueSize(at now: Instant, roundTrip: Interval) -> Int? {
    guard dueAt <= now else { return nil }
    if next >= sizes.count {
      // Everything was tried: later again, from the first size that failed.
      next = sizes.firstIndex { $0 > size } ?? sizes.count
      triesLeft = Self.tries
      guard next < sizes.count else {
        dueAt = now + Self.raiseAfter
        return nil
      }
    }
    if triesLeft == 0 { return fail(at: now) }
    triesLeft -= 1
    dueAt = now + roundTrip * 2 + .milliseconds(100)
    return sizes[next]
  }

  /// The search packet left with this token.
  mutating func sent(token: UInt64) { self.token = token }

  /// An echo of this token came; true when the size grew.
  mutating func answered(_ answered: UInt64, at now: Instant) -> Bool {
    guard let token, token == answered, next < sizes.count else { return false }
    self.token = nil
    size = sizes[next]
    next += 1
    triesLeft = Self.tries
    dueAt = next < sizes.count ? now : now + Self.raiseAfter
    return true
  }

  /// The path carries payload, perhaps again: what failed before may pass now.
  mutating func searchAgain(at now: Instant) {
    next = sizes.firstIndex { $0 > size } ?? sizes.count
    triesLeft = Self.tries
    token = nil
    dueAt = next < sizes.count ? now : now + Self.raiseAfter
  }

  /// The system refused a packet of `length` bytes as too large, or the present size no longer passes.
  mutating func refused(length: Int, at now: Instant) {
    if length <= size { size = Self.base }
    _ = fail(at: now)
  }

  /// The end of a search: what failed is tried again much later.
  private mutating func fail(at now: Instant) -> Int? {
    next = sizes.count
    token = nil
    dueAt = now + Self.raiseAfter
    return nil
  }
}
