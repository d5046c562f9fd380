import Basics

/// A TCP sender with CUBIC (RFC 9438) and selective acknowledgements, as a competitor: window growth with HyStart's
/// delay test (RFC 9406), the Reno-friendly region, one reduction a round trip. It sends whenever its window has room,
/// each packet is acknowledged, and what is lost is known when three later packets have arrived.
struct CubicFlow {
  static let segment = 1_448
  private static let scale = 0.4
  private static let beta = 0.7

  private var window = 10.0
  private var threshold = Double.infinity
  private var peak = 0.0
  private var reno = 0.0
  private var epochAt: Instant?
  private var recoveryEnds: UInt64 = 0
  private var shortest = Interval.seconds(10)
  private(set) var next: UInt64 = 0
  /// Numbers that are neither acknowledged nor known to be lost lie from here on.
  private var oldest: UInt64 = 0
  private var inFlight = 0
  private(set) var delivered: UInt64 = 0
  private(set) var quietSince = Instant.zero

  var maySend: Bool { Double(inFlight) < window }

  /// A packet left; returns its number.
  mutating func send() -> UInt64 {
    inFlight += 1
    next += 1
    return next - 1
  }

  /// The packet `number` was acknowledged; the path keeps order, so what is missing before it is lost.
  mutating func acknowledged(_ number: UInt64, roundTrip: Interval, at now: Instant) {
    guard number >= oldest else { return }
    quietSince = now
    let lost = Int(number - oldest)
    oldest = number + 1
    inFlight = max(0, inFlight - lost - 1)
    delivered += 1
    shortest = min(shortest, roundTrip)
    if lost > 0, number >= recoveryEnds { reduce() }
    grow(roundTrip, at: now)
  }

  private mutating func reduce() {
    recoveryEnds = next
    // Fast convergence (RFC 9438 section 4.7).
    peak = window < peak ? window * (1 + Self.beta) / 2 : window
    window = max(window * Self.beta, 2)
    threshold = window
    epochAt = nil
  }

  private mutating func grow(_ roundTrip: Interval, at now: Instant) {
    if window < threshold {
      let margin = min(max(shortest / 8, .milliseconds(4)), .milliseconds(16))
      if roundTrip > shortest + margin, window > 16 { threshold = window }
      window += 1
      return
    }
    guard oldest >= recoveryEnds else { return }
    if epochAt == nil {
      epochAt = now
      if peak < window { peak = window }
      reno = window
    }
    let elapsed = (now - epochAt!).inSeconds + roundTrip.inSeconds
    let distance = elapsed - Self.cubeRoot((peak - window0) / Self.scale)
    let target = min(max(Self.scale * distance * distance * distance + peak, window), 1.5 * window)
    reno += 3 * (1 - Self.beta) / (1 + Self.beta) / window
    window = max(window + (target - window) / window, min(reno, window + 1))
  }

  /// The window at the beginning of the epoch.
  private var window0: Double { min(threshold, peak) }

  /// Nothing came back for a retransmission timeout.
  mutating func timedOut(at now: Instant) {
    quietSince = now
    threshold = max(window * Self.beta, 2)
    window = 2
    inFlight = 0
    oldest = next
    recoveryEnds = next
    epochAt = nil
  }

  private static func cubeRoot(_ value: Double) -> Double {
    guard value > 0 else { return 0 }
    var root = max(value, 1)
    for _ in 0..<60 { root -= (root * root * root - value) / (3 * root * root) }
    return root
  }
}
