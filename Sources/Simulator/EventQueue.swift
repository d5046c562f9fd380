import Basics

/// What can come due in the virtual world. Parties, connections and faults are named by their numbers.
enum WorldEvent {
  /// A party's program is started.
  case start(party: Int)
  /// A party's attempt to reach the relay comes to its end.
  case dialled(party: Int, attempt: Int)
  /// Bytes arrive at one end of a connection.
  case arrival(connection: Int, atRelay: Bool)
  /// A frame that was delayed goes on its way to the party.
  case late(connection: Int, frame: [UInt8])
  /// A session's deadline.
  case timer(party: Int)
  /// The relay's deadline.
  case relayTimer
  /// A scheduled fault.
  case fault(Int)
  /// A slow source has bytes again.
  case source(party: Int)
  /// A slow output takes bytes again.
  case output(party: Int)
  /// The output has been closed.
  case outputClosed(party: Int)
  /// A datagram has left a party's access and crosses the public network.
  case crossing(Datagram, host: Int?)
  /// A datagram reaches a party's interface, through its NATs.
  case landing(Datagram, party: Int)
  /// The interface hands over what it has gathered.
  case handover(party: Int)
  /// A socket takes datagrams again.
  case roomy(party: Int)
  /// A party learns of the STUN servers.
  case stunKnown(party: Int)
  /// A router has made a static mapping, or has lost it.
  case mapping(party: Int, exists: Bool)
}

/// Events ordered by time, and those of one instant by the order in which they were added.
struct EventQueue {
  private struct Entry {
    let at: Instant
    let sequence: UInt64
    let event: WorldEvent

    func precedes(_ other: Entry) -> Bool {
      at == other.at ? sequence < other.sequence : at < other.at
    }
  }

  /// A binary heap.
  private var entries: [Entry] = []
  private var nextSequence: UInt64 = 0

  var count: Int { entries.count }

  /// Adds an event.
  mutating func add(_ event: WorldEvent, at instant: Instant) {
    var index = entries.count
    entries.append(Entry(at: instant, sequence: nextSequence, event: event))
    nextSequence += 1
    while index > 0 {
      let parent = (index - 1) / 2
      guard entries[index].precedes(entries[parent]) else { break }
      entries.swapAt(index, parent)
      index = parent
    }
  }

  /// Takes the earliest event.
  mutating func next() -> (at: Instant, event: WorldEvent)? {
    guard let first = entries.first else { return nil }
    let last = entries.removeLast()
    if !entries.isEmpty {
      entries[0] = last
      sink()
    }
    return (first.at, first.event)
  }

  private mutating func sink() {
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < entries.count {
        if entries[child].precedes(entries[least]) { least = child }
      }
      guard least != index else { return }
      entries.swapAt(index, least)
      index = least
    }
  }
}
