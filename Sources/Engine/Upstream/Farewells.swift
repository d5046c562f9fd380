import Basics
import DequeModule

/// The last packets of connections that this side has closed. For a while each answers what still comes for its connection
/// (RFC 9000, section 10.2.1): the peer may not have got it.
struct Farewells {
  private struct Farewell {
    var packet: [UInt8]
    var ids: [ConnectionID]
    var until: Instant
    var answers: Int
  }

  /// Longer than the round trip and the peer's patience for an acknowledgement.
  private static let time = Interval.seconds(3)
  /// Enough for the loss of some, and too few to be of use to somebody who makes up packets.
  private static let mostAnswers = 4
  private static let mostKept = 512

  private var kept = Deque<Farewell>()
  private var due = Deque<[UInt8]>()

  mutating func add(_ packet: [UInt8], ids: [ConnectionID], at now: Instant) {
    due.append(packet)
    if kept.count == Self.mostKept { kept.removeFirst() }
    kept.append(Farewell(packet: packet, ids: ids, until: now + Self.time, answers: Self.mostAnswers))
  }

  func knows(_ id: ConnectionID) -> Bool { kept.contains { $0.ids.contains(id) } }

  /// A packet has come for a connection that is gone.
  mutating func answer(_ id: ConnectionID, at now: Instant) {
    expire(at: now)
    guard let index = kept.firstIndex(where: { $0.ids.contains(id) }), kept[index].answers > 0 else { return }
    kept[index].answers -= 1
    due.append(kept[index].packet)
  }

  mutating func expire(at now: Instant) {
    while let first = kept.first, first.until <= now { kept.removeFirst() }
  }

  mutating func take() -> [UInt8]? { due.popFirst() }
}
