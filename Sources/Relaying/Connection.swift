import Basics
import Wire

/// What the relay knows about one connection.
final class Connection {
  /// How far a connection has come.
  enum Phase {
    /// The HTTP request is being read.
    case request
    /// The upgrade is done; the client has yet to prove its key.
    case clientInfo
    /// Frames are relayed.
    case established
    /// Nothing is read any more; what waits is written, then the end is shown.
    case closing
  }

  let id: ConnectionID
  let address: Int
  var phase = Phase.request
  /// False once the connection is to be removed.
  var isOpen = true
  let output: OutputQueue
  /// The bytes of a request or frame that is not complete.
  let input = ByteStore()
  /// Bytes still to be skipped of a frame of an unknown type.
  var skip = 0
  var traffic = ConnectionTraffic()

  /// Set when established.
  var peer: Peer?
  /// Whether packets for the key go to this connection.
  var isActive = false

  /// Where the last packet went, so that a run of packets costs one look-up: valid for one version of the
  /// directory.
  var routeKey = Bytes32.zero
  var routeSlot = -1
  var routeVersion: UInt64 = 0

  var bucket: TokenBucket?
  var goneNotices: TokenBucket
  /// Why it is closing; reported at the end.
  var closeReason = CloseReason.disconnected

  // Deadlines; nil when not armed.
  var handshakeDeadline: Instant?
  var keepAlive: Instant?
  var keepAlivePeriod = Interval.zero
  var writeDeadline: Instant?
  var pausedUntil: Instant?
  var closeDeadline: Instant?

  init(id: ConnectionID, address: Int, budget: MemoryBudget, clientRate: RateLimit?, now: Instant) {
    self.id = id
    self.address = address
    output = OutputQueue(budget: budget)
    bucket = clientRate.map { TokenBucket($0, now: now) }
    goneNotices = TokenBucket(RateLimit(perSecond: 3, burst: 3), now: now)
  }

  /// The earliest deadline.
  var deadline: Instant? {
    var earliest: Instant?
    for candidate in [handshakeDeadline, keepAlive, writeDeadline, pausedUntil, closeDeadline] {
      guard let candidate else { continue }
      if earliest.map({ candidate < $0 }) ?? true { earliest = candidate }
    }
    return earliest
  }
}

/// A key that at least one connection has proved.
final class Peer {
  let key: Bytes32
  /// The connections of the key, oldest first. The active one gets the packets: that which joined or sent last.
  var members: [Connection] = []
  /// The connections that packets of this key went to, to be told when the key is gone.
  private var recipients: [ConnectionID] = []
  private var known: Set<ConnectionID> = []

  init(key: Bytes32) { self.key = key }

  /// Remembers that a packet went to `connection`.
  func remember(_ connection: ConnectionID, isOpen: (ConnectionID) -> Bool) {
    guard known.insert(connection).inserted else { return }
    recipients.append(connection)
    // Connections that are gone are swept out when the list has doubled since the last sweep.
    guard recipients.count >= sweepAt else { return }
    recipients.removeAll {
      guard !isOpen($0) else { return false }
      known.remove($0)
      return true
    }
    sweepAt = max(64, recipients.count * 2)
  }

  /// Hands out the list and forgets it.
  func takeRecipients() -> [ConnectionID] {
    defer { (recipients, known) = ([], []) }
    return recipients
  }

  private var sweepAt = 64
}
