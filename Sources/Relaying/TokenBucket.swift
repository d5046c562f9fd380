import Basics

/// A bucket that fills at a steady rate. It may be overdrawn: who draws learns when it is level again.
struct TokenBucket {
  private let limit: RateLimit
  private var balance: Int64
  private var filledAt: Instant

  init(_ limit: RateLimit, now: Instant) {
    self.limit = limit
    balance = limit.burst
    filledAt = now
  }

  /// Takes `count` out, whatever the level. Nil when the bucket is not overdrawn after it, otherwise the time
  /// when it will be level again.
  mutating func draw(_ count: Int, at now: Instant) -> Instant? {
    fill(now)
    balance = max(balance - Int64(min(count, Int(Self.deepest))), -Self.deepest)
    return balance >= 0 ? nil : now + time(for: -balance)
  }

  /// Takes one out if there is one.
  mutating func take(at now: Instant) -> Bool {
    fill(now)
    guard balance >= 1 else { return false }
    balance -= 1
    return true
  }

  /// Whether it is full.
  mutating func isFull(at now: Instant) -> Bool {
    fill(now)
    return balance == limit.burst
  }

  /// No overdraft grows beyond this.
  private static let deepest: Int64 = 1 << 50

  private mutating func fill(_ now: Instant) {
    let elapsed = (now - filledAt).nanoseconds
    guard elapsed > 0 else { return }
    let missing = limit.burst - balance
    let product = UInt64(limit.perSecond).multipliedFullWidth(by: UInt64(elapsed))
    let gained: UInt64
    if product.high < 1_000_000_000 {
      gained = UInt64(1_000_000_000).dividingFullWidth(product).quotient
    } else {
      gained = .max
    }
    guard gained < UInt64(missing) else {
      balance = limit.burst
      filledAt = now
      return
    }
    balance += Int64(gained)
    // Only the time that the gain took is used up, else a slow bucket that is looked at often would never fill.
    let used = UInt64(limit.perSecond).dividingFullWidth(
      gained.multipliedFullWidth(by: 1_000_000_000)
    ).quotient
    filledAt = filledAt + Interval(nanoseconds: Int64(used))
  }

  private func time(for tokens: Int64) -> Interval {
    let product = UInt64(tokens).multipliedFullWidth(by: 1_000_000_000)
    guard product.high < UInt64(limit.perSecond) else { return .seconds(1 << 30) }
    let nanoseconds = UInt64(limit.perSecond).dividingFullWidth(product).quotient
    return Interval(nanoseconds: Int64(min(nanoseconds, 1 << 60)) + 1)
  }
}
