import Basics
import DequeModule

/// The peer's nonces that were seen, so that a replayed probe teaches nothing. Bounded: the oldest are forgotten.
struct SeenNonces {
  static let maximumCount = 4_096

  private var known: Set<Bytes16> = []
  private var order = Deque<Bytes16>()

  /// Notes a nonce; false when it was seen before.
  mutating func insert(_ nonce: Bytes16) -> Bool {
    guard known.insert(nonce).inserted else { return false }
    order.append(nonce)
    if order.count > Self.maximumCount { known.remove(order.removeFirst()) }
    return true
  }
}
